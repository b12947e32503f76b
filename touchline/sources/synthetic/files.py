"""Write a match's labels and commentary in SoccerNet's and Echoes' own formats."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from touchline.products import whole_file
from touchline.sources.synthetic.commentary import Line
from touchline.sources.synthetic.match import Event, Match


def labels(match: Match, path: Path) -> None:
    """SoccerNet `Labels-v2.json`; positions are milliseconds of the half, as text."""
    annotations = [
        _annotation(event) for event in sorted(match.events, key=lambda e: (e.half, e.time))
    ]
    _json(path, {"UrlLocal": f"{match.folder}/", "UrlYoutube": "", "annotations": annotations})


def speech(lines: Sequence[Line], path: Path) -> None:
    """Echoes `{half}_asr.json`; keys are numbers as text."""
    _json(path, {"segments": {str(i): list(line) for i, line in enumerate(lines)}})


def _annotation(event: Event) -> dict[str, str]:
    minutes, seconds = divmod(int(event.time), 60)
    return {
        "gameTime": f"{event.half} - {minutes:02d}:{seconds:02d}",
        "label": event.label,
        "position": str(round(event.time * 1000)),
        "team": event.team,
        "visibility": "visible",
    }


def _json(path: Path, content: dict[str, Any]) -> None:
    with whole_file(path) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n")

"""Render a synthetic match to video files, with its labels and commentary in SoccerNet's and
Echoes' file formats.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from touchline.atomic import atomic_file
from touchline.sources.synthetic import badminton, basketball, soccer
from touchline.sources.synthetic.commentary import CommentaryLine, generate_commentary_lines
from touchline.sources.synthetic.half import HalfRenderer
from touchline.sources.synthetic.match import MatchEvent, SyntheticMatch, draw_fixture
from touchline.sources.synthetic.show import RenderSpec
from touchline.sports import SPORTS


def write_labels_v2(match: SyntheticMatch, path: Path) -> None:
    """Write SoccerNet's `Labels-v2.json`; positions are milliseconds of the half, as text."""
    annotations = [
        _to_annotation(event) for event in sorted(match.events, key=lambda e: (e.half, e.time))
    ]
    _write_json(
        path, {"UrlLocal": f"{match.folder}/", "UrlYoutube": "", "annotations": annotations}
    )


def write_echoes_transcript(lines: Sequence[CommentaryLine], path: Path) -> None:
    """Write Echoes' `{half}_asr.json`; the keys are line numbers as text."""
    _write_json(path, {"segments": {str(i): list(line) for i, line in enumerate(lines)}})


def _to_annotation(event: MatchEvent) -> dict[str, str]:
    minutes, seconds = divmod(int(event.time), 60)
    return {
        "gameTime": f"{event.half} - {minutes:02d}:{seconds:02d}",
        "label": event.label,
        "position": str(round(event.time * 1000)),
        "team": event.team,
        "visibility": "visible",
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_file(path) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n")


RENDER_SPECS: dict[str, RenderSpec] = {
    "soccer": soccer.RENDER_SPEC,
    "badminton": badminton.RENDER_SPEC,
    "basketball": basketball.RENDER_SPEC,
}
HALVES = (1, 2)  # games of a badminton match, too
SPEECH_PURPOSE = 20  # random numbers of the commentary: purposes 21 and 22 of a match


def plan_match(sport: str, seed: int, index: int, half_seconds: int) -> SyntheticMatch:
    """Plan the match with this index. It does not depend on how many matches are rendered."""
    show, key = RENDER_SPECS[sport], (seed, list(RENDER_SPECS).index(sport), index)
    rng = np.random.default_rng(key)
    day, names, kits = draw_fixture(rng, index)
    events = [event for half in HALVES for event in show.plan(rng, half, half_seconds)]
    points = show.points(rng, events, half_seconds)
    return SyntheticMatch(
        sport=sport,
        day=day,
        names=names,
        kits=kits,
        half_seconds=half_seconds,
        events=tuple(events),
        points=tuple(points),
        seed=key,
    )


def render_half(match: SyntheticMatch, half: int, folder: Path) -> None:
    """Write the video and transcript of one half below `folder`; the first half also writes the
    match's labels.
    """
    show, place = RENDER_SPECS[match.sport], folder / match.folder
    if half == HALVES[0]:
        write_labels_v2(match, place / "Labels-v2.json")
    events = [e for e in match.events if e.half == half]
    spoken = generate_commentary_lines(
        match.generator(SPEECH_PURPOSE + half), show, events, match.half_seconds
    )
    write_echoes_transcript(spoken, place / f"{half}_asr.json")
    HalfRenderer(match, show, half).render_video(
        place / f"{half}_224p.mkv", SPORTS[match.sport].reach
    )

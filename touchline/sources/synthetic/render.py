"""Plan matches from a seed and render them: videos, labels and commentary."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from touchline.atomic import whole_file
from touchline.sources.synthetic import badminton, basketball, soccer
from touchline.sources.synthetic.commentary import Line, lines
from touchline.sources.synthetic.half import Half
from touchline.sources.synthetic.match import Event, Match, fixture
from touchline.sources.synthetic.show import Show
from touchline.sports import SPORTS


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


SHOWS: dict[str, Show] = {
    "soccer": soccer.SHOW,
    "badminton": badminton.SHOW,
    "basketball": basketball.SHOW,
}
HALVES = (1, 2)  # games of a badminton match, too
SPEECH = 20  # random numbers of the commentary: purposes 21 and 22 of a match


def plan(sport: str, seed: int, index: int, half_seconds: int) -> Match:
    """The match with this index; it stays the same when more matches are asked for."""
    show, key = SHOWS[sport], (seed, list(SHOWS).index(sport), index)
    rng = np.random.default_rng(key)
    day, names, kits = fixture(rng, index)
    events = [event for half in HALVES for event in show.plan(rng, half, half_seconds)]
    points = show.points(rng, events, half_seconds)
    return Match(sport, day, names, kits, half_seconds, tuple(events), tuple(points), key)


def render(match: Match, half: int, folder: Path) -> None:
    """Write one half of a match below `folder`; the first brings the labels of the match."""
    show, place = SHOWS[match.sport], folder / match.folder
    if half == HALVES[0]:
        labels(match, place / "Labels-v2.json")
    events = [e for e in match.events if e.half == half]
    spoken = lines(match.generator(SPEECH + half), show, events, match.half_seconds)
    speech(spoken, place / f"{half}_asr.json")
    Half(match, show, half).film(place / f"{half}_224p.mkv", SPORTS[match.sport].reach)

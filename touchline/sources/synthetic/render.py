"""Plan matches from a seed and render them: videos, labels and commentary."""

from pathlib import Path

import numpy as np

from touchline.sources.synthetic import badminton, basketball, files, soccer
from touchline.sources.synthetic.commentary import lines
from touchline.sources.synthetic.half import Half
from touchline.sources.synthetic.match import Match, fixture
from touchline.sources.synthetic.show import Show
from touchline.sports import SPORTS

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
        files.labels(match, place / "Labels-v2.json")
    events = [e for e in match.events if e.half == half]
    spoken = lines(match.generator(SPEECH + half), show, events, match.half_seconds)
    files.speech(spoken, place / f"{half}_asr.json")
    Half(match, show, half).film(place / f"{half}_224p.mkv", SPORTS[match.sport].reach)

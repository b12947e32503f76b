"""A match in one file or several: which stretch of which file is which half, by the match clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from touchline.errors import BadInput
from touchline.highlights.frame_index import Shown, shown
from touchline.highlights.wish import ORDINALS, Stretch, Wish
from touchline.sports import SPORTS
from touchline.video.container import clock

HALF = re.compile(r"([12])_")  # how SoccerNet and our own renderer name the file of a half


@dataclass(frozen=True)
class Part:
    """A stretch of a file that is one period, or of which nobody knows what it is."""

    shown: Shown
    period: int  # from 1; 0: not known
    start: float  # seconds of the file
    end: float
    zero: float  # what the match clock shows at `start`, seconds

    def match_time(self, time: float) -> float:
        """A second of the file on the match clock."""
        return self.zero + time - self.start


def parts(films: Sequence[Path], sport: str, kickoff2: float | None) -> list[Part]:
    """The periods in their order.

    Several files are one period each. A single one is split where the second kicks off, or is the
    period its name begins with (`1_`, `2_`), or is not known to be any. In a sport whose period
    has a length, the clock of the next one begins there, whatever was added.
    """
    names = [film.name for film in films]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        wrong = f"two files are called {twice}: nobody could tell them apart in the reel's record"
        raise BadInput("--halves", wrong, "give them names of their own")
    found = [shown(film) for film in films]
    if kickoff2 is not None and len(found) != 1:
        raise BadInput("--kickoff2", "is for a match in one file", "leave it out, or the halves")
    if kickoff2 is not None:
        return _split(found[0], kickoff2, sport)
    if len(found) > 1:
        return _clocked([_whole(one, number) for number, one in enumerate(found, 1)], sport)
    named = HALF.match(films[0].name)
    period = int(named[1]) if named else 0
    known = SPORTS[sport].period_seconds
    zero = known * (period - 1) if period > 1 and known < float("inf") else 0.0
    return [replace(_whole(found[0], period), zero=zero)]


def _split(film: Shown, kickoff2: float, sport: str) -> list[Part]:
    if not 0 < kickoff2 < film.end:
        wrong = f"{clock(kickoff2)} is not within the file, which ends at {clock(film.end)}"
        raise BadInput("--kickoff2", wrong, "give the time of the file at which it kicks off")
    first = Part(film, 1, 0.0, kickoff2, 0.0)
    return _clocked([first, Part(film, 2, kickoff2, film.end, 0.0)], sport)


def _whole(film: Shown, period: int) -> Part:
    return Part(film, period, 0.0, film.end, 0.0)


def _clocked(found: list[Part], sport: str) -> list[Part]:
    zeros = [0.0]
    for before, _ in pairwise(found):
        zeros.append(zeros[-1] + min(before.end - before.start, SPORTS[sport].period_seconds))
    return [replace(part, zero=zero) for part, zero in zip(found, zeros, strict=True)]


def narrowed(found: Sequence[Part], wish: Wish) -> list[Part]:
    """The parts, or stretches of them, that a request is about.

    Raises `BadInput` when it names a half and nobody knows which is which, or one that is not
    here, or when nothing is left.
    """
    chosen = [part for part in found if not wish.periods or part.period in wish.periods]
    if wish.periods and not all(part.period for part in found):
        named = f"{ORDINALS[wish.periods[0] - 1]} {wish.period}"
        wrong = f"the {named} is asked for, but not known to begin"
        remedy = "say --kickoff2 TIME (of the file), or give --halves FIRST SECOND"
        raise BadInput(found[0].shown.path.name, wrong, remedy)
    missing = set(wish.periods) - {part.period for part in found}
    if missing:
        named = f"{ORDINALS[min(missing) - 1]} {wish.period}"
        raise BadInput(found[0].shown.path.name, f"the {named} is not in it", "give its file, too")
    left = _stretched(chosen, wish.stretch) if wish.stretch else chosen
    if not left:
        length = clock(sum(part.end - part.start for part in found))
        said = wish.stretch.said() if wish.stretch else ""
        raise BadInput(f'"{said}"', f"is no time of this match of {length}", "ask within it")
    return left


def _stretched(found: Sequence[Part], stretch: Stretch) -> list[Part]:
    """What of the parts lies within a stretch of the clock, or in the first or last seconds."""
    if stretch.first or stretch.last:
        total = sum(part.end - part.start for part in found)
        low = 0.0 if stretch.first else max(0.0, total - stretch.last)
        high = stretch.first or total
        befores = [sum(p.end - p.start for p in found[:i]) for i in range(len(found))]
        cut = [_within(p, low - b, high - b) for p, b in zip(found, befores, strict=True)]
    else:
        cut = [_within(p, stretch.start - p.zero, stretch.end - p.zero) for p in found]
    return [part for part in cut if part]


def _within(part: Part, low: float, high: float) -> Part | None:
    """The part from `low` to `high`, in seconds from its start."""
    start, end = max(part.start, part.start + low), min(part.end, part.start + high)
    if end <= start:
        return None
    return replace(part, start=start, end=end, zero=part.zero + start - part.start)

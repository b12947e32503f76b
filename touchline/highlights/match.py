"""Map a match in one or more video files to periods and to the match clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from touchline.errors import InputError
from touchline.highlights.frame_index import FrameIndex, index_video_frames
from touchline.highlights.wish import ORDINALS, ClockRange, ReelQuery
from touchline.sports import SPORTS
from touchline.video.container import format_video_time

HALF_PREFIX = re.compile(r"([12])_")  # how SoccerNet and our own renderer name the file of a half


@dataclass(frozen=True)
class MatchPart:
    """A stretch of a file that shows one period of the match, or (`period` 0) an unknown one."""

    frame_index: FrameIndex
    period: int  # from 1; 0: not known
    start: float  # seconds of the file
    end: float
    zero: float  # what the match clock shows at `start`, seconds

    def match_time(self, time: float) -> float:
        """Convert seconds of the file to seconds of the match clock."""
        return self.zero + time - self.start


def list_match_parts(films: Sequence[Path], sport: str, kickoff2: float | None) -> list[MatchPart]:
    """The periods of the match in order.

    Several files are one period each. A single file is split at `kickoff2` (seconds of the file),
    or is the period its name starts with (`1_`, `2_`), or has period 0 (unknown). In sports with a
    fixed period length, each period's clock starts at a multiple of that length, regardless of
    added time. Raises `InputError`.
    """
    names = [film.name for film in films]
    if duplicate := next((name for name in names if names.count(name) > 1), ""):
        wrong = (
            f"two files are called {duplicate}: nobody could tell them apart in the reel's record"
        )
        raise InputError("--halves", wrong, "give them names of their own")
    frame_indexes = [index_video_frames(film) for film in films]
    if kickoff2 is not None and len(frame_indexes) != 1:
        raise InputError("--kickoff2", "is for a match in one file", "leave it out, or the halves")
    if kickoff2 is not None:
        return _split_at_kickoff(frame_indexes[0], kickoff2, sport)
    if len(frame_indexes) > 1:
        return _set_match_clock(
            [
                _full_file_part(frame_index, number)
                for number, frame_index in enumerate(frame_indexes, 1)
            ],
            sport,
        )
    name_match = HALF_PREFIX.match(films[0].name)
    period = int(name_match[1]) if name_match else 0
    period_seconds = SPORTS[sport].period_seconds
    zero = period_seconds * (period - 1) if period > 1 and period_seconds < float("inf") else 0.0
    return [replace(_full_file_part(frame_indexes[0], period), zero=zero)]


def _split_at_kickoff(film: FrameIndex, kickoff2: float, sport: str) -> list[MatchPart]:
    if not 0 < kickoff2 < film.end:
        wrong = (
            f"{format_video_time(kickoff2)} is not within the file, which ends at "
            f"{format_video_time(film.end)}"
        )
        raise InputError("--kickoff2", wrong, "give the time of the file at which it kicks off")
    first = MatchPart(film, 1, 0.0, kickoff2, 0.0)
    return _set_match_clock([first, MatchPart(film, 2, kickoff2, film.end, 0.0)], sport)


def _full_file_part(film: FrameIndex, period: int) -> MatchPart:
    return MatchPart(film, period, 0.0, film.end, 0.0)


def _set_match_clock(match_parts: list[MatchPart], sport: str) -> list[MatchPart]:
    zeros = [0.0]
    for before, _ in pairwise(match_parts):
        zeros.append(zeros[-1] + min(before.end - before.start, SPORTS[sport].period_seconds))
    return [replace(part, zero=zero) for part, zero in zip(match_parts, zeros, strict=True)]


def select_match_parts(match_parts: Sequence[MatchPart], wish: ReelQuery) -> list[MatchPart]:
    """The parts, or stretches of them, that a request asks about.

    Raises `InputError` if the request names a period and the periods are unknown or that one is
    missing, or if its time range lies outside the match.
    """
    chosen = [part for part in match_parts if not wish.periods or part.period in wish.periods]
    if wish.periods and not all(part.period for part in match_parts):
        period_name = f"{ORDINALS[wish.periods[0] - 1]} {wish.period}"
        wrong = f"the {period_name} is asked for, but not known to begin"
        remedy = "say --kickoff2 TIME (of the file), or give --halves FIRST SECOND"
        raise InputError(match_parts[0].frame_index.path.name, wrong, remedy)
    missing = set(wish.periods) - {part.period for part in match_parts}
    if missing:
        period_name = f"{ORDINALS[min(missing) - 1]} {wish.period}"
        raise InputError(
            match_parts[0].frame_index.path.name,
            f"the {period_name} is not in it",
            "give its file, too",
        )
    selected = _clip_to_range(chosen, wish.stretch) if wish.stretch else chosen
    if not selected:
        length = format_video_time(sum(part.end - part.start for part in match_parts))
        time_range = wish.stretch.describe() if wish.stretch else ""
        raise InputError(
            f'"{time_range}"', f"is not a time of this match of {length}", "ask within it"
        )
    return selected


def _clip_to_range(match_parts: Sequence[MatchPart], stretch: ClockRange) -> list[MatchPart]:
    """What of the parts lies within a stretch of the clock, or in the first or last seconds."""
    if stretch.first or stretch.last:
        total = sum(part.end - part.start for part in match_parts)
        low = 0.0 if stretch.first else max(0.0, total - stretch.last)
        high = stretch.first or total
        offsets = [sum(p.end - p.start for p in match_parts[:i]) for i in range(len(match_parts))]
        clipped = [
            _clip_part(p, low - b, high - b) for p, b in zip(match_parts, offsets, strict=True)
        ]
    else:
        clipped = [_clip_part(p, stretch.start - p.zero, stretch.end - p.zero) for p in match_parts]
    return [part for part in clipped if part]


def _clip_part(part: MatchPart, low: float, high: float) -> MatchPart | None:
    """The part from `low` to `high`, in seconds from its start."""
    start, end = max(part.start, part.start + low), min(part.end, part.start + high)
    if end <= start:
        return None
    return replace(part, start=start, end=end, zero=part.zero + start - part.start)

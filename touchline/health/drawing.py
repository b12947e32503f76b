"""Lines for the health page: timelines, repeats, clocks, as paths of small SVGs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from touchline.health.case import Readings
from touchline.records import Label, Speech

WIDE = 1000.0  # units of a timeline
STEPS = (5, 10, 30, 60, 300, 600, 1200, 3600)  # seconds between two ticks
TICKS = 10  # at most


@dataclass(frozen=True)
class Strip:
    """The paths of one video: its extent, labels, commentary, repeated lines, findings."""

    width: float
    labels: str
    spans: str  # labels that last
    speech: str
    repeats: str
    marks: str


def strip(
    duration: float,
    longest: float,
    labels: Sequence[Label],
    lines: Sequence[Speech],
    marks: Iterable[float],
) -> Strip:
    """All times in seconds of the video; `longest` is the length of the whole timeline."""
    unit = WIDE / longest
    again = {after.id for before, after in pairwise(lines) if before.text == after.text}
    return Strip(
        duration * unit,
        _ticks((label.start for label in labels if label.end == label.start), unit, "v12"),
        _bars(((label.start, label.end) for label in labels if label.end > label.start), unit, 7),
        _bars(((line.start, line.end) for line in lines if line.id not in again), unit, 18),
        _bars(((line.start, line.end) for line in lines if line.id in again), unit, 18),
        _ticks(marks, unit, "v20"),
    )


def _ticks(times: Iterable[float], unit: float, down: str) -> str:
    return "".join(f"M{time * unit:.1f} 1{down}" for time in times)


def _bars(spans: Iterable[tuple[float, float]], unit: float, row: int) -> str:
    return "".join(f"M{a * unit:.1f} {row}h{max((b - a) * unit, 0.5):.1f}" for a, b in spans)


def ticks(longest: float) -> list[tuple[float, float]]:
    """(seconds, percent) of the marks below a timeline."""
    step = next((step for step in STEPS if longest / step <= TICKS), STEPS[-1])
    return [(float(t), t / longest * 100) for t in range(0, int(longest) + 1, step)]


def columns(shares: Sequence[float]) -> list[tuple[float, float, float]]:
    """(left, width, share), all in percent, of one column per transcript."""
    width = 100 / max(len(shares), 1)
    return [(number * width, width, share * 100) for number, share in enumerate(shares)]


@dataclass(frozen=True)
class Clock:
    """How the clock of one video runs against the file."""

    video: str
    read: str
    offset: float | None  # seconds by which it is ahead, the median
    spread: float | None
    points: list[tuple[float, float]]  # percent of the video, percent of the height


REACH = 5.0  # seconds above and below the median that are drawn


def clocks(readings: Sequence[Readings]) -> list[Clock]:
    return [_clock(seen) for seen in readings]


def _clock(seen: Readings) -> Clock:
    read = f"{len(seen.times)} of {seen.asked}"
    if not seen.times:
        return Clock(seen.video, read, None, None, [])
    middle, end = median(seen.offsets), max(seen.times) + min(seen.times)
    points = [
        (time / end * 100, 50 - 50 * max(-1.0, min(1.0, (offset - middle) / REACH)))
        for time, offset in zip(seen.times, seen.offsets, strict=True)
    ]
    return Clock(seen.video, read, middle, seen.spread if len(points) > 1 else None, points)

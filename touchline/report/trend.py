"""`trend.html`: scores over nights, their intervals, floors and the gate's verdicts; offline."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from touchline.report.template import write_page

WIDTH, HEIGHT = 1000.0, 200.0  # of a plot, in the units of its SVG
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 22.0, 26.0  # margins
BEFORE = {"champion": 0.0, "benchmark": 0.5, "gap": 0.5}  # nights an event stands before its own
ASIDE = {"champion": -2.5, "newest": 2.5}  # so that whiskers of one night do not hide each other
DATES = 8  # at most so many along an axis
LEAST = 0.1  # an axis spans at least so much, so that noise looks like noise


class Point(NamedTuple):
    """One night's number; `at` is the place of the night."""

    at: int
    name: str  # whose
    value: float
    low: float
    high: float


class Event(NamedTuple):
    """What stands across all plots: `champion`, `benchmark` or `gap`."""

    at: int
    kind: str
    text: str


@dataclass(frozen=True)
class Plot:
    """One task over the nights: a line per role, and the best floor."""

    task: str
    metric: str
    lines: Mapping[str, Sequence[Point]]
    floors: Sequence[Point]


@dataclass(frozen=True)
class Row:
    """One night in words."""

    id: str
    when: str
    state: str
    sentence: str
    verdicts: Sequence[str]
    decisions: Sequence[tuple[str, bool, Sequence[Mapping[str, Any]]]]  # model, promoted, rulings
    alerts: Sequence[tuple[str, str]]  # about, outcome
    page: str  # of the night's evaluation, beside this one; "" for none


@dataclass(frozen=True)
class Story:
    """What the page shows; the nights in order, the oldest first."""

    plots: Sequence[Plot]
    events: Sequence[Event]
    rows: Sequence[Row]


def write_trend(path: Path, story: Story) -> None:
    """Write the page; with no nights it says so."""
    count = len(story.rows)
    write_page(
        path,
        "trend.html",
        plots=[drawn(plot, count) for plot in story.plots],
        events=[(event, f"{across(event.at - BEFORE[event.kind], count):.1f}")
                for event in story.events],
        dates=[(f"{across(at, count):.1f}", story.rows[at].when[5:10]) for at in _dates(count)],
        marks=[(f"{across(at, count):.1f}", row) for at, row in enumerate(story.rows)],
        rows=list(reversed(story.rows)),
        box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP,
             "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM},
    )  # fmt: skip


def drawn(plot: Plot, count: int) -> dict[str, Any]:
    """A plot in the units of its SVG."""
    points = [*plot.floors, *(point for line in plot.lines.values() for point in line)]
    low, high = _span(points)

    def down(value: float) -> float:
        share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - min(max(share, 0), 1) * (HEIGHT - TOP - BOTTOM)

    return {
        "task": plot.task,
        "metric": plot.metric,
        "ticks": [(f"{down(tick):.1f}", f"{tick:.2f}") for tick in _ticks(low, high)],
        "floor": [_band(part, count, down) for part in _parts(plot.floors)],
        "floor_name": plot.floors[-1].name.removeprefix("floor.") if plot.floors else "",
        "lines": {
            role: _line(line, count, down, ASIDE[role]) for role, line in plot.lines.items() if line
        },
        "last": {role: line[-1] for role, line in plot.lines.items() if line},
    }


def across(at: float, count: int) -> float:
    """Where a night stands."""
    wide = WIDTH - LEFT - RIGHT
    return LEFT + wide * ((at + 0.5) / max(count, 1))


def _span(points: Sequence[Point]) -> tuple[float, float]:
    """Where the axis begins and ends: round numbers around everything shown, within 0 and 1."""
    low = min((point.low for point in points), default=0.0)
    high = max((point.high for point in points), default=1.0)
    step = _step(max(high - low, LEAST))
    low = max(0.0, math.floor(low / step + 1e-9) * step)
    high = min(1.0, math.ceil(high / step - 1e-9) * step) if high <= 1 else math.ceil(high)
    return (low, high) if high - low >= LEAST - 1e-9 else (max(0.0, high - LEAST), high or LEAST)


def _step(span: float) -> float:
    power = 10 ** math.floor(math.log10(span / 4))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= span / 4 - 1e-9)


def _ticks(low: float, high: float) -> list[float]:
    step = _step(high - low)
    return [low + n * step for n in range(round((high - low) / step) + 1)]


def _parts(points: Sequence[Point]) -> list[list[Point]]:
    """Runs of nights without a gap."""
    parts: list[list[Point]] = []
    for point in points:
        if parts and point.at == parts[-1][-1].at + 1:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def _band(part: Sequence[Point], count: int, down: Any) -> dict[str, str]:
    """The floor's interval as an area, half a night wider than its nights, and its value."""
    half = (across(1, count) - across(0, count)) / 2
    edges = [(part[0], -half), *((point, 0.0) for point in part), (part[-1], half)]
    xs = [across(point.at, count) + more for point, more in edges]
    over = [f"{x:.1f},{down(p.high):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    under = [f"{x:.1f},{down(p.low):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    middle = [f"{x:.1f},{down(p.value):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    return {"area": " ".join([*over, *reversed(under)]), "line": " ".join(middle)}


def _line(line: Sequence[Point], count: int, down: Any, aside: float) -> dict[str, Any]:
    """The points with their whiskers; nights in a row are joined."""

    def right(point: Point) -> str:
        return f"{across(point.at, count) + aside:.1f}"

    return {
        "paths": [
            " ".join(f"{right(p)},{down(p.value):.1f}" for p in part) for part in _parts(line)
        ],
        "points": [
            (right(p), *(f"{down(v):.1f}" for v in (p.value, p.low, p.high)), p) for p in line
        ],
    }


def _dates(count: int) -> list[int]:
    """The places of the nights whose dates are written."""
    every = max(1, math.ceil(count / DATES))
    return list(range(0, count, every))

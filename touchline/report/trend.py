"""Write `trend.html`: scores over the nightly runs with intervals and floors, and the promotion
decisions; offline.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from touchline.html_page.template import write_html_page

WIDTH, HEIGHT = 1000.0, 200.0  # of a plot, in the units of its SVG
LEFT, RIGHT, TOP, BOTTOM = 46.0, 14.0, 22.0, 26.0  # margins
EVENT_OFFSETS = {
    "champion": 0.0,
    "benchmark": 0.5,
    "gap": 0.5,
}  # nights an event stands before its own
ROLE_OFFSETS = {
    "champion": -2.5,
    "newest": 2.5,
}  # so that whiskers of one night do not hide each other
MAX_DATES = 8  # at most so many along an axis
MIN_AXIS_SPAN = 0.1  # an axis spans at least so much, so that noise looks like noise


class TrendPoint(NamedTuple):
    """One night's score; `at` is the index of the night."""

    at: int
    name: str  # whose
    value: float
    low: float
    high: float


class TrendEvent(NamedTuple):
    """A vertical line across all plots; `kind` is `champion`, `benchmark` or `gap`."""

    at: int
    kind: str
    text: str


@dataclass(frozen=True)
class TrendPlot:
    """One task over the nights: a line per role (champion, newest) and the best floor."""

    task: str
    metric: str
    lines: Mapping[str, Sequence[TrendPoint]]
    floors: Sequence[TrendPoint]


@dataclass(frozen=True)
class NightRow:
    """One night in words, for the table below the plots."""

    id: str
    when: str
    state: str
    sentence: str
    verdicts: Sequence[str]
    decisions: Sequence[tuple[str, bool, Sequence[Mapping[str, Any]]]]  # model, promoted, rulings
    alerts: Sequence[tuple[str, str]]  # about, outcome
    page: str  # of the night's evaluation, beside this one; "" for none


@dataclass(frozen=True)
class TrendData:
    """All that the page shows; nights in order, the oldest first."""

    plots: Sequence[TrendPlot]
    events: Sequence[TrendEvent]
    rows: Sequence[NightRow]


def write_trend_page(path: Path, story: TrendData) -> None:
    """Write the trend page. Without nights, the page says so."""
    count = len(story.rows)
    write_html_page(
        path,
        Path(__file__).with_name("trend.html"),
        plots=[draw_trend_plot(plot, count) for plot in story.plots],
        events=[
            (event, f"{place_night(event.at - EVENT_OFFSETS[event.kind], count):.1f}")
            for event in story.events
        ],
        dates=[
            (f"{place_night(at, count):.1f}", story.rows[at].when[5:10])
            for at in _dated_nights(count)
        ],
        marks=[(f"{place_night(at, count):.1f}", row) for at, row in enumerate(story.rows)],
        rows=list(reversed(story.rows)),
        box={
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "top": TOP,
            "right": WIDTH - RIGHT,
            "bottom": HEIGHT - BOTTOM,
        },
    )


def draw_trend_plot(plot: TrendPlot, count: int) -> dict[str, Any]:
    """Convert a plot of `count` nights to SVG coordinates for the template."""
    points = [*plot.floors, *(point for line in plot.lines.values() for point in line)]
    low, high = _axis_range(points)

    def down(value: float) -> float:
        share = (value - low) / (high - low)
        return HEIGHT - BOTTOM - min(max(share, 0), 1) * (HEIGHT - TOP - BOTTOM)

    return {
        "task": plot.task,
        "metric": plot.metric,
        "ticks": [(f"{down(tick):.1f}", f"{tick:.2f}") for tick in _axis_ticks(low, high)],
        "floor": [_draw_floor_band(part, count, down) for part in _split_at_gaps(plot.floors)],
        "floor_name": plot.floors[-1].name.removeprefix("floor.") if plot.floors else "",
        "lines": {
            role: _draw_role_line(line, count, down, ROLE_OFFSETS[role])
            for role, line in plot.lines.items()
            if line
        },
        "last": {role: line[-1] for role, line in plot.lines.items() if line},
    }


def place_night(at: float, count: int) -> float:
    """The x coordinate of night number `at` out of `count`."""
    wide = WIDTH - LEFT - RIGHT
    return LEFT + wide * ((at + 0.5) / max(count, 1))


def _axis_range(points: Sequence[TrendPoint]) -> tuple[float, float]:
    """Where the axis begins and ends: round numbers around everything shown, within 0 and 1."""
    low = min((point.low for point in points), default=0.0)
    high = max((point.high for point in points), default=1.0)
    step = _tick_step(max(high - low, MIN_AXIS_SPAN))
    low = max(0.0, math.floor(low / step + 1e-9) * step)
    high = min(1.0, math.ceil(high / step - 1e-9) * step) if high <= 1 else math.ceil(high)
    return (
        (low, high)
        if high - low >= MIN_AXIS_SPAN - 1e-9
        else (max(0.0, high - MIN_AXIS_SPAN), high or MIN_AXIS_SPAN)
    )


def _tick_step(span: float) -> float:
    power = 10 ** math.floor(math.log10(span / 4))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= span / 4 - 1e-9)


def _axis_ticks(low: float, high: float) -> list[float]:
    step = _tick_step(high - low)
    return [low + n * step for n in range(round((high - low) / step) + 1)]


def _split_at_gaps(points: Sequence[TrendPoint]) -> list[list[TrendPoint]]:
    """Runs of nights without a gap."""
    parts: list[list[TrendPoint]] = []
    for point in points:
        if parts and point.at == parts[-1][-1].at + 1:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def _draw_floor_band(part: Sequence[TrendPoint], count: int, down: Any) -> dict[str, str]:
    """The floor's interval as an area, half a night wider than its nights, and its value."""
    half = (place_night(1, count) - place_night(0, count)) / 2
    edges = [(part[0], -half), *((point, 0.0) for point in part), (part[-1], half)]
    xs = [place_night(point.at, count) + more for point, more in edges]
    over = [f"{x:.1f},{down(p.high):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    under = [f"{x:.1f},{down(p.low):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    middle = [f"{x:.1f},{down(p.value):.1f}" for x, (p, _) in zip(xs, edges, strict=True)]
    return {"area": " ".join([*over, *reversed(under)]), "line": " ".join(middle)}


def _draw_role_line(
    line: Sequence[TrendPoint], count: int, down: Any, aside: float
) -> dict[str, Any]:
    """The points with their whiskers; nights in a row are joined."""

    def right(point: TrendPoint) -> str:
        return f"{place_night(point.at, count) + aside:.1f}"

    return {
        "paths": [
            " ".join(f"{right(p)},{down(p.value):.1f}" for p in part)
            for part in _split_at_gaps(line)
        ],
        "points": [
            (right(p), *(f"{down(v):.1f}" for v in (p.value, p.low, p.high)), p) for p in line
        ],
    }


def _dated_nights(count: int) -> list[int]:
    """The places of the nights whose dates are written."""
    interval = max(1, math.ceil(count / MAX_DATES))
    return list(range(0, count, interval))

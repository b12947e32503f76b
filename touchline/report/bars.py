"""Bar panels with intervals, as plain numbers for the template: all lengths in percent."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.metrics.bootstrap import Estimate
from touchline.metrics.scores import HEADLINE, best_floor, headline
from touchline.report.template import signed

PANELS = {
    "spotting": ("f1", "precision", "recall", "map_loose", "negatives_correct", "frames"),
    "counting": ("accuracy", "within_one", "error", "frames"),
    "choice": ("accuracy", "balanced_accuracy", "frames"),
    "open": ("accuracy", "score", "chrf", "frames"),
    "score": ("accuracy", "error", "frames"),
}
OTHER = ("accuracy", "score", "frames")
TITLES = {
    "f1": "F1 at IoU 0.3",
    "precision": "Precision",
    "recall": "Recall",
    "negatives_correct": "Rightly found absent",
    "map_loose": "Average-mAP, loose",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "within_one": "Within one",
    "chrf": "chrF",
    "error": "Mean error",
    "score": "Mean score",
    "frames": "Frames seen",
}
UNBOUNDED = ("error", "frames", "tool_calls")  # not shares of one


@dataclass(frozen=True)
class Bar:
    """One candidate's bar with its whisker; percent of the panel's axis."""

    name: str
    value: float
    n: int
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """One metric of one task; `mark` is where the best floor stands, in percent."""

    title: str
    bars: list[Bar]
    top: float  # where the axis ends
    mark: float | None


def panels(scores: Mapping[str, Any], task: str) -> list[Panel]:
    """The panels of one task: its headline first."""
    given = {n: tasks[task] for n, tasks in scores["candidates"].items() if task in tasks}
    wanted = PANELS.get(task, OTHER)
    shown = [metric for metric in wanted if any(metric in found for found in given.values())]
    floor = best_floor(scores["candidates"], task)
    return [_panel(given, metric, floor) for metric in shown]


def _panel(given: Mapping[str, Any], metric: str, floor: str) -> Panel:
    values = {name: Estimate(**found[metric]) for name, found in given.items() if metric in found}
    if metric == "frames":  # a floor looks at nothing
        values = {name: value for name, value in values.items() if value.value > 0}
    bars, top = _bars(values, metric in UNBOUNDED)
    is_share = metric not in UNBOUNDED and metric != "negatives_correct"
    mark = values[floor].value / top * 100 if is_share and floor in values else None
    return Panel(TITLES[metric], bars, top, mark)


def _bars(values: Mapping[str, Estimate], unbounded: bool) -> tuple[list[Bar], float]:
    top = _round_up(max((v.high for v in values.values()), default=1)) if unbounded else 1.0
    bars = [
        Bar(name, v.value, v.n, v.value / top * 100, v.low / top * 100, v.high / top * 100)
        for name, v in values.items()
    ]
    return bars, top


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten: where an axis may end."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value - 1e-9)


def by_action(scores: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, int, list[Bar]]]:
    """Per spotting action: F1 of its best floor and of the models in `names`."""
    actions = sorted({action for given in scores["actions"].values() for action in given})
    rows = []
    for action in actions:
        given = {name: slices.get(action, {}) for name, slices in scores["actions"].items()}
        floor = best_floor(given, "spotting")
        chosen = [*([floor] if floor else []), *names]
        values = {n: headline(given[n], "spotting") for n in chosen if "spotting" in given[n]}
        rows.append(
            (action, max((v.n for v in values.values()), default=0), _bars(values, False)[0])
        )
    return rows


def by_slice(scores: Mapping[str, Any], kind: str) -> list[tuple[str, str, dict[str, Estimate]]]:
    """(slice, task, headline number per candidate), in order; `kind` is a key of the scores."""
    parts = scores[kind]
    pairs = {(part, task) for given in parts.values() for part in given for task in given[part]}
    return [
        (
            part,
            task,
            {
                name: headline(given[part], task)
                for name, given in parts.items()
                if task in given.get(part, {})
            },
        )
        for part, task in sorted(pairs, key=_slice_order)
    ]


def _slice_order(pair: tuple[str, str]) -> tuple[int, int, str]:
    """By task, then by the first number in a slice's name (`15 to 30 s`), then by name."""
    part, task = pair
    order, number = [*HEADLINE], re.search(r"\d+", part)
    place = order.index(task) if task in order else len(order)
    return place, int(number.group()) if number else 0, part


def table(scores: Mapping[str, Any], task: str) -> list[tuple[str, dict[str, Estimate]]]:
    """Every metric of a task with every candidate's estimate."""
    given = {n: tasks[task] for n, tasks in scores["candidates"].items() if task in tasks}
    metrics = sorted({metric for found in given.values() for metric in found}, key=_place)
    return [
        (
            metric,
            {name: Estimate(**found[metric]) for name, found in given.items() if metric in found},
        )
        for metric in metrics
    ]


def _place(metric: str) -> tuple[int, str]:
    known = ["f1", "precision", "recall", "accuracy", "f1_matched"]
    return (known.index(metric) if metric in known else len(known), metric)


def necessity(found: Mapping[str, Any]) -> list[tuple[str, list[Panel], str]]:
    """(task, its panel, what the tool brings in words); nothing where it was not measured."""
    return [
        (task, [_panel(ways, "accuracy", "")], _worth(found["gains"][task]))
        for task, ways in found.get("ways", {}).items()
    ]


def _worth(gains: Mapping[str, Any]) -> str:
    gap = Estimate(**gains["free - forbidden"])
    spread = f"{signed(gap.value)} ({signed(gap.low)} to {signed(gap.high)})"
    if gap.low > 0:
        return f"The tool brings {spread}."
    return (
        f"The tool costs {spread}." if gap.high < 0 else f"No clear gain from the tool: {spread}."
    )

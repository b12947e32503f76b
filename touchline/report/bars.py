"""Data of the report's bar charts and score tables: plain numbers for the templates, lengths in
percent.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.html_page.template import format_signed
from touchline.metrics.bootstrap import MetricEstimate
from touchline.metrics.scores import HEADLINE_METRICS, find_best_floor, get_headline_estimate

PANELS = {
    "spotting": ("f1", "precision", "recall", "map_loose", "negatives_correct", "frames"),
    "counting": ("accuracy", "within_one", "error", "frames"),
    "choice": ("accuracy", "balanced_accuracy", "frames"),
    "open": ("accuracy", "score", "chrf", "frames"),
    "score": ("accuracy", "error", "frames"),
}
DEFAULT_METRICS = ("accuracy", "score", "frames")
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
class ScoreBar:
    """One candidate's bar with its interval, in percent of the panel's axis."""

    name: str
    value: float
    n: int
    length: float
    low: float
    high: float


@dataclass(frozen=True)
class ScorePanel:
    """One metric of one task; `mark` is the position of the best floor in percent, `top` the value
    where the axis ends.
    """

    title: str
    bars: list[ScoreBar]
    top: float  # where the axis ends
    mark: float | None


def build_score_panels(scores: Mapping[str, Any], task: str) -> list[ScorePanel]:
    """Bar panels of one task, its headline metric first."""
    metrics_by_candidate = {
        n: tasks[task] for n, tasks in scores["candidates"].items() if task in tasks
    }
    listed = PANELS.get(task, DEFAULT_METRICS)
    shown_metrics = [
        metric
        for metric in listed
        if any(metric in metrics for metrics in metrics_by_candidate.values())
    ]
    floor = find_best_floor(scores["candidates"], task)
    return [_build_panel(metrics_by_candidate, metric, floor) for metric in shown_metrics]


def _build_panel(metrics_by_candidate: Mapping[str, Any], metric: str, floor: str) -> ScorePanel:
    values = {
        name: MetricEstimate(**metrics[metric])
        for name, metrics in metrics_by_candidate.items()
        if metric in metrics
    }
    if metric == "frames":  # a floor looks at nothing
        values = {name: value for name, value in values.items() if value.value > 0}
    bars, top = _build_bars(values, metric in UNBOUNDED)
    is_share = metric not in UNBOUNDED and metric != "negatives_correct"
    mark = values[floor].value / top * 100 if is_share and floor in values else None
    return ScorePanel(TITLES[metric], bars, top, mark)


def _build_bars(
    values: Mapping[str, MetricEstimate], unbounded: bool
) -> tuple[list[ScoreBar], float]:
    top = _round_up(max((v.high for v in values.values()), default=1)) if unbounded else 1.0
    bars = [
        ScoreBar(
            name=name,
            value=v.value,
            n=v.n,
            length=v.value / top * 100,
            low=v.low / top * 100,
            high=v.high / top * 100,
        )
        for name, v in values.items()
    ]
    return bars, top


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten: where an axis may end."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value - 1e-9)


def build_action_bars(
    scores: Mapping[str, Any], names: Sequence[str]
) -> list[tuple[str, int, list[ScoreBar]]]:
    """Per spotting action: (action, number of questions, F1 bars of its best floor and of the
    models in `names`).
    """
    actions = sorted(
        {action for candidate_scores in scores["actions"].values() for action in candidate_scores}
    )
    rows = []
    for action in actions:
        candidate_scores = {
            name: slices.get(action, {}) for name, slices in scores["actions"].items()
        }
        floor = find_best_floor(candidate_scores, "spotting")
        chosen = [*([floor] if floor else []), *names]
        values = {
            n: get_headline_estimate(candidate_scores[n], "spotting")
            for n in chosen
            if "spotting" in candidate_scores[n]
        }
        rows.append(
            (action, max((v.n for v in values.values()), default=0), _build_bars(values, False)[0])
        )
    return rows


def list_slice_headlines(
    scores: Mapping[str, Any], kind: str
) -> list[tuple[str, str, dict[str, MetricEstimate]]]:
    """Headline score per slice, as (slice, task, {candidate: estimate}). `kind` is the key in
    `scores`: sports, sources or lengths.
    """
    parts = scores[kind]
    pairs = {(part, task) for slices in parts.values() for part in slices for task in slices[part]}
    return [
        (
            part,
            task,
            {
                name: get_headline_estimate(slices[part], task)
                for name, slices in parts.items()
                if task in slices.get(part, {})
            },
        )
        for part, task in sorted(pairs, key=_slice_order)
    ]


def _slice_order(pair: tuple[str, str]) -> tuple[int, int, str]:
    """By task, then by the first number in a slice's name (`15 to 30 s`), then by name."""
    part, task = pair
    order, number = [*HEADLINE_METRICS], re.search(r"\d+", part)
    place = order.index(task) if task in order else len(order)
    return place, int(number.group()) if number else 0, part


def build_score_table(
    scores: Mapping[str, Any], task: str
) -> list[tuple[str, dict[str, MetricEstimate]]]:
    """All metrics of a task: (metric, {candidate: estimate}), the most important first."""
    metrics_by_candidate = {
        n: tasks[task] for n, tasks in scores["candidates"].items() if task in tasks
    }
    metrics = sorted(
        {metric for estimates in metrics_by_candidate.values() for metric in estimates},
        key=_metric_order,
    )
    return [
        (
            metric,
            {
                name: MetricEstimate(**estimates[metric])
                for name, estimates in metrics_by_candidate.items()
                if metric in estimates
            },
        )
        for metric in metrics
    ]


def _metric_order(metric: str) -> tuple[int, str]:
    order = ["f1", "precision", "recall", "accuracy", "f1_matched"]
    return (order.index(metric) if metric in order else len(order), metric)


def build_tool_panels(
    necessity_scores: Mapping[str, Any],
) -> list[tuple[str, list[ScorePanel], str]]:
    """Panels of the tool ablation: (task, its panels, gain from the tool in words). Empty if it was
    not measured.
    """
    return [
        (
            task,
            [_build_panel(ways, "accuracy", "")],
            _describe_tool_gain(necessity_scores["gains"][task]),
        )
        for task, ways in necessity_scores.get("ways", {}).items()
    ]


def _describe_tool_gain(gains: Mapping[str, Any]) -> str:
    gap = MetricEstimate(**gains["free - forbidden"])
    spread = f"{format_signed(gap.value)} ({format_signed(gap.low)} to {format_signed(gap.high)})"
    if gap.low > 0:
        return f"The tool brings {spread}."
    return (
        f"The tool costs {spread}." if gap.high < 0 else f"No clear gain from the tool: {spread}."
    )

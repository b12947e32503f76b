"""Ablation table: what each training variant gained over its own SFT, paired over matches, several
seeds.

Each seed is a separate training (SFT and RL). The main interval resamples matches, each with the
answers of all seeds: what these trainings would gain on other matches. The interval `seeds`
resamples trainings too and is wider; three trainings make it no more than a check.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from touchline.metrics import bootstrap
from touchline.metrics.bootstrap import MetricRows
from touchline.metrics.per_answer import MetricContext, MetricParts, measure_answer
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory

Rows = Sequence[tuple[Question, Trajectory]]
MAIN_METRIC = (
    "score"  # the mean over tasks of their mean scores: a task counts the same, large or small
)


class AblationCell(NamedTuple):
    """The answers of one variant with one seed to the same questions, before and after RL."""

    sft: Rows
    rl: Rows


class CellMetrics(NamedTuple):
    """An ablation cell as metrics for the bootstrap, by name."""

    sft: Mapping[str, MetricRows]
    rl: Mapping[str, MetricRows]


def build_ablation_table(
    variants: Mapping[str, Mapping[int, AblationCell]], context: MetricContext
) -> dict[str, Any]:
    """{VARIANT: {seeds, sft, rl, rl_minus_sft, differences, minus_first}}, values with intervals.

    `differences` is {METRIC: {value, low, high, n, seeds: {low, high}, each: [per seed]}};
    `rl_minus_sft` is that of the main metric; `minus_first` compares RL with that of the first
    variant, on the seeds that both have.
    """
    cell_metrics = {
        name: {
            seed: CellMetrics(_metric_rows(cell.sft, context), _metric_rows(cell.rl, context))
            for seed, cell in cells.items()
        }
        for name, cells in variants.items()
    }
    first = next(iter(cell_metrics.values()), {})
    return {name: _variant_row(cells, first, context.seed) for name, cells in cell_metrics.items()}


def _variant_row(
    cells: Mapping[int, CellMetrics], first: Mapping[int, CellMetrics], seed: int
) -> dict[str, Any]:
    before, after = [c.sft for c in cells.values()], [c.rl for c in cells.values()]
    differences = _differences(after, before, seed)
    shared = [s for s in cells if s in first]
    shared_rl, first_rl = [cells[s].rl for s in shared], [first[s].rl for s in shared]
    return {
        "seeds": list(cells),
        "sft": _estimates(before, seed),
        "rl": _estimates(after, seed),
        "rl_minus_sft": differences[MAIN_METRIC],
        "differences": differences,
        "minus_first": _differences(shared_rl, first_rl, seed)
        if cells is not first and shared
        else {},
    }


def _estimates(trainings: Sequence[Mapping[str, MetricRows]], seed: int) -> dict[str, Any]:
    return {
        name: bootstrap.estimate_metric(
            bootstrap.pool_trainings([t[name] for t in trainings]), seed
        )._asdict()
        for name in trainings[0]
    }


def _differences(
    trainings: Sequence[Mapping[str, MetricRows]],
    baselines: Sequence[Mapping[str, MetricRows]],
    seed: int,
) -> dict[str, Any]:
    return {
        name: _paired_difference([t[name] for t in trainings], [t[name] for t in baselines], seed)
        for name in trainings[0]
    }


def _paired_difference(
    metrics: Sequence[MetricRows], baselines: Sequence[MetricRows], seed: int
) -> dict[str, Any]:
    whole = bootstrap.estimate_difference(
        bootstrap.pool_trainings(metrics), bootstrap.pool_trainings(baselines), seed
    )
    wide = bootstrap.estimate_training_difference(metrics, baselines, seed)
    per_seed = [
        bootstrap.estimate_difference(a, b, seed).value
        for a, b in zip(metrics, baselines, strict=True)
    ]
    return {**whole._asdict(), "seeds": {"low": wide.low, "high": wide.high}, "each": per_seed}


def _metric_rows(rows: Rows, context: MetricContext) -> dict[str, MetricRows]:
    """What the bootstrap draws from, per metric; a metric no question has is left out."""
    matches = [f"{question.sport} {question.match}" for question, _ in rows]
    measured = [measure_answer(question, answer, context) for question, answer in rows]
    tasks = sorted({question.task for question, _ in rows})
    kinds: dict[str, Callable[[Question, Trajectory, MetricParts], tuple[float, float] | None]] = {
        f"f1_{context.theta * 100:.0f}": lambda q, a, p: p.get("f1"),
        "f1_50": lambda q, a, p: p.get("f1_50"),
        "f1_70": lambda q, a, p: p.get("f1_70"),
        **{task: lambda q, a, p, t=task: p["score"] if q.task == t else None for task in tasks},
        "frames": lambda q, a, p: p["frames"],
        "tool_rate": lambda q, a, p: (float(bool(a.windows)), 1),
        "valid": lambda q, a, p: p["valid"],
    }
    metrics = {MAIN_METRIC: _mean_over_tasks(rows, tasks, matches)}
    for name, part in kinds.items():
        parts = [part(q, a, p) for (q, a), p in zip(rows, measured, strict=True)]
        defined = [(pair, match) for pair, match in zip(parts, matches, strict=True) if pair]
        if defined:
            metrics[name] = bootstrap.build_ratio_metric(
                np.array([pair for pair, _ in defined]), [match for _, match in defined]
            )
    return metrics


def _mean_over_tasks(rows: Rows, tasks: Sequence[str], matches: Sequence[str]) -> MetricRows:
    """Rows (n, tasks, 2): score and count in the task's place; the value is the mean of ratios."""
    parts = np.zeros((len(rows), len(tasks), 2))
    for i, (question, answer) in enumerate(rows):
        parts[i, tasks.index(question.task)] = answer.score, 1
    return MetricRows(parts, matches, _mean_of_ratios)


def _mean_of_ratios(sums: np.ndarray) -> np.ndarray:
    """(..., tasks, 2) -> (...); a task that a draw has no question of is left out of its mean."""
    count = sums[..., 1]
    means = np.divide(sums[..., 0], count, out=np.zeros(count.shape), where=count > 0)
    return means.sum(-1) / np.maximum((count > 0).sum(-1), 1)

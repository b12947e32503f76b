"""What each variant of the training gained over its own SFT: paired over matches, several seeds.

A seed is a training of its own, SFT and RL. The interval draws matches, and a match brings the
answers of all seeds: it says what these trainings would gain on other matches. `seeds` draws the
trainings as well and is wider; three of them are too few for it to be more than a check.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from touchline.metrics import bootstrap
from touchline.metrics.bootstrap import Side
from touchline.metrics.per_answer import Judge, Parts, measure
from touchline.records import Question, Trajectory

Rows = Sequence[tuple[Question, Trajectory]]
MAIN = "score"  # the mean over tasks of their mean scores: a task counts the same, large or small


class Cell(NamedTuple):
    """The answers of one variant with one seed to the same questions, before and after RL."""

    sft: Rows
    rl: Rows


class Measured(NamedTuple):
    """A cell as what the bootstrap draws from, per metric."""

    sft: Mapping[str, Side]
    rl: Mapping[str, Side]


def table(variants: Mapping[str, Mapping[int, Cell]], judge: Judge) -> dict[str, Any]:
    """{VARIANT: {seeds, sft, rl, rl_minus_sft, differences, minus_first}}, values with intervals.

    `differences` is {METRIC: {value, low, high, n, seeds: {low, high}, each: [per seed]}};
    `rl_minus_sft` is that of the main metric; `minus_first` compares RL with that of the first
    variant, on the seeds that both have.
    """
    sides = {
        name: {
            seed: Measured(_sides(cell.sft, judge), _sides(cell.rl, judge))
            for seed, cell in cells.items()
        }
        for name, cells in variants.items()
    }
    first = next(iter(sides.values()), {})
    return {name: _variant(cells, first, judge.seed) for name, cells in sides.items()}


def _variant(
    cells: Mapping[int, Measured], first: Mapping[int, Measured], seed: int
) -> dict[str, Any]:
    before, after = [c.sft for c in cells.values()], [c.rl for c in cells.values()]
    differences = _differences(after, before, seed)
    shared = [s for s in cells if s in first]
    ours, theirs = [cells[s].rl for s in shared], [first[s].rl for s in shared]
    return {
        "seeds": list(cells),
        "sft": _estimates(before, seed),
        "rl": _estimates(after, seed),
        "rl_minus_sft": differences[MAIN],
        "differences": differences,
        "minus_first": _differences(ours, theirs, seed) if cells is not first and shared else {},
    }


def _estimates(trainings: Sequence[Mapping[str, Side]], seed: int) -> dict[str, Any]:
    return {
        name: bootstrap.estimate(bootstrap.pooled([t[name] for t in trainings]), seed)._asdict()
        for name in trainings[0]
    }


def _differences(
    ours: Sequence[Mapping[str, Side]], theirs: Sequence[Mapping[str, Side]], seed: int
) -> dict[str, Any]:
    return {name: _paired([t[name] for t in ours], [t[name] for t in theirs], seed)
            for name in ours[0]}  # fmt: skip


def _paired(ours: Sequence[Side], theirs: Sequence[Side], seed: int) -> dict[str, Any]:
    whole = bootstrap.difference(bootstrap.pooled(ours), bootstrap.pooled(theirs), seed)
    wide = bootstrap.over_trainings(ours, theirs, seed)
    each = [bootstrap.difference(a, b, seed).value for a, b in zip(ours, theirs, strict=True)]
    return {**whole._asdict(), "seeds": {"low": wide.low, "high": wide.high}, "each": each}


def _sides(rows: Rows, judge: Judge) -> dict[str, Side]:
    """What the bootstrap draws from, per metric; a metric no question has is left out."""
    matches = [f"{question.sport} {question.match}" for question, _ in rows]
    measured = [measure(question, answer, judge) for question, answer in rows]
    tasks = sorted({question.task for question, _ in rows})
    kinds: dict[str, Callable[[Question, Trajectory, Parts], tuple[float, float] | None]] = {
        f"f1_{judge.theta * 100:.0f}": lambda q, a, p: p.get("f1"),
        "f1_50": lambda q, a, p: p.get("f1_50"),
        "f1_70": lambda q, a, p: p.get("f1_70"),
        **{task: lambda q, a, p, t=task: p["score"] if q.task == t else None for task in tasks},
        "frames": lambda q, a, p: p["frames"],
        "tool_rate": lambda q, a, p: (float(bool(a.windows)), 1),
        "valid": lambda q, a, p: p["valid"],
    }
    found = {MAIN: _mean_over_tasks(rows, tasks, matches)}
    for name, part in kinds.items():
        parts = [part(q, a, p) for (q, a), p in zip(rows, measured, strict=True)]
        known = [(pair, match) for pair, match in zip(parts, matches, strict=True) if pair]
        if known:
            found[name] = bootstrap.ratio(np.array([pair for pair, _ in known]),
                                          [match for _, match in known])  # fmt: skip
    return found


def _mean_over_tasks(rows: Rows, tasks: Sequence[str], matches: Sequence[str]) -> Side:
    """Rows (n, tasks, 2): score and count in the task's place; the value is the mean of ratios."""
    parts = np.zeros((len(rows), len(tasks), 2))
    for i, (question, answer) in enumerate(rows):
        parts[i, tasks.index(question.task)] = answer.score, 1
    return Side(parts, matches, _mean_of_ratios)


def _mean_of_ratios(sums: np.ndarray) -> np.ndarray:
    """(..., tasks, 2) -> (...); a task that a draw has no question of is left out of its mean."""
    count = sums[..., 1]
    means = np.divide(sums[..., 0], count, out=np.zeros(count.shape), where=count > 0)
    return means.sum(-1) / np.maximum((count > 0).sum(-1), 1)

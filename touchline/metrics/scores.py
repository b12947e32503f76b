"""The scores of candidates per task, sport and action, each with its interval.

Every metric is a ratio of two sums over rows, so one row contributes a (numerator, denominator):
precision is sum(TP) / sum(TP + FP), an accuracy is sum(right) / sum(1). That pools over questions
(micro) and lets one bootstrap serve all of them. It draws matches; where there is but one match,
it has to draw its questions, and that interval is too narrow: see `matches`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from touchline.faults import BadInput
from touchline.metrics import bootstrap, temporal_iou
from touchline.metrics.bootstrap import Estimate
from touchline.metrics.temporal_iou import Counts, Interval
from touchline.records import Question, Trajectory

HEADLINE = {
    "spotting": "f1",
    "counting": "accuracy",
    "choice": "accuracy",
    "open": "accuracy",
    "score": "accuracy",
}
NUMERIC = ("counting", "score")
STRICTER = (0.5, 0.7)  # IoU thresholds reported beside the given one
Read = Callable[[str], Sequence[Interval]]
Parts = dict[str, tuple[float, float]]
Rows = Sequence[tuple[Question, Trajectory]]
Scores = dict[str, dict[str, dict[str, float]]]


class Judge(NamedTuple):
    """What a score depends on besides the answers."""

    read: Read  # the intervals of a spotting answer, in seconds
    theta: float  # IoU above which an interval counts
    seed: int  # of the bootstrap


def report(
    answers: Mapping[str, Sequence[Trajectory]], questions: Mapping[str, Question], judge: Judge
) -> dict[str, dict]:
    """Score all candidates: `candidates` in the issue's shape, breakdowns under other keys.

    candidates: {NAME: {TASK: {METRIC: {value, low, high, n}}}}; sports and actions hold one more
    level below NAME; differences: {"rl - sft": {TASK: {METRIC: ...}}}, paired over matches;
    matches: {TASK: how many matches the intervals rest on}. Raises `BadInput` for an answer whose
    question is unknown, for a question answered twice and for candidates of unlike questions.
    """
    rows = {name: paired(given, questions) for name, given in answers.items()}
    _comparable(rows)
    first = next(iter(rows.values()), [])
    return {
        "candidates": {name: by_task(given, judge) for name, given in rows.items()},
        "sports": _sliced(rows, "sport", judge),
        "actions": _sliced(rows, "action", judge),
        "differences": differences(rows, judge),
        "matches": {task: len({q.match for q, _ in part}) for task, part in _tasks(first).items()},
    }


def paired(answers: Iterable[Trajectory], questions: Mapping[str, Question]) -> Rows:
    """Each answer beside its question."""
    rows = []
    for answer in answers:
        if answer.question not in questions:
            raise BadInput(
                answer.id, f"its question {answer.question} is unknown", "rerun evaluate"
            )
        rows.append((questions[answer.question], answer))
    return rows


def _comparable(rows: Mapping[str, Rows]) -> None:
    asked = {name: [question.id for question, _ in given] for name, given in rows.items()}
    for name, ids in asked.items():
        if len(set(ids)) != len(ids):
            raise BadInput(name, "answers a question twice", "keep one answer per question")
    if len({frozenset(ids) for ids in asked.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(ids)}" for name, ids in asked.items())
        raise BadInput(sizes, "candidates answered unlike questions", "ask all of them the same")


def by_task(rows: Rows, judge: Judge) -> Scores:
    """{TASK: {METRIC: {value, low, high, n}}} of one candidate."""
    return {
        task: {name: bootstrap.ratio(*side, judge.seed)._asdict() for name, side in sides.items()}
        for task, sides in _sides(rows, judge).items()
    }


def _sliced(rows: Mapping[str, Rows], field: str, judge: Judge) -> dict[str, dict[str, Scores]]:
    """{NAME: {SLICE: {TASK: ...}}} for the slices that have a name."""
    slices = sorted({getattr(q, field) for given in rows.values() for q, _ in given} - {""})
    return {
        name: {
            part: by_task([row for row in given if getattr(row[0], field) == part], judge)
            for part in slices
        }
        for name, given in rows.items()
    }


def differences(rows: Mapping[str, Rows], judge: Judge) -> dict[str, Scores]:
    """Every candidate minus every one before it that is worth telling: models against all."""
    sides = {name: _sides(given, judge) for name, given in rows.items()}
    names = list(rows)
    return {
        f"{ours} - {theirs}": _against(sides[ours], sides[theirs], judge.seed)
        for i, ours in enumerate(names)
        for theirs in names[:i]
        if not ours.startswith("floor.")
    }


def _against(ours: dict, theirs: dict, seed: int) -> Scores:
    return {
        task: {
            name: bootstrap.difference(side, theirs[task][name], seed)._asdict()
            for name, side in metrics.items()
        }
        for task, metrics in ours.items()
    }


def _tasks(rows: Rows) -> dict[str, Rows]:
    names = sorted({question.task for question, _ in rows})
    return {name: [row for row in rows if row[0].task == name] for name in names}


def _sides(rows: Rows, judge: Judge) -> dict[str, dict[str, tuple[np.ndarray, list[str]]]]:
    """{TASK: {METRIC: (numerators and denominators (n, 2), what each row is drawn with)}}."""
    return {task: _metrics(part, judge) for task, part in _tasks(rows).items()}


def _metrics(rows: Rows, judge: Judge) -> dict[str, tuple[np.ndarray, list[str]]]:
    alone = len({question.match for question, _ in rows}) == 1
    measured = [(q.id if alone else q.match, measure(q, answer, judge)) for q, answer in rows]
    names = sorted({name for _, parts in measured for name in parts})
    return {
        name: (
            np.array([parts[name] for _, parts in measured if name in parts]),
            [drawn for drawn, parts in measured if name in parts],
        )
        for name in names
    }


def measure(question: Question, answer: Trajectory, judge: Judge) -> Parts:
    """What one answer adds to each metric of its task, as (numerator, denominator)."""
    parts: Parts = {
        "score": (answer.score, 1),
        "valid": (float(answer.valid), 1),
        "frames": (answer.frames, 1),
        "tool_calls": (len(answer.windows) / 2, 1),
    }
    if question.task == "spotting":
        return parts | _spotting(question, answer, judge)
    parts["accuracy"] = (float(answer.score >= 1), 1)
    if question.task in NUMERIC:
        parts["error"] = (abs(_number(answer.answer) - _number(question.truth)), 1)
    return parts


def _spotting(question: Question, answer: Trajectory, judge: Judge) -> Parts:
    labels = list(zip(question.evidence[::2], question.evidence[1::2], strict=True))
    guesses = judge.read(answer.answer)
    parts = _ratios(temporal_iou.many_to_many(guesses, labels, judge.theta))
    for theta in STRICTER:
        counts = temporal_iou.many_to_many(guesses, labels, theta)
        parts[f"f1_{theta * 100:.0f}"] = _ratios(counts)["f1"]
    parts["f1_matched"] = _ratios(temporal_iou.matched(guesses, labels, judge.theta))["f1"]
    if not labels:
        parts["negatives_correct"] = (float(answer.valid and not guesses), 1)
    return parts


def _ratios(counts: Counts) -> Parts:
    """F1 as the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    tp, fp, fn = counts
    return {
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }


def _number(answer: str) -> float:
    """The first number of an answer; an answer without one counted nothing."""
    found = re.search(r"\d{1,6}(?:\.\d{1,6})?", answer)
    return float(found.group()) if found else 0.0


def headline(scores: Mapping[str, Mapping], task: str) -> Estimate:
    """The one number that stands for a candidate in a task."""
    return Estimate(**scores[task][HEADLINE.get(task, "accuracy")])


def best_floor(candidates: Mapping[str, Scores], task: str) -> str:
    """The floor with the highest headline number, the first of equals; "" when there is none."""
    floors = [n for n in candidates if n.startswith("floor.") and task in candidates[n]]
    return max(floors, key=lambda n: headline(candidates[n], task).value, default="")

"""Scores of candidates per task and per slice of the questions, each with its interval.

Every metric but Average-mAP is a ratio of two sums over rows, so each row contributes a (numerator,
denominator): precision is sum(TP) / sum(TP + FP), accuracy is sum(right) / sum(1). This pools over
questions (micro average) and lets one bootstrap over matches serve all metrics. With only one match
its questions are resampled, which gives too narrow an interval: see `matches` in the report.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from touchline.errors import InputError
from touchline.metrics import balanced_accuracy, bootstrap, spotted
from touchline.metrics.bootstrap import MetricEstimate, MetricRows
from touchline.metrics.per_answer import (
    MetricContext,
    MetricParts,
    convert_to_video_time,
    measure_answer,
)
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory

HEADLINE_METRICS = {
    "spotting": "f1",
    "counting": "accuracy",
    "choice": "accuracy",
    "open": "accuracy",
    "score": "accuracy",
}
LENGTH_SLICES = (15, 30, 60, 120)  # seconds at which the slices by clip length end
# The right frames in any order are enough to choose: there a shuffled clip hides nothing.
EXCLUDED_FLOORS = {("floor.shuffled", "choice")}
Rows = Sequence[tuple[Question, Trajectory]]
Scores = dict[str, dict[str, dict[str, float]]]


def build_score_report(
    answers: Mapping[str, Sequence[Trajectory]],
    questions: Mapping[str, Question],
    context: MetricContext,
) -> dict[str, dict]:
    """Score every candidate. Returns {'candidates': {NAME: {TASK: {METRIC: {value, low, high,
    n}}}}} and breakdowns.

    `sports`, `actions`, `sources` and `lengths` have one more level below NAME; `without_negatives`
    covers spotting questions whose action occurs; `differences`: {'rl - sft': {TASK: ...}}, paired
    over matches; `matches`: {TASK: number of matches}.

    Raises `InputError` for an unknown question, one answered twice, or candidates with different
    questions.
    """
    rows = {
        name: pair_answers(candidate_rows, questions) for name, candidate_rows in answers.items()
    }
    _require_same_questions(rows)
    first = next(iter(rows.values()), [])
    return {
        "candidates": {
            name: estimate_by_task(candidate_rows, context) for name, candidate_rows in rows.items()
        },
        "sports": _estimate_by_slice(rows, lambda question: question.sport, context),
        "actions": _estimate_by_slice(rows, lambda question: question.action, context),
        "sources": _estimate_by_slice(rows, lambda question: question.source, context),
        "lengths": _estimate_by_slice(
            rows, lambda question: name_length_slice(context.clips[question.clip]), context
        ),
        "without_negatives": {
            name: estimate_by_task([row for row in candidate_rows if _occurs(row[0])], context)
            for name, candidate_rows in rows.items()
        },
        "differences": compare_candidates(rows, context),
        "matches": {
            task: len({q.match for q, _ in part}) for task, part in _rows_by_task(first).items()
        },
    }


def pair_answers(answers: Iterable[Trajectory], questions: Mapping[str, Question]) -> Rows:
    """(question, answer) pairs. Raises `InputError` for an unknown question."""
    rows = []
    for answer in answers:
        if answer.question not in questions:
            raise InputError(
                answer.id, f"its question {answer.question} is unknown", "rerun evaluate"
            )
        rows.append((questions[answer.question], answer))
    return rows


def _require_same_questions(rows: Mapping[str, Rows]) -> None:
    ids_by_candidate = {
        name: [question.id for question, _ in candidate_rows]
        for name, candidate_rows in rows.items()
    }
    for name, ids in ids_by_candidate.items():
        if len(set(ids)) != len(ids):
            raise InputError(name, "answers a question twice", "keep one answer per question")
    if len({frozenset(ids) for ids in ids_by_candidate.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(ids)}" for name, ids in ids_by_candidate.items())
        raise InputError(sizes, "candidates answered unlike questions", "ask all of them the same")


def estimate_by_task(rows: Rows, context: MetricContext) -> Scores:
    """{TASK: {METRIC: {value, low, high, n}}} of one candidate."""
    return {
        task: {
            name: bootstrap.estimate_metric(metric, context.seed)._asdict()
            for name, metric in metrics.items()
        }
        for task, metrics in build_metrics_by_task(rows, context).items()
    }


def _estimate_by_slice(
    rows: Mapping[str, Rows], slice_of: Callable[[Question], str], context: MetricContext
) -> dict[str, dict[str, Scores]]:
    """{NAME: {SLICE: {TASK: ...}}} for the slices that have a name."""
    slice_scores = {}
    for name, candidate_rows in rows.items():
        slices: dict[str, list] = {}
        for row in candidate_rows:
            slices.setdefault(slice_of(row[0]), []).append(row)
        slice_scores[name] = {
            part: estimate_by_task(slices[part], context) for part in sorted(slices) if part
        }
    return slice_scores


def name_length_slice(clip: Clip) -> str:
    """The name of a clip's length slice: `15 to 30 s` means above 15, up to 30."""
    seconds = clip.end - clip.start
    for least, most in pairwise((0, *LENGTH_SLICES)):
        if seconds <= most:
            return f"{least} to {most} s"
    return f"over {LENGTH_SLICES[-1]} s"


def _occurs(question: Question) -> bool:
    return question.task == "spotting" and len(question.evidence) > 0


def compare_candidates(rows: Mapping[str, Rows], context: MetricContext) -> dict[str, Scores]:
    """Metric differences {'A - B': {TASK: {METRIC: ...}}} of each candidate, floors aside, with
    every one before it.
    """
    metrics = {
        name: build_metrics_by_task(candidate_rows, context)
        for name, candidate_rows in rows.items()
    }
    names = list(rows)
    return {
        f"{candidate} - {baseline}": _differences_by_task(
            metrics[candidate], metrics[baseline], context.seed
        )
        for i, candidate in enumerate(names)
        for baseline in names[:i]
        if not candidate.startswith("floor.")
    }


def _differences_by_task(candidate_metrics: dict, baseline_metrics: dict, seed: int) -> Scores:
    return {
        task: {
            name: bootstrap.estimate_difference(
                metric, baseline_metrics[task][name], seed
            )._asdict()
            for name, metric in metrics.items()
        }
        for task, metrics in candidate_metrics.items()
    }


def _rows_by_task(rows: Rows) -> dict[str, Rows]:
    names = sorted({question.task for question, _ in rows})
    return {name: [row for row in rows if row[0].task == name] for name in names}


def build_metrics_by_task(rows: Rows, context: MetricContext) -> dict[str, dict[str, MetricRows]]:
    """{TASK: {METRIC: rows for the bootstrap}}."""
    return {task: _task_metrics(part, context) for task, part in _rows_by_task(rows).items()}


def _task_metrics(rows: Rows, context: MetricContext) -> dict[str, MetricRows]:
    single_match = len({question.match for question, _ in rows}) == 1
    drawn = [question.id if single_match else question.match for question, _ in rows]
    measured = [measure_answer(question, answer, context) for question, answer in rows]
    if rows[0][0].task == "choice":
        weights = balanced_accuracy.compute_balance_weights(
            [question.truth for question, _ in rows]
        )
        for parts, weight in zip(measured, weights, strict=True):
            parts["balanced_accuracy"] = (weight * parts["accuracy"][0], weight)
    metrics = {
        name: _ratio_metric(name, measured, drawn) for name in sorted(set().union(*measured))
    }
    if rows[0][0].task == "spotting":
        metrics |= spotted.build_map_metrics(
            [convert_to_video_time(q, answer, context) for q, answer in rows], drawn
        )
    return metrics


def _ratio_metric(name: str, measured: Sequence[MetricParts], drawn: Sequence[str]) -> MetricRows:
    """A metric over the rows that have it."""
    defined_parts = [(parts[name], match) for parts, match in zip(measured, drawn, strict=True)
             if name in parts]  # fmt: skip
    return bootstrap.build_ratio_metric(
        np.array([part for part, _ in defined_parts]), [match for _, match in defined_parts]
    )


def get_headline_estimate(scores: Mapping[str, Mapping], task: str) -> MetricEstimate:
    """A candidate's headline metric in a task."""
    return MetricEstimate(**scores[task][HEADLINE_METRICS.get(task, "accuracy")])


def find_best_floor(candidates: Mapping[str, Scores], task: str) -> str:
    """The floor with the highest headline number, the first of equals; "" when there is none."""
    floors = [
        name
        for name, tasks in candidates.items()
        if name.startswith("floor.") and task in tasks and (name, task) not in EXCLUDED_FLOORS
    ]
    return max(floors, key=lambda n: get_headline_estimate(candidates[n], task).value, default="")

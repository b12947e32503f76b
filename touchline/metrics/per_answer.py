"""Per-answer metrics: what one answer adds to each metric of its task."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from touchline.metrics import chrf, count_error, temporal_iou
from touchline.metrics.spotted import SpottingAnswer
from touchline.metrics.temporal_iou import Interval, IntervalCounts
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory

STRICTER_THETAS = (0.5, 0.7)  # IoU thresholds reported beside the given one
IntervalReader = Callable[[str], Sequence[Interval]]
MetricParts = dict[str, tuple[float, float]]


class MetricContext(NamedTuple):
    """What metrics depend on besides the answers."""

    read: IntervalReader  # the intervals of a spotting answer, in seconds
    theta: float  # IoU above which an interval counts
    seed: int  # of the bootstrap
    numbers: Mapping[str, Callable[[str], float | None]]  # {TASK: the number an answer gives}
    clips: Mapping[str, Clip]
    zero: Callable[[Clip], float]  # what the clock of the answers shows at a clip's first frame


def measure_answer(question: Question, answer: Trajectory, context: MetricContext) -> MetricParts:
    """What one answer adds to each metric of its task: {metric: (numerator, denominator)}."""
    parts: MetricParts = {
        "score": (answer.score, 1),
        "valid": (float(answer.valid), 1),
        "frames": (answer.frames, 1),
        "tool_calls": (len(answer.windows) / 2, 1),
    }
    if question.task == "spotting":
        return parts | _measure_spotting(question, answer, context)
    parts["accuracy"] = (float(answer.score >= 1), 1)
    if question.task in context.numbers:
        read = context.numbers[question.task]
        answered_number, true_number = read(answer.answer), read(question.truth)
        parts["error"] = (count_error.compute_count_error(answered_number, true_number), 1)
        parts["within_one"] = (count_error.score_within_one(answered_number, true_number), 1)
    if question.task == "open":
        parts["chrf"] = (chrf.compute_chrf(answer.answer, question.truth), 1)
    return parts


def _measure_spotting(
    question: Question, answer: Trajectory, context: MetricContext
) -> MetricParts:
    labels, guesses = _labels(question), context.read(answer.answer)
    parts = _ratios(temporal_iou.count_many_to_many(guesses, labels, context.theta))
    for theta in STRICTER_THETAS:
        counts = temporal_iou.count_many_to_many(guesses, labels, theta)
        parts[f"f1_{theta * 100:.0f}"] = _ratios(counts)["f1"]
    parts["f1_matched"] = _ratios(temporal_iou.count_one_to_one(guesses, labels, context.theta))[
        "f1"
    ]
    if not labels:
        parts["negatives_correct"] = (float(answer.valid and not guesses), 1)
    return parts


def _ratios(counts: IntervalCounts) -> MetricParts:
    """F1 as the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    tp, fp, fn = counts
    return {
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }


def convert_to_video_time(
    question: Question, answer: Trajectory, context: MetricContext
) -> SpottingAnswer:
    """Labels and predictions of a spotting question in seconds of the video."""
    clip = context.clips[question.clip]
    shift = clip.start - context.zero(clip)
    labels, guesses = (
        [(start + shift, end + shift) for start, end in spans]
        for spans in (_labels(question), context.read(answer.answer))
    )
    return SpottingAnswer(question.video, f"{question.sport}/{question.action}", labels, guesses)


def _labels(question: Question) -> list[Interval]:
    return pair_times(question.evidence)

"""What one answer adds to the metrics of its task."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from touchline.metrics import chrf, count_error, temporal_iou
from touchline.metrics.spotted import Spotted
from touchline.metrics.temporal_iou import Counts, Interval
from touchline.records import Clip, Question, Trajectory, paired

STRICTER = (0.5, 0.7)  # IoU thresholds reported beside the given one
Read = Callable[[str], Sequence[Interval]]
Parts = dict[str, tuple[float, float]]


class Judge(NamedTuple):
    """What a score depends on besides the answers."""

    read: Read  # the intervals of a spotting answer, in seconds
    theta: float  # IoU above which an interval counts
    seed: int  # of the bootstrap
    numbers: Mapping[str, Callable[[str], float | None]]  # {TASK: the number an answer gives}
    clips: Mapping[str, Clip]
    zero: Callable[[Clip], float]  # what the clock of the answers shows at a clip's first frame


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
    if question.task in judge.numbers:
        read = judge.numbers[question.task]
        said, true = read(answer.answer), read(question.truth)
        parts["error"] = (count_error.error(said, true), 1)
        parts["within_one"] = (count_error.within_one(said, true), 1)
    if question.task == "open":
        parts["chrf"] = (chrf.chrf(answer.answer, question.truth), 1)
    return parts


def _spotting(question: Question, answer: Trajectory, judge: Judge) -> Parts:
    labels, guesses = _labels(question), judge.read(answer.answer)
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


def in_video(question: Question, answer: Trajectory, judge: Judge) -> Spotted:
    """Labels and guesses on the clock of the video."""
    clip = judge.clips[question.clip]
    shift = clip.start - judge.zero(clip)
    labels, guesses = (
        [(start + shift, end + shift) for start, end in spans]
        for spans in (_labels(question), judge.read(answer.answer))
    )
    return Spotted(question.video, f"{question.sport}/{question.action}", labels, guesses)


def _labels(question: Question) -> list[Interval]:
    return paired(question.evidence)

"""From rows to scores: what the metrics have to know of the questions asked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from touchline.evaluation.test_set import Bench
from touchline.metrics import scores
from touchline.records import Question, Trajectory
from touchline.tasks.counting import count
from touchline.tasks.score import number
from touchline.tasks.spotting import intervals

NUMBERS = {"counting": count, "score": number}  # tasks whose answers are numbers


def scored(
    rows: Mapping[str, Sequence[Trajectory]], bench: Bench, theta: float, seed: int
) -> dict[str, Any]:
    """`metrics.scores.report` of the candidates' rows on this bench.

    `theta` is the temporal IoU above which an interval counts, `seed` that of the bootstrap.
    """
    return scores.report(rows, labelled(bench), judge(bench, theta, seed))


def judge(bench: Bench, theta: float, seed: int) -> scores.Judge:
    """What the metrics have to know of a bench."""
    return scores.Judge(intervals, theta, seed, NUMBERS, bench.by_clip, bench.dialogue.zero)


def labelled(bench: Bench) -> dict[str, Question]:
    """The questions with their labels by the clock of the answers."""
    if bench.dialogue.time != "half":
        return bench.every
    return {question.id: as_said(question) for question in bench.asked}


def as_said(question: Question) -> Question:
    """A spotting question whose evidence is what its truth says."""
    if question.task != "spotting":
        return question
    said = [time for pair in intervals(question.truth) for time in pair]
    return replace(question, evidence=said)

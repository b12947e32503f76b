"""Score evaluation rows: supply the metrics with what they need to know about the questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from touchline.evaluation.test_set import EvalSet
from touchline.metrics import scores
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.tasks.counting import parse_count
from touchline.tasks.score import parse_score_number
from touchline.tasks.spotting import parse_intervals

NUMBER_PARSERS = {
    "counting": parse_count,
    "score": parse_score_number,
}  # tasks whose answers are numbers


def score_candidates(
    rows: Mapping[str, Sequence[Trajectory]], eval_set: EvalSet, theta: float, seed: int
) -> dict[str, Any]:
    """`build_score_report` of the candidates' rows on this evaluation set.

    `theta` is the temporal IoU above which an interval counts, `seed` is for the bootstrap.
    """
    return scores.build_score_report(
        rows, get_labelled_questions(eval_set), build_metric_context(eval_set, theta, seed)
    )


def build_metric_context(eval_set: EvalSet, theta: float, seed: int) -> scores.MetricContext:
    """The metric settings for an evaluation set: parsers, thresholds, clips and clock."""
    return scores.MetricContext(
        read=parse_intervals,
        theta=theta,
        seed=seed,
        numbers=NUMBER_PARSERS,
        clips=eval_set.clips_by_id,
        zero=eval_set.dialogue.clock_offset,
    )


def get_labelled_questions(eval_set: EvalSet) -> dict[str, Question]:
    """Questions by id, their evidence converted to the clock that answers use."""
    if eval_set.dialogue.time != "half":
        return eval_set.questions_by_id
    return {question.id: set_evidence_from_truth(question) for question in eval_set.split_questions}


def set_evidence_from_truth(question: Question) -> Question:
    """Copy of a spotting question whose evidence is the intervals in its truth text; other tasks
    are returned unchanged.
    """
    if question.task != "spotting":
        return question
    evidence = [time for pair in parse_intervals(question.truth) for time in pair]
    return replace(question, evidence=evidence)

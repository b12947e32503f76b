"""Judges' scores: the answer is a number, right within 5 % of the truth."""

import re
from random import Random

from touchline.tasks.scene import ClipScene
from touchline.tasks.task import QuestionDraft, QuestionRules, Task, draft_ready_questions

NUMBER_PATTERN = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
MAX_NUMBER_CHARACTERS = 9  # characters; a model may write thousands
TOLERANCE = 0.05  # of the truth: about what two panels differ by


def draft_score_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """The questions that the source provides; none are generated."""
    return draft_ready_questions(scene, "score", rules)


def parse_score_number(answer: str) -> float | None:
    """The only number in an answer; None if there is none or more than one."""
    numbers = NUMBER_PATTERN.findall(answer)
    return (
        float(numbers[0])
        if len(numbers) == 1 and len(numbers[0]) <= MAX_NUMBER_CHARACTERS
        else None
    )


def score_number(answer: str, truth: str) -> float:
    """1.0 if the number is within TOLERANCE of the true one, else 0.0."""
    answer_number, truth_number = parse_score_number(answer), parse_score_number(truth)
    if answer_number is None or truth_number is None:
        return 0.0
    return float(abs(answer_number - truth_number) <= TOLERANCE * truth_number)


SCORE = Task("score", draft_score_questions, score_number, level="coaching")

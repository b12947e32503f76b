"""Which score do the judges give: a number, met when it is near enough."""

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
    """Scores come from judges alone: only questions that the source brings along."""
    return draft_ready_questions(scene, "score", rules)


def parse_score_number(answer: str) -> float | None:
    """The one number of an answer; None when there is none or more than one."""
    found = NUMBER_PATTERN.findall(answer)
    return float(found[0]) if len(found) == 1 and len(found[0]) <= MAX_NUMBER_CHARACTERS else None


def score_number(answer: str, truth: str) -> float:
    """1 within a twentieth of the truth, else 0."""
    said, true = parse_score_number(answer), parse_score_number(truth)
    if said is None or true is None:
        return 0.0
    return float(abs(said - true) <= TOLERANCE * true)


SCORE = Task("score", draft_score_questions, score_number, level="coaching")

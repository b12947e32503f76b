"""Counting: the answer is a whole number, e.g. strokes in a rally or repetitions of an exercise."""

import re
from itertools import pairwise
from random import Random

from touchline.chat.prompts import render_prompt
from touchline.chat.timecode import format_time
from touchline.tasks.scene import ClipScene
from touchline.tasks.task import QuestionDraft, QuestionRules, Task, draft_ready_questions

MAX_DIGITS = 9  # digits; a model may write thousands, which Python refuses to read


def draft_counting_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """Questions the source provides; else, for a sport that counts strokes, their number if the
    clip shows exactly one whole rally.
    """
    if not scene.may_generate("counting"):
        return draft_ready_questions(scene, "counting", rules)
    strokes = scene.actions_inside()
    if not scene.sport.asks_for_count or not strokes or len(strokes) != len(scene.actions):
        return []
    broken = any(after.start - before.end > 1.0 for before, after in pairwise(strokes))
    if broken or strokes[0].start < 0 or strokes[-1].end > scene.length:
        return []
    text = render_prompt("counting", sport=scene.sport.name, length=format_time(scene.length))
    return [QuestionDraft(text, str(len(strokes)), evidence=((strokes[0].start, strokes[-1].end),))]


def parse_count(answer: str) -> int | None:
    """The only whole number in an answer; None if there is none or more than one."""
    numbers = re.findall(r"\d+", answer)
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) <= MAX_DIGITS else None


def score_count(answer: str, truth: str) -> float:
    """1.0 for the same number, else 0.0."""
    return float(parse_count(answer) == parse_count(truth) is not None)


COUNTING = Task("counting", draft_counting_questions, score_count, level="recognition")

"""Where in the clip does an action occur: intervals in words, as in the action-spotting paper."""

import re
from collections.abc import Sequence
from random import Random

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import render_prompt
from touchline.chat.timecode import format_time
from touchline.metrics.temporal_iou import count_one_to_one, sum_matched_iou
from touchline.tasks.scene import ClipScene, centre_interval
from touchline.tasks.task import QuestionDraft, QuestionRules, Task

INTERVAL_PATTERN = re.compile(r"\((\d{1,3}):([0-5]\d), ?(\d{1,3}):([0-5]\d)\)")
MIN_IOU = 0.3  # an interval with less overlap is a miss (spotting paper)


def format_spotting_answer(
    word: str, intervals: Sequence[tuple[float, float]], zero: float = 0.0
) -> str:
    """The answer in words, to whole seconds as in the paper; none gives the word for absence.

    `zero` is what the clock of the dialogue shows at the clip's first frame.
    """
    if not intervals:
        return f"No {word} occurs in this clip."
    article = "An" if word[0] in "aeiou" else "A"
    said = (
        f"{article} {word} occurs at ({format_time(s)}, {format_time(e)})."
        for s, e in (_to_whole_seconds(pair, zero) for pair in intervals)
    )
    return " ".join(said)


def _to_whole_seconds(interval: tuple[float, float], zero: float) -> tuple[int, int]:
    """To whole seconds of the clock, which shows nothing before 0:00."""
    start, end = (max(0, round(zero + time)) for time in interval)
    return start, end


def parse_intervals(answer: str, zero: float = 0.0) -> list[tuple[float, float]]:
    """The (start, end) pairs of an answer in clip seconds; reversed pairs are not intervals."""
    found = [[int(number) for number in pair] for pair in INTERVAL_PATTERN.findall(answer)]
    pairs = [(a * 60.0 + b, c * 60.0 + d) for a, b, c, d in found]
    return [(start - zero, end - zero) for start, end in pairs if start < end]


def draft_spotting_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """One question per action present, and absent ones so that `negatives` of all are absent.

    A clip without any action counts as one with one: it is asked about an absent action too.
    Nothing is asked where absence is not known, nor what no answer in whole seconds could say.
    """
    if not scene.may_generate("spotting"):
        return []
    present = [
        word
        for word in scene.sport.spotting_words
        if any(s.word == word for s in scene.actions_inside())
    ]
    absent = [
        word for word in scene.sport.spotting_words if word not in {s.word for s in scene.actions}
    ]
    wanted = max(len(present), 1) * rules.negatives / (1 - rules.negatives)
    count = int(wanted) + (random.random() < wanted % 1)
    chosen = random.sample(absent, min(count, len(absent)))
    drafts = [_draft_spotting_question(word, scene, rules) for word in [*present, *sorted(chosen)]]
    return [draft for draft in drafts if len(parse_intervals(draft.truth)) == len(draft.evidence)]


def format_spotting_question(action: str, sport: str, length: float, dialogue: Dialogue) -> str:
    """The question for one action in a clip of `length` seconds."""
    fields = {"action": action, "sport": sport, "length": format_time(length)}
    return render_prompt(dialogue.prompt("spotting"), **fields)


def _draft_spotting_question(word: str, scene: ClipScene, rules: QuestionRules) -> QuestionDraft:
    length = min(rules.interval, scene.sport.interval)
    here = [s for s in scene.actions_inside() if s.word == word]
    found = [scene.centred_interval(s, length) for s in here]
    said = found if rules.dialogue.cut else [centre_interval(s.moment, length) for s in here]
    text = format_spotting_question(word, scene.sport.name, scene.length, rules.dialogue)
    truth = format_spotting_answer(word, said, rules.dialogue.clock_offset(scene.clip))
    return QuestionDraft(text, truth, action=word, evidence=tuple(found))


def score_spotting(answer: str, truth: str) -> float:
    """F1 of intervals matched one to one at IoU over 0.3; 1 for rightly saying there is none."""
    said, true = parse_intervals(answer), parse_intervals(truth)
    if not true:
        return float(not said and answer.strip() == truth.strip())
    if not said:
        return 0.0
    return 2 * count_one_to_one(said, true, MIN_IOU).tp / (len(said) + len(true))


def score_spotting_by_iou(answer: str, truth: str) -> float:
    """As `score`, but a matched pair counts its IoU: a second nearer is worth something."""
    said, true = parse_intervals(answer), parse_intervals(truth)
    if not said or not true:
        return score_spotting(answer, truth)
    return 2 * sum_matched_iou(said, true) / (len(said) + len(true))


SPOTTING = Task(
    "spotting", draft_spotting_questions, score_spotting, score_spotting_by_iou, level="recognition"
)

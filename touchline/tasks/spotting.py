"""Action spotting: the answer gives time intervals in words, as in the spotting paper."""

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
    word: str, intervals: Sequence[tuple[float, float]], clock_offset: float = 0.0
) -> str:
    """The answer for an action's intervals (clip seconds), in whole seconds; 'No X occurs in this
    clip.' for none.

    `clock_offset` is added to all times: Dialogue.clock_offset.
    """
    if not intervals:
        return f"No {word} occurs in this clip."
    article = "An" if word[0] in "aeiou" else "A"
    sentences = (
        f"{article} {word} occurs at ({format_time(s)}, {format_time(e)})."
        for s, e in (_to_whole_seconds(pair, clock_offset) for pair in intervals)
    )
    return " ".join(sentences)


def _to_whole_seconds(interval: tuple[float, float], clock_offset: float) -> tuple[int, int]:
    """To whole seconds of the clock, which shows nothing before 0:00."""
    start, end = (max(0, round(clock_offset + time)) for time in interval)
    return start, end


def parse_intervals(answer: str, clock_offset: float = 0.0) -> list[tuple[float, float]]:
    """Parse an answer's (start, end) pairs into clip seconds; pairs whose end is not after their
    start are skipped.
    """
    time_parts = [[int(number) for number in pair] for pair in INTERVAL_PATTERN.findall(answer)]
    pairs = [(a * 60.0 + b, c * 60.0 + d) for a, b, c, d in time_parts]
    return [(start - clock_offset, end - clock_offset) for start, end in pairs if start < end]


def draft_spotting_questions(
    scene: ClipScene, rules: QuestionRules, random: Random
) -> list[QuestionDraft]:
    """One question per action present, plus absent actions such that they are a share
    `rules.negatives` of all (at least one action counted per clip).

    None if the video has no labels. A question whose intervals vanish in whole seconds is skipped.
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
    expected_absent = max(len(present), 1) * rules.negatives / (1 - rules.negatives)
    count = int(expected_absent) + (random.random() < expected_absent % 1)
    chosen = random.sample(absent, min(count, len(absent)))
    drafts = [_draft_spotting_question(word, scene, rules) for word in [*present, *sorted(chosen)]]
    return [draft for draft in drafts if len(parse_intervals(draft.truth)) == len(draft.evidence)]


def format_spotting_question(action: str, sport: str, length: float, dialogue: Dialogue) -> str:
    """The question for one action in a clip of `length` seconds."""
    fields = {"action": action, "sport": sport, "length": format_time(length)}
    return render_prompt(dialogue.prompt_name("spotting"), **fields)


def _draft_spotting_question(word: str, scene: ClipScene, rules: QuestionRules) -> QuestionDraft:
    length = min(rules.interval, scene.sport.interval)
    occurrences = [s for s in scene.actions_inside() if s.word == word]
    evidence_spans = [scene.centred_interval(s, length) for s in occurrences]
    answer_spans = (
        evidence_spans
        if rules.dialogue.cut
        else [centre_interval(s.moment, length) for s in occurrences]
    )
    text = format_spotting_question(word, scene.sport.name, scene.length, rules.dialogue)
    truth = format_spotting_answer(word, answer_spans, rules.dialogue.clock_offset(scene.clip))
    return QuestionDraft(text, truth, action=word, evidence=tuple(evidence_spans))


def score_spotting(answer: str, truth: str) -> float:
    """F1 of intervals matched one to one with IoU over MIN_IOU; 1.0 for rightly answering that
    there are none.
    """
    answer_spans, truth_spans = parse_intervals(answer), parse_intervals(truth)
    if not truth_spans:
        return float(not answer_spans and answer.strip() == truth.strip())
    if not answer_spans:
        return 0.0
    return (
        2
        * count_one_to_one(answer_spans, truth_spans, MIN_IOU).tp
        / (len(answer_spans) + len(truth_spans))
    )


def score_spotting_by_iou(answer: str, truth: str) -> float:
    """F1 in which each matched pair counts its IoU: the smoother score used in RL."""
    answer_spans, truth_spans = parse_intervals(answer), parse_intervals(truth)
    if not answer_spans or not truth_spans:
        return score_spotting(answer, truth)
    return 2 * sum_matched_iou(answer_spans, truth_spans) / (len(answer_spans) + len(truth_spans))


SPOTTING = Task(
    "spotting", draft_spotting_questions, score_spotting, score_spotting_by_iou, level="recognition"
)

"""Baselines that answer without a model (candidates `floor.*`): a model must score above them."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.sports import SPORTS
from touchline.tasks import choice, spotting
from touchline.tasks.open import format_action_list

if TYPE_CHECKING:
    from touchline.evaluation.test_set import EvalSet

TILE_COUNT = 4


@dataclass(frozen=True)
class AnswerPrior:
    """What a baseline may use: how often each answer occurs in the training questions."""

    truths: dict[tuple[str, str], Counter[str]]  # (task, sport) -> truths in the answer's format
    interval: float  # seconds that count as one action, as in the questions
    dialogue: Dialogue = DEFAULT_DIALOGUE


def count_training_answers(
    questions: Iterable[Question], interval: float, dialogue: Dialogue = DEFAULT_DIALOGUE
) -> AnswerPrior:
    """Count the true answers of the train questions per (task, sport); other splits are ignored."""
    truths: dict[tuple[str, str], Counter[str]] = {}
    for question in questions:
        if question.split == "train":
            truths.setdefault((question.task, question.sport), Counter())[question.truth] += 1
    return AnswerPrior(truths, interval, dialogue)


def build_answer_prior(eval_set: "EvalSet", interval: float) -> AnswerPrior:
    """What floors may know of an evaluation set: the true answers of its training questions."""
    questions = eval_set.questions_by_id.values()
    return count_training_answers(questions, interval, eval_set.dialogue)


def answer_constant(
    question: Question, clip: Clip, captions: Sequence[Caption], answer_prior: AnswerPrior
) -> str:
    """Baseline: the centre of the clip for spotting, the median for scores, otherwise the most
    frequent training answer.
    """
    length = clip.end - clip.start
    if question.task == "spotting":
        middle = _centred_interval(length / 2, _answer_seconds(question, answer_prior), length)
        return spotting.format_spotting_answer(
            question.action, [middle], answer_prior.dialogue.clock_offset(clip)
        )
    truths = answer_prior.truths.get((question.task, question.sport), Counter())
    if question.task == "choice":
        return _most_frequent_option(question.options, truths)
    if question.task == "score":
        return _median_score(truths)
    return _most_frequent(truths) or ""


def answer_tiles(
    question: Question, clip: Clip, captions: Sequence[Caption], answer_prior: AnswerPrior
) -> str:
    """Baseline: for spotting, four equal intervals that cover the clip, so that one always
    overlaps; otherwise as `answer_constant`.
    """
    if question.task != "spotting":
        return answer_constant(question, clip, captions, answer_prior)
    tile_seconds = (clip.end - clip.start) / TILE_COUNT
    tile_spans = [(i * tile_seconds, (i + 1) * tile_seconds) for i in range(TILE_COUNT)]
    return spotting.format_spotting_answer(
        question.action, tile_spans, answer_prior.dialogue.clock_offset(clip)
    )


def answer_from_commentary(
    question: Question, clip: Clip, captions: Sequence[Caption], answer_prior: AnswerPrior
) -> str:
    """Baseline: search the commentary for the sport's keywords. Where none is found, spotting
    answers that the action is absent; other tasks fall back to `answer_constant`.
    """
    if question.task == "spotting":
        length = clip.end - clip.start
        lines = [c for c in captions if _mentions_action(c.text, question.action, question.sport)]
        size = _answer_seconds(question, answer_prior)
        spans = [_centred_interval(max(0.0, line.start), size, length) for line in lines]
        return spotting.format_spotting_answer(
            question.action, spans, answer_prior.dialogue.clock_offset(clip)
        )
    mentioned_actions = _list_mentioned_actions(captions, question.sport)
    named_options = [option for option in question.options if option.lower() in mentioned_actions]
    if question.task == "choice" and named_options:
        return choice.format_choice_answer(question.options, named_options[0])
    if question.task == "open" and mentioned_actions:
        return format_action_list(mentioned_actions)
    return answer_constant(question, clip, captions, answer_prior)


def answer_majority(
    question: Question, clip: Clip, captions: Sequence[Caption], answer_prior: AnswerPrior
) -> str:
    """Baseline: the majority class of training. Spotting says the action is absent if most training
    questions about it are; a choice picks the option whose text was true most often; otherwise
    as `answer_constant`.
    """
    if question.task == "choice":
        truths = answer_prior.truths.get((question.task, question.sport), Counter())
        words = Counter[str]()
        for truth, count in truths.items():
            words[truth.partition(". ")[2].casefold()] += count
        return choice.format_choice_answer(
            question.options, max(question.options, key=lambda text: words[text.casefold()])
        )
    if question.task == "spotting" and _is_mostly_absent(question, answer_prior):
        return spotting.format_spotting_answer(question.action, [])
    return answer_constant(question, clip, captions, answer_prior)


def _is_mostly_absent(question: Question, answer_prior: AnswerPrior) -> bool:
    truths = answer_prior.truths.get((question.task, question.sport), Counter())
    absent = spotting.format_spotting_answer(question.action, [])
    word = question.action
    action_counts = {
        t: n for t, n in truths.items() if t == absent or t.partition(" ")[2].startswith(f"{word} ")
    }
    return 2 * truths[absent] > sum(action_counts.values())


def _answer_seconds(question: Question, answer_prior: AnswerPrior) -> float:
    return min(answer_prior.interval, SPORTS[question.sport].interval)


def _centred_interval(moment: float, interval: float, length: float) -> tuple[float, float]:
    return max(0.0, moment - interval / 2), min(length, moment + interval / 2)


def _most_frequent_option(options: Sequence[str], truths: Counter[str]) -> str:
    """The option that was the truth more often than the commonest letter, else that letter's."""
    letters, texts = Counter[str](), Counter[str]()
    for truth, count in truths.items():
        letter, _, text = truth.partition(". ")
        letters[letter] += count
        texts[text] += count
    texts = Counter({option: texts[option] for option in options})
    text, letter = _most_frequent(texts), _most_frequent(letters)
    place = choice.LETTERS.find(letter) if letter else 0
    if text and texts[text] > letters[letter]:
        return choice.format_choice_answer(options, text)
    return choice.format_choice_answer(
        options, options[place] if place < len(options) else options[0]
    )


def _most_frequent(counts: Counter[str]) -> str:
    """The most frequent one, the first in the alphabet of equals; "" of none."""
    return min(counts, key=lambda name: (-counts[name], name), default="")


def _median_score(truths: Counter[str]) -> str:
    """The middle one of the scores of training; "" of none."""
    scores = sorted(truths.elements(), key=float)
    return scores[len(scores) // 2] if scores else ""


def _mentions_action(text: str, word: str, sport: str) -> bool:
    """Whether a line has one of the action's keywords as whole words."""
    keywords = SPORTS[sport].keywords.get(word, (word,))
    return any(re.search(rf"\b{re.escape(key)}\b", text.lower()) for key in keywords)


def _list_mentioned_actions(captions: Sequence[Caption], sport: str) -> list[str]:
    """The actions that commentary names, in order of the lines."""
    words = list(dict.fromkeys(SPORTS[sport].words.values()))
    lines = sorted(captions, key=lambda line: (line.start, line.id))
    return [word for line in lines for word in words if _mentions_action(line.text, word, sport)]


FloorAnswer = Callable[[Question, Clip, Sequence[Caption], AnswerPrior], str]
FLOORS: dict[str, FloorAnswer] = {
    "floor.constant": answer_constant,
    "floor.tiles": answer_tiles,
    "floor.keyword": answer_from_commentary,
    "floor.majority": answer_majority,
}

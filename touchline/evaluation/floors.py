"""Answers without a model: what a candidate must beat before its score means anything."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.records import Caption, Clip, Question
from touchline.sports import SPORTS
from touchline.tasks import choice, spotting
from touchline.tasks.open import told

TILES = 4


@dataclass(frozen=True)
class Prior:
    """All that a floor may know: how the truths of the training questions are spread."""

    truths: dict[tuple[str, str], Counter[str]]  # (task, sport) -> truths in the answer's format
    interval: float  # seconds that count as one action, as in the questions
    dialogue: Dialogue = PLAIN


def prior(train: Iterable[Question], interval: float, dialogue: Dialogue = PLAIN) -> Prior:
    """Count the truths of the training questions; questions of other splits are left out."""
    truths: dict[tuple[str, str], Counter[str]] = {}
    for question in train:
        if question.split == "train":
            truths.setdefault((question.task, question.sport), Counter())[question.truth] += 1
    return Prior(truths, interval, dialogue)


def constant(question: Question, clip: Clip, captions: Sequence[Caption], known: Prior) -> str:
    """Spotting: the middle of the clip; a score: the median; else the most frequent truth."""
    length = clip.end - clip.start
    if question.task == "spotting":
        middle = _around(length / 2, _interval(question, known), length)
        return spotting.sentence(question.action, [middle], known.dialogue.zero(clip))
    truths = known.truths.get((question.task, question.sport), Counter())
    if question.task == "choice":
        return _usual_option(question.options, truths)
    if question.task == "score":
        return _median(truths)
    return _most(truths) or ""


def tiles(question: Question, clip: Clip, captions: Sequence[Caption], known: Prior) -> str:
    """Spotting: four tiles over the clip, one of which always overlaps; else the constant."""
    if question.task != "spotting":
        return constant(question, clip, captions, known)
    size = (clip.end - clip.start) / TILES
    found = [(i * size, (i + 1) * size) for i in range(TILES)]
    return spotting.sentence(question.action, found, known.dialogue.zero(clip))


def keyword(question: Question, clip: Clip, captions: Sequence[Caption], known: Prior) -> str:
    """What the commentary says, word by word; where it says nothing, absent or the constant."""
    if question.task == "spotting":
        length = clip.end - clip.start
        lines = [c for c in captions if _speaks_of(c.text, question.action, question.sport)]
        size = _interval(question, known)
        around = [_around(max(0.0, line.start), size, length) for line in lines]
        return spotting.sentence(question.action, around, known.dialogue.zero(clip))
    said = _actions_said(captions, question.sport)
    named = [option for option in question.options if option.lower() in said]
    if question.task == "choice" and named:
        return choice.truth(question.options, named[0])
    if question.task == "open" and said:
        return told(said)
    return constant(question, clip, captions, known)


def majority(question: Question, clip: Clip, captions: Sequence[Caption], known: Prior) -> str:
    """The class that training has most of: whether an action occurs at all, a choice by its words.

    Spotting: absent where most questions about that action are; else as the constant.
    """
    if question.task == "choice":
        truths = known.truths.get((question.task, question.sport), Counter())
        words = Counter[str]()
        for truth, count in truths.items():
            words[truth.partition(". ")[2].casefold()] += count
        return choice.truth(
            question.options, max(question.options, key=lambda text: words[text.casefold()])
        )
    if question.task == "spotting" and _mostly_absent(question, known):
        return spotting.sentence(question.action, [])
    return constant(question, clip, captions, known)


def _mostly_absent(question: Question, known: Prior) -> bool:
    truths = known.truths.get((question.task, question.sport), Counter())
    absent = spotting.sentence(question.action, [])
    word = question.action
    about = {
        t: n for t, n in truths.items() if t == absent or t.partition(" ")[2].startswith(f"{word} ")
    }
    return 2 * truths[absent] > sum(about.values())


def _interval(question: Question, known: Prior) -> float:
    return min(known.interval, SPORTS[question.sport].interval)


def _around(moment: float, interval: float, length: float) -> tuple[float, float]:
    return max(0.0, moment - interval / 2), min(length, moment + interval / 2)


def _usual_option(options: Sequence[str], truths: Counter[str]) -> str:
    """The option that was the truth more often than the commonest letter, else that letter's."""
    letters, texts = Counter[str](), Counter[str]()
    for truth, count in truths.items():
        letter, _, text = truth.partition(". ")
        letters[letter] += count
        texts[text] += count
    texts = Counter({option: texts[option] for option in options})
    text, letter = _most(texts), _most(letters)
    place = choice.LETTERS.find(letter) if letter else 0
    if text and texts[text] > letters[letter]:
        return choice.truth(options, text)
    return choice.truth(options, options[place] if place < len(options) else options[0])


def _most(counts: Counter[str]) -> str:
    """The most frequent one, the first in the alphabet of equals; "" of none."""
    return min(counts, key=lambda name: (-counts[name], name), default="")


def _median(truths: Counter[str]) -> str:
    """The middle one of the scores of training; "" of none."""
    scores = sorted(truths.elements(), key=float)
    return scores[len(scores) // 2] if scores else ""


def _speaks_of(text: str, word: str, sport: str) -> bool:
    """Whether a line has one of the action's keywords as whole words."""
    keywords = SPORTS[sport].keywords.get(word, (word,))
    return any(re.search(rf"\b{re.escape(key)}\b", text.lower()) for key in keywords)


def _actions_said(captions: Sequence[Caption], sport: str) -> list[str]:
    """The actions that commentary names, in order of the lines."""
    words = list(dict.fromkeys(SPORTS[sport].words.values()))
    lines = sorted(captions, key=lambda line: (line.start, line.id))
    return [word for line in lines for word in words if _speaks_of(line.text, word, sport)]


Floor = Callable[[Question, Clip, Sequence[Caption], Prior], str]
FLOORS: dict[str, Floor] = {
    "floor.constant": constant,
    "floor.tiles": tiles,
    "floor.keyword": keyword,
    "floor.majority": majority,
}

"""Which of two to four: the letter and the option, as in `B. Travelling`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from touchline.chat.prompts import render
from touchline.chat.timecode import spoken
from touchline.tasks.scene import Scene
from touchline.tasks.task import Draft, Rules, Task, brought

LETTERS = "ABCD"
VARIANTS = 3  # questions per call, each with options of its own


def ask(scene: Scene, rules: Rules, random: Random) -> list[Draft]:
    """Ready questions as the source has them; in basketball, the one call of the clip."""
    alone = len(scene.seen) == len(scene.inside()) == 1
    if scene.sport.name == "basketball" and scene.free("choice") and alone:
        return [_call(scene, random) for _ in range(VARIANTS)]
    return [_lettered(draft) for draft in brought(scene, "choice", rules)]


def _lettered(draft: Draft) -> Draft:
    text = f"{draft.text} {lettered(draft.options)}"
    return replace(draft, text=text, truth=truth(draft.options, draft.truth))


def _call(scene: Scene, random: Random) -> Draft:
    (call,) = scene.seen
    others = random.sample(sorted(set(scene.sport.words.values()) - {call.word}), 3)
    options = [option(word) for word in random.sample([call.word, *others], 4)]
    text = render(
        "choice", sport=scene.sport.name, length=spoken(scene.length), options=lettered(options)
    )
    span = (max(0.0, call.start), min(scene.length, call.end))
    right = truth(options, option(call.word))
    return Draft(text, right, options=tuple(options), evidence=(span,))


def option(word: str) -> str:
    """A word as an option: with a capital, so that a model can tell it from what it has seen."""
    return word.capitalize()


def lettered(options: Sequence[str]) -> str:
    """`A Travelling; B Charging; ...`"""
    return "; ".join(f"{letter} {text}" for letter, text in zip(LETTERS, options, strict=False))


def truth(options: Sequence[str], right: str) -> str:
    """The answer in words: letter and option."""
    return f"{LETTERS[list(options).index(right)]}. {right}"


def letter(answer: str) -> str:
    """The letter an answer opens with, "" when it names none: credit needs the letter itself."""
    found = re.match(r"\s*\(?([A-D])\b", answer)
    return found[1] if found else ""


def score(answer: str, truth: str) -> float:
    """1 for the same letter, else 0."""
    return float(letter(answer) == letter(truth) != "")


CHOICE = Task("choice", ask, score, level="rules")

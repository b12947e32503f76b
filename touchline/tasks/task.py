"""What a task is: how it asks about a scene, and how it judges an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from touchline.dialogue import PLAIN, Dialogue
from touchline.tasks.scene import Scene


@dataclass(frozen=True)
class Draft:
    """A question before it has an id and a split."""

    text: str
    truth: str
    action: str = ""
    options: tuple[str, ...] = ()
    evidence: tuple[tuple[float, float], ...] = ()  # clip seconds


@dataclass(frozen=True)
class Rules:
    """What the `ask` section says about how questions are made."""

    interval: float  # seconds
    negatives: float  # share of spotting questions whose action is absent
    dialogue: Dialogue = PLAIN


@dataclass(frozen=True)
class Task:
    """`score(answer, truth)` is in [0, 1]; teacher, reward and evaluation all call this one."""

    name: str
    ask: Callable[[Scene, Rules, Random], list[Draft]]
    score: Callable[[str, str], float]

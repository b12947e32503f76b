"""What a task is: how it asks about a scene, and how it judges an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from touchline.clock import spoken
from touchline.records import Label
from touchline.tasks.scene import END, START, Scene


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


@dataclass(frozen=True)
class Task:
    """`score(answer, truth)` is in [0, 1]; teacher, reward and evaluation all call this one."""

    name: str
    ask: Callable[[Scene, Rules, Random], list[Draft]]
    score: Callable[[str, str], float]


def brought(scene: Scene, task: str) -> list[Draft]:
    """The questions of a task that the source brings along, in its words and with its answers."""
    return [_brought(label, scene) for label in scene.ready if label.task == task]


def _brought(label: Label, scene: Scene) -> Draft:
    start = max(0.0, label.start - scene.clip.start)
    end = min(scene.length, label.end - scene.clip.start)
    text = label.asked.replace(START, spoken(start)).replace(END, spoken(end))
    evidence = ((start, end),) if start < end else ()
    return Draft(text, label.answer, options=tuple(label.options), evidence=evidence)

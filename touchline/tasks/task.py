"""What a task is: how it asks about a scene, and how it judges an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from touchline.chat.dialogue import PLAIN, Dialogue
from touchline.chat.timecode import spoken
from touchline.records import Label
from touchline.tasks.scene import END, START, Scene

# A curriculum's, in its order: what is seen, what the rules make of it, how good it was, in words.
LEVELS = ("recognition", "rules", "coaching", "commentary")


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
    close: Callable[[str, str], float] | None = None  # a finer score in [0, 1], for RL alone
    level: str = LEVELS[0]  # where a curriculum teaches it

    def closeness(self, answer: str, truth: str) -> float:
        """How near an answer is to the truth: the score where the task has nothing finer."""
        return (self.close or self.score)(answer, truth)


def brought(scene: Scene, task: str, rules: Rules) -> list[Draft]:
    """The questions of a task that the source brings along, in its words and with its answers."""
    return [drafted(label, scene, rules) for label in scene.ready if label.task == task]


def drafted(label: Label, scene: Scene, rules: Rules) -> Draft:
    """One ready question, its `{start}` and `{end}` by the clock of the dialogue."""
    start = max(0.0, label.start - scene.clip.start)
    end = min(scene.length, label.end - scene.clip.start)
    zero = rules.dialogue.zero(scene.clip)
    text = label.asked.replace(START, spoken(zero + start)).replace(END, spoken(zero + end))
    evidence = ((start, end),) if start < end else ()
    return Draft(text, label.answer, options=tuple(label.options), evidence=evidence)

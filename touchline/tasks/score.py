"""Which score do the judges give: a number, met when it is near enough."""

import re
from random import Random

from touchline.tasks.scene import Scene
from touchline.tasks.task import Draft, Rules, Task, brought

NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
LONGEST = 9  # characters; a model may write thousands
TOLERANCE = 0.05  # of the truth: about what two panels differ by


def ask(scene: Scene, rules: Rules, random: Random) -> list[Draft]:
    """Scores come from judges alone: only questions that the source brings along."""
    return brought(scene, "score", rules)


def number(answer: str) -> float | None:
    """The one number of an answer; None when there is none or more than one."""
    found = NUMBER.findall(answer)
    return float(found[0]) if len(found) == 1 and len(found[0]) <= LONGEST else None


def score(answer: str, truth: str) -> float:
    """1 within a twentieth of the truth, else 0."""
    said, true = number(answer), number(truth)
    if said is None or true is None:
        return 0.0
    return float(abs(said - true) <= TOLERANCE * true)


SCORE = Task("score", ask, score, level="coaching")

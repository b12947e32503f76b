"""How many: a whole number, such as the strokes of a rally or the repetitions of an exercise."""

import re
from itertools import pairwise
from random import Random

from touchline.chat.prompts import render
from touchline.chat.timecode import spoken
from touchline.tasks.scene import Scene
from touchline.tasks.task import Draft, Rules, Task, brought

LONGEST = 9  # digits; a model may write thousands, which Python refuses to read


def ask(scene: Scene, rules: Rules, random: Random) -> list[Draft]:
    """Ready questions as the source has them; in badminton, the strokes of a whole rally.

    Whole is a rally with no break between its strokes, none of which shows beyond the clip.
    """
    if not scene.free("counting"):
        return brought(scene, "counting", rules)
    strokes = scene.inside()
    if scene.sport.name != "badminton" or not strokes or len(strokes) != len(scene.seen):
        return []
    broken = any(after.start - before.end > 1.0 for before, after in pairwise(strokes))
    if broken or strokes[0].start < 0 or strokes[-1].end > scene.length:
        return []
    text = render("counting", sport=scene.sport.name, length=spoken(scene.length))
    return [Draft(text, str(len(strokes)), evidence=((strokes[0].start, strokes[-1].end),))]


def count(answer: str) -> int | None:
    """The one whole number of an answer; None when there is none or more than one."""
    numbers = re.findall(r"\d+", answer)
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) <= LONGEST else None


def score(answer: str, truth: str) -> float:
    """1 for the same number, else 0."""
    return float(count(answer) == count(truth) is not None)


COUNTING = Task("counting", ask, score, level="recognition")

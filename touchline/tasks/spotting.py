"""Where in the clip does an action occur: intervals in words, as in the action-spotting paper."""

import re
from collections.abc import Sequence
from random import Random

from touchline.chat.dialogue import Dialogue
from touchline.chat.prompts import render
from touchline.chat.timecode import spoken
from touchline.metrics.temporal_iou import count_one_to_one, sum_matched_iou
from touchline.tasks.scene import Scene, around
from touchline.tasks.task import Draft, Rules, Task

INTERVAL = re.compile(r"\((\d{1,3}):([0-5]\d), ?(\d{1,3}):([0-5]\d)\)")
THETA = 0.3  # an interval with less overlap is a miss (spotting paper)


def sentence(word: str, intervals: Sequence[tuple[float, float]], zero: float = 0.0) -> str:
    """The answer in words, to whole seconds as in the paper; none gives the word for absence.

    `zero` is what the clock of the dialogue shows at the clip's first frame.
    """
    if not intervals:
        return f"No {word} occurs in this clip."
    article = "An" if word[0] in "aeiou" else "A"
    said = (
        f"{article} {word} occurs at ({spoken(s)}, {spoken(e)})."
        for s, e in (_whole(pair, zero) for pair in intervals)
    )
    return " ".join(said)


def _whole(interval: tuple[float, float], zero: float) -> tuple[int, int]:
    """To whole seconds of the clock, which shows nothing before 0:00."""
    start, end = (max(0, round(zero + time)) for time in interval)
    return start, end


def intervals(answer: str, zero: float = 0.0) -> list[tuple[float, float]]:
    """The (start, end) pairs of an answer in clip seconds; reversed pairs are not intervals."""
    found = [[int(number) for number in pair] for pair in INTERVAL.findall(answer)]
    pairs = [(a * 60.0 + b, c * 60.0 + d) for a, b, c, d in found]
    return [(start - zero, end - zero) for start, end in pairs if start < end]


def ask(scene: Scene, rules: Rules, random: Random) -> list[Draft]:
    """One question per action present, and absent ones so that `negatives` of all are absent.

    A clip without any action counts as one with one: it is asked about an absent action too.
    Nothing is asked where absence is not known, nor what no answer in whole seconds could say.
    """
    if not scene.free("spotting"):
        return []
    present = [word for word in scene.sport.asked if any(s.word == word for s in scene.inside())]
    absent = [word for word in scene.sport.asked if word not in {s.word for s in scene.seen}]
    wanted = max(len(present), 1) * rules.negatives / (1 - rules.negatives)
    count = int(wanted) + (random.random() < wanted % 1)
    chosen = random.sample(absent, min(count, len(absent)))
    drafts = [_draft(word, scene, rules) for word in [*present, *sorted(chosen)]]
    return [draft for draft in drafts if len(intervals(draft.truth)) == len(draft.evidence)]


def words(action: str, sport: str, length: float, dialogue: Dialogue) -> str:
    """The question for one action in a clip of `length` seconds."""
    fields = {"action": action, "sport": sport, "length": spoken(length)}
    return render(dialogue.prompt("spotting"), **fields)


def _draft(word: str, scene: Scene, rules: Rules) -> Draft:
    length = min(rules.interval, scene.sport.interval)
    here = [s for s in scene.inside() if s.word == word]
    found = [scene.interval(s, length) for s in here]
    said = found if rules.dialogue.cut else [around(s.moment, length) for s in here]
    text = words(word, scene.sport.name, scene.length, rules.dialogue)
    truth = sentence(word, said, rules.dialogue.zero(scene.clip))
    return Draft(text, truth, action=word, evidence=tuple(found))


def score(answer: str, truth: str) -> float:
    """F1 of intervals matched one to one at IoU over 0.3; 1 for rightly saying there is none."""
    said, true = intervals(answer), intervals(truth)
    if not true:
        return float(not said and answer.strip() == truth.strip())
    if not said:
        return 0.0
    return 2 * count_one_to_one(said, true, THETA).tp / (len(said) + len(true))


def close(answer: str, truth: str) -> float:
    """As `score`, but a matched pair counts its IoU: a second nearer is worth something."""
    said, true = intervals(answer), intervals(truth)
    if not said or not true:
        return score(answer, truth)
    return 2 * sum_matched_iou(said, true) / (len(said) + len(true))


SPOTTING = Task("spotting", ask, score, close, level="recognition")

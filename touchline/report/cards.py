"""What a page shows of a clip: a timeline per question, and how each model went about it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

from touchline.licence import WITHHELD
from touchline.metrics.temporal_iou import Interval, iou
from touchline.records import Clip, Question, Trajectory, paired
from touchline.report.steps import Step, steps
from touchline.report.template import Pictures
from touchline.tasks.spotting import THETA, intervals

Given = Mapping[str, Mapping[str, Trajectory]]  # candidate -> question id -> answer
SHOWN = {"spotting": 24, "counting": 4, "choice": 4, "open": 4, "score": 4}
OTHERS = 4


class Pick(NamedTuple):
    """A clip with the questions of one task that are asked of it, and why it is shown."""

    clip: str
    task: str
    why: str  # better, worse, right or wrong
    questions: tuple[Question, ...]


def pick(questions: Sequence[Question], given: Given, models: Sequence[str]) -> list[Pick]:
    """Clips in turns from each kind (changed both ways, wrong, right), then in order of clip."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in sorted(questions, key=lambda q: q.id):
        groups.setdefault((question.task, question.clip), []).append(question)
    tasks = sorted(
        {task for task, _ in groups}, key=[*SHOWN, *sorted({t for t, _ in groups})].index
    )
    return [shown for task in tasks for shown in _of_task(task, groups, given, models)]


def _of_task(
    task: str, groups: Mapping[tuple[str, str], list[Question]], given: Given, models: Sequence[str]
) -> list[Pick]:
    kinds: dict[str, list[tuple[float, str]]] = {}
    for (name, clip), asked in groups.items():
        if name == task:
            why, weight = _kind(asked, given, models)
            kinds.setdefault(why, []).append((-weight, clip))
    queues = [[(why, clip) for _, clip in sorted(kinds.get(why, []))] for why in WHY]
    chosen = list(_in_turns(queues))[: SHOWN.get(task, OTHERS)]
    rank = {why: place for place, why in enumerate(WHY)}
    chosen.sort(key=lambda found: (rank[found[0]], found[1]))
    return [Pick(clip, task, why, tuple(groups[task, clip])) for why, clip in chosen]


WHY = ("better", "worse", "wrong", "right")


def _kind(asked: Sequence[Question], given: Given, models: Sequence[str]) -> tuple[str, float]:
    """How the last model did on a clip against the one before it, and how telling that is.

    A clip weighs by what can be seen in it: evidence first, then tool calls.
    """
    last = _mean(asked, given, models[-1])
    before = _mean(asked, given, models[-2]) if len(models) > 1 else last
    seen = sum(bool(question.evidence) for question in asked)
    calls = sum(len(given[models[-1]][q.id].windows) for q in asked if q.id in given[models[-1]])
    telling = seen + calls / 100
    if abs(last - before) > 1e-9:
        return ("better" if last > before else "worse"), abs(last - before) * 100 + telling
    return ("right" if last >= 0.5 else "wrong"), telling


def _mean(asked: Sequence[Question], given: Given, model: str) -> float:
    scores = [given[model][q.id].score for q in asked if q.id in given[model]]
    return sum(scores) / len(scores) if scores else 0.0


def _in_turns(queues: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    for turn in zip_longest(*queues):
        yield from (found for found in turn if found)


TICK = 10  # seconds between marks on a timeline


@dataclass(frozen=True)
class Span:
    """A stretch on a timeline, in percent of the clip; `hit` when it overlaps a truth enough."""

    left: float
    width: float
    title: tuple[float, float]  # seconds
    hit: bool


@dataclass(frozen=True)
class Lane:
    """One candidate's line: what it answered and where it looked again."""

    name: str
    answers: list[Span]
    windows: list[Span]
    answer: str
    score: float


@dataclass(frozen=True)
class Frame:
    """One picture of a strip; no class when it may not be shown."""

    time: float
    style: str
    width: int


@dataclass(frozen=True)
class Scene:
    """One step of an attempt with its pictures."""

    step: Step
    frames: list[Frame]


@dataclass(frozen=True)
class Attempt:
    """A model's way to its answer."""

    name: str
    score: float
    answer: str
    scenes: list[Scene]


@dataclass(frozen=True)
class Asked:
    """A question with its truth, a lane per candidate and an attempt per model."""

    question: Question
    truth: list[Span]
    lanes: list[Lane]
    attempts: list[Attempt]


@dataclass(frozen=True)
class Card:
    """A clip of the page."""

    clip: Clip
    pick: Pick
    ticks: list[tuple[float, float]]  # (seconds, percent)
    asked: list[Asked]
    hidden: bool  # its words and pictures are withheld


def card(pick: Pick, clip: Clip, given: Given, pictures: Pictures, zero: float = 0.0) -> Card:
    """Lay one picked clip out; answers count their seconds from `zero` at its first frame."""
    length = clip.end - clip.start
    ticks = [(float(t), t / length * 100) for t in range(0, int(length) + 1, TICK)]
    asked = [_asked(question, clip, given, pictures, zero) for question in pick.questions]
    hidden = pictures.hides(clip)
    return Card(clip, pick, ticks, list(map(_veiled, asked)) if hidden else asked, hidden)


def _asked(question: Question, clip: Clip, given: Given, pictures: Pictures, zero: float) -> Asked:
    length = clip.end - clip.start
    labels = paired(question.evidence)
    answers = [(name, found[question.id]) for name, found in given.items() if question.id in found]
    return Asked(
        question,
        [_span(label, length, True) for label in labels],
        [_lane(name, answer, question, labels, length, zero) for name, answer in answers],
        [_attempt(name, a, clip, pictures) for name, a in answers if not name.startswith("floor.")],
    )


def _veiled(asked: Asked) -> Asked:
    """Only its times and scores: no word of the source, nor of a model that has read them."""
    question = replace(asked.question, text=WITHHELD, truth=WITHHELD, options=[])
    lanes = [replace(lane, answer=WITHHELD) for lane in asked.lanes]
    attempts = [
        replace(a, answer=WITHHELD, scenes=[scene for scene in a.scenes if scene.frames])
        for a in asked.attempts
    ]
    return Asked(question, asked.truth, lanes, attempts)


def _lane(
    name: str,
    given: Trajectory,
    question: Question,
    labels: Sequence[Interval],
    length: float,
    zero: float,
) -> Lane:
    said = intervals(given.answer, zero) if question.task == "spotting" else []
    hits = [any(iou(guess, label) > THETA for label in labels) for guess in said]
    answers = [_span(guess, length, hit) for guess, hit in zip(said, hits, strict=True)]
    windows = [_span(window, length, True) for window in paired(given.windows)]
    return Lane(name, answers, windows, given.answer, given.score)


def _span(given: Interval, length: float, hit: bool) -> Span:
    """Cut to the clip: a model may name times far outside of it."""
    start, end = (min(max(time, 0.0), length) for time in given)
    return Span(start / length * 100, max(end - start, length / 200) / length * 100, given, hit)


def _attempt(name: str, given: Trajectory, clip: Clip, pictures: Pictures) -> Attempt:
    scenes = [Scene(step, _frames(step, clip, pictures)) for step in steps(given)]
    return Attempt(name, given.score, given.answer, scenes)


def _frames(step: Step, clip: Clip, pictures: Pictures) -> list[Frame]:
    shown = [(time, pictures.show(clip, time)) for time in step.times]
    return [Frame(time, *(found or ("hidden", 96))) for time, found in shown]


def tally(cards: Sequence[Card]) -> Mapping[str, int]:
    """How many clips are shown of each kind."""
    counts: dict[str, int] = {}
    for found in cards:
        counts[found.pick.why] = counts.get(found.pick.why, 0) + 1
    return counts

"""Which clips a page shows: a mix of best, worst and changed, the same for the same answers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from touchline.records import Question, Trajectory

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

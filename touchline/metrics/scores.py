"""The scores of candidates per task and per slice of the questions, each with its interval.

Every metric but Average-mAP is a ratio of two sums over rows, so one row contributes a
(numerator, denominator): precision is sum(TP) / sum(TP + FP), an accuracy is sum(right) / sum(1).
That pools over questions (micro) and lets one bootstrap serve all of them. It draws matches;
where there is but one match, it has to draw its questions, and that interval is too narrow: see
`matches`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from touchline.errors import BadInput
from touchline.metrics import balanced_accuracy, bootstrap, spotted
from touchline.metrics.bootstrap import Estimate, Side
from touchline.metrics.per_answer import Judge, Parts, in_video, measure
from touchline.records import Clip, Question, Trajectory

HEADLINE = {
    "spotting": "f1",
    "counting": "accuracy",
    "choice": "accuracy",
    "open": "accuracy",
    "score": "accuracy",
}
LENGTHS = (15, 30, 60, 120)  # seconds at which the slices by clip length end
# The right frames in any order are enough to choose: there a shuffled clip hides nothing.
NO_FLOOR = {("floor.shuffled", "choice")}
Rows = Sequence[tuple[Question, Trajectory]]
Scores = dict[str, dict[str, dict[str, float]]]


def report(
    answers: Mapping[str, Sequence[Trajectory]], questions: Mapping[str, Question], judge: Judge
) -> dict[str, dict]:
    """Score all candidates: `candidates` in the issue's shape, breakdowns under other keys.

    candidates: {NAME: {TASK: {METRIC: {value, low, high, n}}}}; sports, actions, sources and
    lengths (of the clip) hold one more level below NAME; without_negatives has the shape of
    candidates and holds spotting alone, of questions whose action occurs; differences:
    {"rl - sft": {TASK: {METRIC: ...}}}, paired over matches; matches: {TASK: how many matches
    the intervals rest on}. Raises `BadInput` for an answer whose
    question is unknown, for a question answered twice and for candidates of unlike questions.
    """
    rows = {name: paired(given, questions) for name, given in answers.items()}
    _comparable(rows)
    first = next(iter(rows.values()), [])
    return {
        "candidates": {name: by_task(given, judge) for name, given in rows.items()},
        "sports": _sliced(rows, lambda question: question.sport, judge),
        "actions": _sliced(rows, lambda question: question.action, judge),
        "sources": _sliced(rows, lambda question: question.source, judge),
        "lengths": _sliced(rows, lambda question: length(judge.clips[question.clip]), judge),
        "without_negatives": {
            name: by_task([row for row in given if _occurs(row[0])], judge)
            for name, given in rows.items()
        },
        "differences": differences(rows, judge),
        "matches": {task: len({q.match for q, _ in part}) for task, part in _tasks(first).items()},
    }


def paired(answers: Iterable[Trajectory], questions: Mapping[str, Question]) -> Rows:
    """Each answer beside its question."""
    rows = []
    for answer in answers:
        if answer.question not in questions:
            raise BadInput(
                answer.id, f"its question {answer.question} is unknown", "rerun evaluate"
            )
        rows.append((questions[answer.question], answer))
    return rows


def _comparable(rows: Mapping[str, Rows]) -> None:
    asked = {name: [question.id for question, _ in given] for name, given in rows.items()}
    for name, ids in asked.items():
        if len(set(ids)) != len(ids):
            raise BadInput(name, "answers a question twice", "keep one answer per question")
    if len({frozenset(ids) for ids in asked.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(ids)}" for name, ids in asked.items())
        raise BadInput(sizes, "candidates answered unlike questions", "ask all of them the same")


def by_task(rows: Rows, judge: Judge) -> Scores:
    """{TASK: {METRIC: {value, low, high, n}}} of one candidate."""
    return {
        task: {name: bootstrap.estimate(side, judge.seed)._asdict() for name, side in given.items()}
        for task, given in sides(rows, judge).items()
    }


def _sliced(
    rows: Mapping[str, Rows], slice_of: Callable[[Question], str], judge: Judge
) -> dict[str, dict[str, Scores]]:
    """{NAME: {SLICE: {TASK: ...}}} for the slices that have a name."""
    found = {}
    for name, given in rows.items():
        slices: dict[str, list] = {}
        for row in given:
            slices.setdefault(slice_of(row[0]), []).append(row)
        found[name] = {part: by_task(slices[part], judge) for part in sorted(slices) if part}
    return found


def length(clip: Clip) -> str:
    """The slice of a clip by its length: `15 to 30 s` is above the first, up to the second."""
    seconds = clip.end - clip.start
    for least, most in pairwise((0, *LENGTHS)):
        if seconds <= most:
            return f"{least} to {most} s"
    return f"over {LENGTHS[-1]} s"


def _occurs(question: Question) -> bool:
    return question.task == "spotting" and len(question.evidence) > 0


def differences(rows: Mapping[str, Rows], judge: Judge) -> dict[str, Scores]:
    """Every candidate minus every one before it that is worth telling: models against all."""
    found = {name: sides(given, judge) for name, given in rows.items()}
    names = list(rows)
    return {
        f"{ours} - {theirs}": _against(found[ours], found[theirs], judge.seed)
        for i, ours in enumerate(names)
        for theirs in names[:i]
        if not ours.startswith("floor.")
    }


def _against(ours: dict, theirs: dict, seed: int) -> Scores:
    return {
        task: {
            name: bootstrap.difference(side, theirs[task][name], seed)._asdict()
            for name, side in metrics.items()
        }
        for task, metrics in ours.items()
    }


def _tasks(rows: Rows) -> dict[str, Rows]:
    names = sorted({question.task for question, _ in rows})
    return {name: [row for row in rows if row[0].task == name] for name in names}


def sides(rows: Rows, judge: Judge) -> dict[str, dict[str, Side]]:
    """{TASK: {METRIC: what the bootstrap draws from}}."""
    return {task: _metrics(part, judge) for task, part in _tasks(rows).items()}


def _metrics(rows: Rows, judge: Judge) -> dict[str, Side]:
    alone = len({question.match for question, _ in rows}) == 1
    drawn = [question.id if alone else question.match for question, _ in rows]
    measured = [measure(question, answer, judge) for question, answer in rows]
    if rows[0][0].task == "choice":
        weights = balanced_accuracy.weights([question.truth for question, _ in rows])
        for parts, weight in zip(measured, weights, strict=True):
            parts["balanced_accuracy"] = (weight * parts["accuracy"][0], weight)
    sides = {name: _ratio(name, measured, drawn) for name in sorted(set().union(*measured))}
    if rows[0][0].task == "spotting":
        sides |= spotted.sides([in_video(q, answer, judge) for q, answer in rows], drawn)
    return sides


def _ratio(name: str, measured: Sequence[Parts], drawn: Sequence[str]) -> Side:
    """A metric over the rows that have it."""
    given = [(parts[name], match) for parts, match in zip(measured, drawn, strict=True)
             if name in parts]  # fmt: skip
    return bootstrap.ratio(np.array([part for part, _ in given]), [match for _, match in given])


def headline(scores: Mapping[str, Mapping], task: str) -> Estimate:
    """The one number that stands for a candidate in a task."""
    return Estimate(**scores[task][HEADLINE.get(task, "accuracy")])


def best_floor(candidates: Mapping[str, Scores], task: str) -> str:
    """The floor with the highest headline number, the first of equals; "" when there is none."""
    floors = [
        name
        for name, tasks in candidates.items()
        if name.startswith("floor.") and task in tasks and (name, task) not in NO_FLOOR
    ]
    return max(floors, key=lambda n: headline(candidates[n], task).value, default="")

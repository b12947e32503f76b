"""What is taken for what: a table per candidate, in counts, each row shaded by its shares."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from touchline.metrics.temporal_iou import iou
from touchline.records import Clip, Question, Trajectory, paired
from touchline.report.cards import Given
from touchline.tasks.choice import LETTERS, letter
from touchline.tasks.spotting import THETA, intervals

MOST = 12  # options that still make a table one can read
UNREADABLE = "unreadable"
# What becomes of a question that an action occurs in, and of one where it does not.
FOUND, ELSEWHERE, MISSED = "found", "elsewhere", "missed"
ABSENT, CLAIMED = "rightly absent", "claimed"
OUTCOMES = (FOUND, ELSEWHERE, MISSED, ABSENT, CLAIMED, UNREADABLE)
RIGHT = (FOUND, ABSENT)
Pairs = Iterable[tuple[str, str]]  # (row, column) per answer


@dataclass(frozen=True)
class Cell:
    """How often; `share` is that of its row in percent."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Matrix:
    """One candidate's table."""

    name: str
    columns: list[str]
    rows: list[tuple[str, list[Cell]]]


def of_choice(
    asked: Sequence[Question],
    given: Given,
    names: Sequence[str],
    clips: Mapping[str, Clip],
    withheld: Collection[str],
) -> list[Matrix]:
    """Truth by answer: in words, or in letters where words are too many or may not be shown."""
    chosen = [question for question in asked if question.task == "choice"]
    words = {option for question in chosen for option in question.options}
    hidden = any(clips[question.clip].terms in withheld for question in chosen)
    say = _letter if hidden or len(words) > MOST else _word
    order = [*(LETTERS if say is _letter else sorted(words)), UNREADABLE]

    def pairs(answers: Mapping[str, Trajectory]) -> Pairs:
        for question in chosen:
            if question.id in answers:
                truth = say(question, question.truth)
                yield truth, say(question, answers[question.id].answer)

    return _matrices(given, names, pairs, order, lambda row, column: row == column, True)


def _letter(question: Question, answer: str) -> str:
    found = letter(answer)
    return found if found and LETTERS.index(found) < len(question.options) else UNREADABLE


def _word(question: Question, answer: str) -> str:
    found = _letter(question, answer)
    return found if found == UNREADABLE else question.options[LETTERS.index(found)]


def of_spotting(
    asked: Sequence[Question],
    given: Given,
    names: Sequence[str],
    zero: Callable[[Question], float],
) -> list[Matrix]:
    """The action asked for by what became of it; `zero` is the clock at the clip's first frame."""
    spotted = [question for question in asked if question.task == "spotting"]

    def pairs(answers: Mapping[str, Trajectory]) -> Pairs:
        for question in spotted:
            if question.id in answers:
                answer = answers[question.id]
                yield question.action, outcome(question, answer, zero(question))

    order = [*sorted({question.action for question in spotted}), *OUTCOMES]
    return _matrices(given, names, pairs, order, lambda _, column: column in RIGHT, False)


def outcome(question: Question, answer: Trajectory, zero: float) -> str:
    """Found: one of the intervals said overlaps one of the labels by more than THETA."""
    said, labels = intervals(answer.answer, zero), paired(question.evidence)
    if not said and not answer.valid:
        return UNREADABLE
    if not labels:
        return CLAIMED if said else ABSENT
    if not said:
        return MISSED
    hit = any(iou(one, label) > THETA for one in said for label in labels)
    return FOUND if hit else ELSEWHERE


def _matrices(
    given: Given,
    names: Sequence[str],
    pairs: Callable[[Mapping[str, Trajectory]], Pairs],
    order: Sequence[str],
    right: Callable[[str, str], bool],
    square: bool,
) -> list[Matrix]:
    """A table for each of `names`, all with the same rows and columns, none that is empty."""
    counts = {name: Counter(pairs(given.get(name, {}))) for name in names}
    rows = {row for count in counts.values() for row, _ in count}
    columns = {column for count in counts.values() for _, column in count}
    if square:
        columns |= rows
    wide = [column for column in order if column in columns]
    tall = [row for row in order if row in rows]
    return [
        Matrix(name, wide, [(row, _cells(count, row, wide, right)) for row in tall])
        for name, count in counts.items()
        if count
    ]


def _cells(
    count: Counter[tuple[str, str]],
    row: str,
    columns: Sequence[str],
    right: Callable[[str, str], bool],
) -> list[Cell]:
    total = sum(count[row, column] for column in columns) or 1
    return [
        Cell(count[row, column], count[row, column] / total * 100, right(row, column))
        for column in columns
    ]

"""Confusion matrices of choice and spotting questions, one per candidate: counts, each row shaded
by its shares.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from touchline.metrics.temporal_iou import compute_temporal_iou
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory
from touchline.report.cards import AnswersByCandidate
from touchline.tasks.choice import LETTERS, parse_option_letter
from touchline.tasks.spotting import MIN_IOU, parse_intervals

MAX_WORD_OPTIONS = 12  # options that still make a table one can read
UNREADABLE = "unreadable"
# What becomes of a question that an action occurs in, and of one where it does not.
FOUND, ELSEWHERE, MISSED = "found", "elsewhere", "missed"
ABSENT, CLAIMED = "rightly absent", "claimed"
OUTCOMES = (FOUND, ELSEWHERE, MISSED, ABSENT, CLAIMED, UNREADABLE)
RIGHT_OUTCOMES = (FOUND, ABSENT)
ConfusionPairs = Iterable[tuple[str, str]]  # (row, column) per answer


@dataclass(frozen=True)
class ConfusionCell:
    """A count, and its share of the row in percent. `right`: this outcome is correct."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class ConfusionMatrix:
    """One candidate's confusion matrix."""

    name: str
    columns: list[str]
    rows: list[tuple[str, list[ConfusionCell]]]


def build_choice_confusion(
    questions: Sequence[Question],
    answers_by_candidate: AnswersByCandidate,
    names: Sequence[str],
    clips: Mapping[str, Clip],
    withheld: Collection[str],
) -> list[ConfusionMatrix]:
    """Truth against answer of the choice questions: as option texts, or as letters if there are too
    many options or they may not be shown.
    """
    chosen = [question for question in questions if question.task == "choice"]
    words = {option for question in chosen for option in question.options}
    hidden = any(clips[question.clip].terms in withheld for question in chosen)
    read_option = _option_letter if hidden or len(words) > MAX_WORD_OPTIONS else _option_text
    letters = LETTERS[: max((len(question.options) for question in chosen), default=0)]
    order = [*(letters if read_option is _option_letter else sorted(words)), UNREADABLE]

    def pairs(answers: Mapping[str, Trajectory]) -> ConfusionPairs:
        for question in chosen:
            if question.id in answers:
                truth = read_option(question, question.truth)
                yield truth, read_option(question, answers[question.id].answer)

    return _build_matrices(
        answers_by_candidate, names, pairs, order, lambda row, column: row == column, True
    )


def _option_letter(question: Question, answer: str) -> str:
    option_letter = parse_option_letter(answer)
    return (
        option_letter
        if option_letter and LETTERS.index(option_letter) < len(question.options)
        else UNREADABLE
    )


def _option_text(question: Question, answer: str) -> str:
    option_letter = _option_letter(question, answer)
    return (
        option_letter
        if option_letter == UNREADABLE
        else question.options[LETTERS.index(option_letter)]
    )


def build_spotting_confusion(
    questions: Sequence[Question],
    answers_by_candidate: AnswersByCandidate,
    names: Sequence[str],
    zero: Callable[[Question], float],
) -> list[ConfusionMatrix]:
    """Action asked for against outcome (see `classify_spotting_answer`). `zero` gives the clock
    time of a clip's first frame in seconds.
    """
    spotted = [question for question in questions if question.task == "spotting"]

    def pairs(answers: Mapping[str, Trajectory]) -> ConfusionPairs:
        for question in spotted:
            if question.id in answers:
                answer = answers[question.id]
                yield question.action, classify_spotting_answer(question, answer, zero(question))

    order = [*sorted({question.action for question in spotted}), *OUTCOMES]
    return _build_matrices(
        answers_by_candidate, names, pairs, order, lambda _, column: column in RIGHT_OUTCOMES, False
    )


def classify_spotting_answer(question: Question, answer: Trajectory, zero: float) -> str:
    """Outcome of one spotting answer, one of `OUTCOMES`. It is `found` if any answered interval
    overlaps any label with IoU above THETA.
    """
    guesses, labels = parse_intervals(answer.answer, zero), pair_times(question.evidence)
    if not guesses and not answer.valid:
        return UNREADABLE
    if not labels:
        return CLAIMED if guesses else ABSENT
    if not guesses:
        return MISSED
    hit = any(compute_temporal_iou(guess, label) > MIN_IOU for guess in guesses for label in labels)
    return FOUND if hit else ELSEWHERE


def _build_matrices(
    answers_by_candidate: AnswersByCandidate,
    names: Sequence[str],
    pairs: Callable[[Mapping[str, Trajectory]], ConfusionPairs],
    order: Sequence[str],
    right: Callable[[str, str], bool],
    square: bool,
) -> list[ConfusionMatrix]:
    """A table for each of `names`, all with the same rows and columns, none that is empty."""
    counts = {name: Counter(pairs(answers_by_candidate.get(name, {}))) for name in names}
    rows = {row for count in counts.values() for row, _ in count}
    columns = {column for count in counts.values() for _, column in count}
    if square:
        columns |= rows
    wide = [column for column in order if column in columns]
    tall = [row for row in order if row in rows]
    return [
        ConfusionMatrix(name, wide, [(row, _row_cells(count, row, wide, right)) for row in tall])
        for name, count in counts.items()
        if count
    ]


def _row_cells(
    count: Counter[tuple[str, str]],
    row: str,
    columns: Sequence[str],
    right: Callable[[str, str], bool],
) -> list[ConfusionCell]:
    total = sum(count[row, column] for column in columns) or 1
    return [
        ConfusionCell(count[row, column], count[row, column] / total * 100, right(row, column))
        for column in columns
    ]

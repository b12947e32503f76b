"""Cards of the report: which clips are shown (a deterministic mix of improved, worsened, wrong and
right ones) and what each card holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

from touchline.html_page.template import FrameStylesheet
from touchline.licence import WITHHELD_REASON
from touchline.metrics.temporal_iou import Interval, compute_temporal_iou
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory
from touchline.report.steps import AttemptStep, parse_attempt_steps
from touchline.tasks.spotting import MIN_IOU, parse_intervals

AnswersByCandidate = Mapping[str, Mapping[str, Trajectory]]  # candidate -> question id -> answer
CLIPS_PER_TASK = {"spotting": 24, "counting": 4, "choice": 4, "open": 4, "score": 4}
CLIPS_OF_OTHER_TASK = 4


class ClipPick(NamedTuple):
    """A clip with its questions of one task, and why it is shown."""

    clip: str
    task: str
    why: str  # better, worse, right or wrong
    questions: tuple[Question, ...]


def pick_report_clips(
    questions: Sequence[Question], answers_by_candidate: AnswersByCandidate, models: Sequence[str]
) -> list[ClipPick]:
    """Pick clips per task, taking turns between better, worse, wrong and right, sorted by reason
    and clip id.

    `models` in order: the last is judged, the one before it is compared with.
    """
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in sorted(questions, key=lambda q: q.id):
        groups.setdefault((question.task, question.clip), []).append(question)
    tasks = sorted(
        {task for task, _ in groups}, key=[*CLIPS_PER_TASK, *sorted({t for t, _ in groups})].index
    )
    return [
        shown
        for task in tasks
        for shown in _pick_of_task(task, groups, answers_by_candidate, models)
    ]


def _pick_of_task(
    task: str,
    groups: Mapping[tuple[str, str], list[Question]],
    answers_by_candidate: AnswersByCandidate,
    models: Sequence[str],
) -> list[ClipPick]:
    kinds: dict[str, list[tuple[float, str]]] = {}
    for (name, clip), clip_questions in groups.items():
        if name == task:
            why, weight = _pick_reason(clip_questions, answers_by_candidate, models)
            kinds.setdefault(why, []).append((-weight, clip))
    queues = [[(why, clip) for _, clip in sorted(kinds.get(why, []))] for why in PICK_REASONS]
    chosen = list(_interleave(queues))[: CLIPS_PER_TASK.get(task, CLIPS_OF_OTHER_TASK)]
    rank = {why: place for place, why in enumerate(PICK_REASONS)}
    chosen.sort(key=lambda entry: (rank[entry[0]], entry[1]))
    return [ClipPick(clip, task, why, tuple(groups[task, clip])) for why, clip in chosen]


PICK_REASONS = ("better", "worse", "wrong", "right")


def _pick_reason(
    questions: Sequence[Question], answers_by_candidate: AnswersByCandidate, models: Sequence[str]
) -> tuple[str, float]:
    """How the last model did on a clip against the one before it, and how telling that is.

    A clip weighs by what can be seen in it: evidence first, then tool calls.
    """
    last = _mean_score(questions, answers_by_candidate, models[-1])
    before = _mean_score(questions, answers_by_candidate, models[-2]) if len(models) > 1 else last
    evidence_count = sum(bool(question.evidence) for question in questions)
    calls = sum(
        len(answers_by_candidate[models[-1]][q.id].windows)
        for q in questions
        if q.id in answers_by_candidate[models[-1]]
    )
    telling = evidence_count + calls / 100
    if abs(last - before) > 1e-9:
        return ("better" if last > before else "worse"), abs(last - before) * 100 + telling
    return ("right" if last >= 0.5 else "wrong"), telling


def _mean_score(
    questions: Sequence[Question], answers_by_candidate: AnswersByCandidate, model: str
) -> float:
    scores = [
        answers_by_candidate[model][q.id].score
        for q in questions
        if q.id in answers_by_candidate[model]
    ]
    return sum(scores) / len(scores) if scores else 0.0


def _interleave(queues: Sequence[Sequence[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    for turn in zip_longest(*queues):
        yield from (entry for entry in turn if entry)


TICK_SECONDS = 10  # seconds between marks on a timeline


@dataclass(frozen=True)
class TimelineSpan:
    """An interval on a timeline, in percent of the clip. `hit`: it overlaps a true interval by more
    than THETA.
    """

    left: float
    width: float
    title: tuple[float, float]  # seconds
    hit: bool


@dataclass(frozen=True)
class AnswerLane:
    """One candidate's row on a timeline: answered intervals, and the windows in which it called the
    frame tool.
    """

    name: str
    answers: list[TimelineSpan]
    windows: list[TimelineSpan]
    answer: str
    score: float


@dataclass(frozen=True)
class StripFrame:
    """One frame of a strip. `style` is its CSS class, or `hidden` if it may not be shown."""

    time: float
    style: str
    width: int


@dataclass(frozen=True)
class AttemptScene:
    """One step of an attempt with its frames."""

    step: AttemptStep
    frames: list[StripFrame]


@dataclass(frozen=True)
class AttemptView:
    """A model's attempt at a question, step by step."""

    name: str
    score: float
    answer: str
    scenes: list[AttemptScene]


@dataclass(frozen=True)
class QuestionView:
    """A question with its truth, a timeline row per candidate, and an attempt per model."""

    question: Question
    truth: list[TimelineSpan]
    lanes: list[AnswerLane]
    attempts: list[AttemptView]


@dataclass(frozen=True)
class ClipCard:
    """One clip of the report with its questions."""

    clip: Clip
    pick: ClipPick
    ticks: list[tuple[float, float]]  # (seconds, percent)
    asked: list[QuestionView]
    hidden: bool  # its words and pictures are withheld


def build_clip_card(
    pick: ClipPick,
    clip: Clip,
    answers_by_candidate: AnswersByCandidate,
    pictures: FrameStylesheet,
    zero: float = 0.0,
) -> ClipCard:
    """Build the card of one picked clip. `answers_by_candidate` is {candidate: {question id:
    answer}}; `zero` is the clock time of the clip's first frame in seconds. Text is withheld
    where the clip's licence demands it.
    """
    length = clip.end - clip.start
    ticks = [(float(t), t / length * 100) for t in range(0, int(length) + 1, TICK_SECONDS)]
    question_views = [
        _build_question_view(question, clip, answers_by_candidate, pictures, zero)
        for question in pick.questions
    ]
    hidden = pictures.hides(clip)
    return ClipCard(
        clip,
        pick,
        ticks,
        list(map(_withhold_words, question_views)) if hidden else question_views,
        hidden,
    )


def _build_question_view(
    question: Question,
    clip: Clip,
    answers_by_candidate: AnswersByCandidate,
    pictures: FrameStylesheet,
    zero: float,
) -> QuestionView:
    length = clip.end - clip.start
    labels = pair_times(question.evidence)
    answers = [
        (name, answers_by_question[question.id])
        for name, answers_by_question in answers_by_candidate.items()
        if question.id in answers_by_question
    ]
    return QuestionView(
        question,
        [_build_timeline_span(label, length, True) for label in labels],
        [
            _build_answer_lane(name, answer, question, labels, length, zero)
            for name, answer in answers
        ],
        [
            _build_attempt_view(name, a, clip, pictures)
            for name, a in answers
            if not name.startswith("floor.")
        ],
    )


def _withhold_words(view: QuestionView) -> QuestionView:
    """Only its times and scores: no word of the source, nor of a model that has read them."""
    question = replace(view.question, text=WITHHELD_REASON, truth=WITHHELD_REASON, options=[])
    lanes = [replace(lane, answer=WITHHELD_REASON) for lane in view.lanes]
    attempts = [
        replace(a, answer=WITHHELD_REASON, scenes=[scene for scene in a.scenes if scene.frames])
        for a in view.attempts
    ]
    return QuestionView(question, view.truth, lanes, attempts)


def _build_answer_lane(
    name: str,
    trajectory: Trajectory,
    question: Question,
    labels: Sequence[Interval],
    length: float,
    zero: float,
) -> AnswerLane:
    guesses = parse_intervals(trajectory.answer, zero) if question.task == "spotting" else []
    hits = [
        any(compute_temporal_iou(guess, label) > MIN_IOU for label in labels) for guess in guesses
    ]
    answers = [
        _build_timeline_span(guess, length, hit) for guess, hit in zip(guesses, hits, strict=True)
    ]
    windows = [
        _build_timeline_span(window, length, True) for window in pair_times(trajectory.windows)
    ]
    return AnswerLane(name, answers, windows, trajectory.answer, trajectory.score)


def _build_timeline_span(interval: Interval, length: float, hit: bool) -> TimelineSpan:
    """Cut to the clip: a model may name times far outside of it."""
    start, end = (min(max(time, 0.0), length) for time in interval)
    return TimelineSpan(
        start / length * 100, max(end - start, length / 200) / length * 100, interval, hit
    )


def _build_attempt_view(
    name: str, trajectory: Trajectory, clip: Clip, pictures: FrameStylesheet
) -> AttemptView:
    scenes = [
        AttemptScene(step, _build_strip(step, clip, pictures))
        for step in parse_attempt_steps(trajectory)
    ]
    return AttemptView(name, trajectory.score, trajectory.answer, scenes)


def _build_strip(step: AttemptStep, clip: Clip, pictures: FrameStylesheet) -> list[StripFrame]:
    styled = [(time, pictures.show(clip, time)) for time in step.times]
    return [
        StripFrame(time, *(style_and_width or ("hidden", 96))) for time, style_and_width in styled
    ]


def count_pick_reasons(cards: Sequence[ClipCard]) -> Mapping[str, int]:
    """Number of clips per reason they were picked for: {reason: count}."""
    counts: dict[str, int] = {}
    for clip_card in cards:
        counts[clip_card.pick.why] = counts.get(clip_card.pick.why, 0) + 1
    return counts

"""Write `player.html`: attempts replayed turn by turn, with the frames shown in each turn."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup
from PIL.Image import Image

from touchline.html_page.template import FrameStylesheet, write_html_page
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.rollout import Rollout
from touchline.records.table import pair_times
from touchline.records.trajectory import Trajectory
from touchline.report.steps import AttemptStep, parse_attempt_steps
from touchline.report.verdict import name_candidate

HEIGHT = 104  # pixels of a frame on this page
ATTEMPTS_PER_KIND = 3  # attempts of each kind
PickedAttempt = tuple[str, str, Trajectory]  # whose, why it is shown, the attempt


@dataclass
class PlayerTurn:
    """What the model was shown in one turn and what it said; `looks` is the window in percent of
    the clip.
    """

    shown: str = ""  # what came before the frames, or in their place
    frames: list[tuple[float, str, int]] = field(default_factory=list)  # time, style, width
    said: list[AttemptStep] = field(default_factory=list)
    looks: tuple[float, float] | None = None  # left and width of the stretch shown


@dataclass(frozen=True)
class AttemptPlayback:
    """One attempt with everything the page needs to replay it."""

    whose: str
    why: str
    attempt: Trajectory
    question: Question
    length: float  # seconds
    truth: list[tuple[float, float]]  # left and width, percent
    turns: list[PlayerTurn]
    parts: list[tuple[str, float]]  # of a rollout's reward


def pick_player_attempts(
    answers: Mapping[str, Sequence[Trajectory]],
    rollouts: Sequence[Rollout],
    lessons: Sequence[Trajectory],
) -> list[PickedAttempt]:
    """Pick attempts to replay: changed, best and worst answers of the last model, best and worst
    rollouts, one teacher lesson per task. Returns (author, reason, attempt).
    """
    models = [name for name in answers if not name.startswith("floor.")]
    attempts: list[PickedAttempt] = []
    if models:
        attempts += _pick_answers(answers, models)
    by_worth = sorted(rollouts, key=lambda row: (-row.earned, -len(row.windows), row.id))
    attempts += [("rollout", "best paid", row) for row in by_worth[:ATTEMPTS_PER_KIND]]
    attempts += [
        ("rollout", "worst paid", row) for row in by_worth[ATTEMPTS_PER_KIND:][-ATTEMPTS_PER_KIND:]
    ]
    looked = sorted(lessons, key=lambda row: (-len(row.windows), row.id))
    by_task = {row.task: row for row in reversed(looked)}
    attempts += [("teacher", "lesson", by_task[task]) for task in sorted(by_task)]
    return attempts


def _pick_answers(
    answers: Mapping[str, Sequence[Trajectory]], models: Sequence[str]
) -> list[PickedAttempt]:
    """Of the last model; where it differs from the one before, both."""
    last, before = models[-1], models[-2] if len(models) > 1 else models[-1]
    answers_before = {row.question: row for row in answers[before]}
    order = sorted(answers[last], key=lambda row: (-len(row.windows), row.id))
    changed = [
        r
        for r in order
        if r.question in answers_before and r.score != answers_before[r.question].score
    ][:ATTEMPTS_PER_KIND]
    attempts: list[PickedAttempt] = []
    for row in changed:
        why = (
            "better than before"
            if row.score > answers_before[row.question].score
            else "worse than before"
        )
        attempts += [
            (name_candidate(before), "before", answers_before[row.question]),
            (name_candidate(last), why, row),
        ]
    ranked = sorted(order, key=lambda row: -row.score)
    attempts += [(name_candidate(last), "best", row) for row in ranked[:ATTEMPTS_PER_KIND]]
    return attempts + [
        (name_candidate(last), "worst", row)
        for row in ranked[ATTEMPTS_PER_KIND:][-ATTEMPTS_PER_KIND:]
    ]


def write_player_page(
    path: Path,
    *,
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    picked: Iterable[PickedAttempt],
    frames: Callable[[Clip, float], Image],
    withheld: Collection[str],
) -> None:
    """Write player.html. Attempts at clips under licence terms in `withheld` are left out and
    counted.
    """
    pictures = FrameStylesheet(frames, withheld, HEIGHT)
    known_attempts = [attempt for attempt in picked if attempt[2].question in questions]
    clip_of = {row.id: clips[questions[row.question].clip] for _, _, row in known_attempts}
    shown = [attempt for attempt in known_attempts if not pictures.hides(clip_of[attempt[2].id])]
    films = [
        _build_playback(*attempt, questions[attempt[2].question], clip_of[attempt[2].id], pictures)
        for attempt in shown
    ]
    write_html_page(
        path,
        Path(__file__).with_name("player.html"),
        films=films,
        hidden=len(known_attempts) - len(films),
        pictures=pictures.css(),
        play=Markup(Path(__file__).with_name("player.js").read_text(encoding="utf-8")),
    )


def _build_playback(
    whose: str, why: str, row: Trajectory, question: Question, clip: Clip, pictures: FrameStylesheet
) -> AttemptPlayback:
    length = clip.end - clip.start
    parts = json.loads(row.parts) if isinstance(row, Rollout) else {}
    return AttemptPlayback(
        whose=whose,
        why=why,
        attempt=row,
        question=question,
        length=length,
        truth=[_percent_span(start, end, length) for start, end in pair_times(question.evidence)],
        turns=_build_turns(row, clip, pictures),
        parts=sorted(parts.items()),
    )


def _build_turns(row: Trajectory, clip: Clip, pictures: FrameStylesheet) -> list[PlayerTurn]:
    turns: list[PlayerTurn] = []
    for step in parse_attempt_steps(row):
        if step.kind in ("frames", "note") or not turns:
            turns.append(PlayerTurn())
        if step.kind == "frames":
            turns[-1].shown = step.text
            turns[-1].frames = _turn_frames(step.times, clip, pictures)
            if len(turns) > 1:
                turns[-1].looks = _percent_span(
                    step.times[0], step.times[-1], clip.end - clip.start
                )
        elif step.kind == "note":
            turns[-1].shown = step.text
        else:
            turns[-1].said.append(step)
    return turns


def _turn_frames(
    times: Sequence[float], clip: Clip, pictures: FrameStylesheet
) -> list[tuple[float, str, int]]:
    if not clip.frames:  # a lesson may be older than the loss of its clip's pictures
        return []
    styled = [(time, pictures.show(clip, time)) for time in times]
    return [(time, *shown) for time, shown in styled if shown]


def _percent_span(start: float, end: float, length: float) -> tuple[float, float]:
    left, right = (min(max(time, 0.0), length) / length * 100 for time in (start, end))
    return left, max(right - left, 0.8)

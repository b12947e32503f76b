"""`player.html`: attempts played turn by turn, with the frames that each turn was shown."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup
from PIL.Image import Image

from touchline.records import Clip, Question, Rollout, Trajectory, paired
from touchline.report.steps import Step, steps
from touchline.report.template import FOLDER, Pictures, write_page
from touchline.report.verdict import name

HEIGHT = 104  # pixels of a frame on this page
EACH = 3  # attempts of each kind
Picked = tuple[str, str, Trajectory]  # whose, why it is shown, the attempt


@dataclass
class Turn:
    """What a model was shown, and what it then said; a window in percent of the clip."""

    shown: str = ""  # what came before the frames, or in their place
    frames: list[tuple[float, str, int]] = field(default_factory=list)  # time, style, width
    said: list[Step] = field(default_factory=list)
    looks: tuple[float, float] | None = None  # left and width of the stretch shown


@dataclass(frozen=True)
class Film:
    """One attempt, ready to be played."""

    whose: str
    why: str
    attempt: Trajectory
    question: Question
    length: float  # seconds
    truth: list[tuple[float, float]]  # left and width, percent
    turns: list[Turn]
    parts: list[tuple[str, float]]  # of a rollout's reward


def picked(
    answers: Mapping[str, Sequence[Trajectory]],
    rollouts: Sequence[Rollout],
    lessons: Sequence[Trajectory],
) -> list[Picked]:
    """A handful of each: answers that changed, the best and the worst; rollouts; lessons."""
    models = [name for name in answers if not name.startswith("floor.")]
    found: list[Picked] = []
    if models:
        found += _answers(answers, models)
    by_worth = sorted(rollouts, key=lambda row: (-row.earned, -len(row.windows), row.id))
    found += [("rollout", "best paid", row) for row in by_worth[:EACH]]
    found += [("rollout", "worst paid", row) for row in by_worth[EACH:][-EACH:]]
    looked = sorted(lessons, key=lambda row: (-len(row.windows), row.id))
    by_task = {row.task: row for row in reversed(looked)}
    found += [("teacher", "lesson", by_task[task]) for task in sorted(by_task)]
    return found


def _answers(answers: Mapping[str, Sequence[Trajectory]], models: Sequence[str]) -> list[Picked]:
    """Of the last model; where it differs from the one before, both."""
    last, before = models[-1], models[-2] if len(models) > 1 else models[-1]
    was = {row.question: row for row in answers[before]}
    order = sorted(answers[last], key=lambda row: (-len(row.windows), row.id))
    changed = [r for r in order if r.question in was and r.score != was[r.question].score][:EACH]
    found: list[Picked] = []
    for row in changed:
        why = "better than before" if row.score > was[row.question].score else "worse than before"
        found += [(name(before), "before", was[row.question]), (name(last), why, row)]
    ranked = sorted(order, key=lambda row: -row.score)
    found += [(name(last), "best", row) for row in ranked[:EACH]]
    return found + [(name(last), "worst", row) for row in ranked[EACH:][-EACH:]]


def write_player(
    path: Path,
    *,
    questions: Mapping[str, Question],
    clips: Mapping[str, Clip],
    picked: Iterable[Picked],
    frames: Callable[[Clip, float], Image],
    withheld: Collection[str],
) -> None:
    """Write the page; attempts at clips under the terms `withheld` are left out and counted."""
    pictures = Pictures(frames, withheld, HEIGHT)
    known = [one for one in picked if one[2].question in questions]
    clip_of = {row.id: clips[questions[row.question].clip] for _, _, row in known}
    shown = [one for one in known if not pictures.hides(clip_of[one[2].id])]
    films = [_film(*one, questions[one[2].question], clip_of[one[2].id], pictures) for one in shown]
    write_page(
        path,
        "player.html",
        films=films,
        hidden=len(known) - len(films),
        pictures=pictures.css(),
        play=Markup((FOLDER / "player.js").read_text(encoding="utf-8")),
    )


def _film(
    whose: str, why: str, row: Trajectory, question: Question, clip: Clip, pictures: Pictures
) -> Film:
    length = clip.end - clip.start
    parts = json.loads(row.parts) if isinstance(row, Rollout) else {}
    return Film(
        whose,
        why,
        row,
        question,
        length,
        [_span(start, end, length) for start, end in paired(question.evidence)],
        _turns(row, clip, pictures),
        sorted(parts.items()),
    )


def _turns(row: Trajectory, clip: Clip, pictures: Pictures) -> list[Turn]:
    turns: list[Turn] = []
    for step in steps(row):
        if step.kind in ("frames", "note") or not turns:
            turns.append(Turn())
        if step.kind == "frames":
            turns[-1].shown = step.text
            turns[-1].frames = _frames(step.times, clip, pictures)
            if len(turns) > 1:
                turns[-1].looks = _span(step.times[0], step.times[-1], clip.end - clip.start)
        elif step.kind == "note":
            turns[-1].shown = step.text
        else:
            turns[-1].said.append(step)
    return turns


def _frames(times: Sequence[float], clip: Clip, pictures: Pictures) -> list[tuple[float, str, int]]:
    if not clip.frames:  # a lesson may be older than the loss of its clip's pictures
        return []
    found = [(time, pictures.show(clip, time)) for time in times]
    return [(time, *shown) for time, shown in found if shown]


def _span(start: float, end: float, length: float) -> tuple[float, float]:
    left, right = (min(max(time, 0.0), length) / length * 100 for time in (start, end))
    return left, max(right - left, 0.8)

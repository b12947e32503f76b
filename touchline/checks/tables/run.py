"""Judge all records of a run: every check's outcome, and which trajectories fall out and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.checks.tables import columns
from touchline.checks.tables.expectations import Validate, checks
from touchline.checks.tables.great_expectations import Gates, Outcome, dropped
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.records.video import Video


@dataclass(frozen=True)
class Records:
    """What the stages before training have made."""

    videos: Sequence[Video]
    clips: Sequence[Clip]
    captions: Sequence[Caption]
    questions: Sequence[Question]
    trajectories: Sequence[Trajectory]
    judged: frozenset[str] = frozenset()  # ids of those that a judge takes for right


@dataclass(frozen=True)
class Findings:
    """Outcomes in the order of the checks; `reasons` by id of the trajectories that fall out."""

    outcomes: list[Outcome]
    reasons: dict[str, str]


def judge(
    records: Records, limits: Validate, budget: FrameBudget, dialogue: Dialogue = DEFAULT_DIALOGUE
) -> Findings:
    """Check the tables first, then what would be left of the trajectories."""
    gates, wanted = Gates(), checks(limits)
    first = _tables(records, budget, dialogue)
    outcomes = [o for name, rows in first.items() for o in gates.run(name, rows, wanted[name])]
    reasons = dropped(outcomes)
    for name, rows in _rest(records, reasons, first["trajectories"]).items():
        outcomes += gates.run(name, rows, wanted[name])
    return Findings(outcomes, reasons)


def _tables(
    records: Records, budget: FrameBudget, dialogue: Dialogue
) -> dict[str, list[columns.Row]]:
    clips = {clip.id: clip for clip in records.clips}
    asked = {question.id: question for question in records.questions}
    questions = columns.question_rows(records.questions, clips, dialogue)
    return {
        "clips": columns.clip_rows(records.clips, {video.id: video for video in records.videos}),
        "captions": columns.caption_rows(records.captions, clips, dialogue),
        "questions": questions,
        "spotting questions": [row for row in questions if row["task"] == "spotting"],
        "trajectories": columns.trajectory_rows(
            records.trajectories, asked, clips, budget, records.judged
        ),
    }


def _rest(
    records: Records, reasons: Mapping[str, str], rows: Sequence[columns.Row]
) -> dict[str, list[columns.Row]]:
    kept = [attempt for attempt in records.trajectories if attempt.id not in reasons]
    return {
        "drops": [{"id": row["id"], "reason": reasons.get(row["id"], "")} for row in rows],
        "accepted": [row for row in rows if row["id"] not in reasons],
        "shares": columns.share_rows(kept, records.questions),
    }

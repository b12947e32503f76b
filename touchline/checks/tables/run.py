"""Run all data checks on the records of a run, and find the trajectories to drop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchline.chat.dialogue import DEFAULT_DIALOGUE, Dialogue
from touchline.chat.tools.choose_frames import FrameBudget
from touchline.checks.tables import columns
from touchline.checks.tables.expectations import ValidateParams, list_table_checks
from touchline.checks.tables.great_expectations import (
    CheckOutcome,
    ExpectationRunner,
    collect_drop_reasons,
)
from touchline.records.caption import Caption
from touchline.records.clip import Clip
from touchline.records.question import Question
from touchline.records.trajectory import Trajectory
from touchline.records.video import Video


@dataclass(frozen=True)
class PipelineRecords:
    """The products of the stages before training."""

    videos: Sequence[Video]
    clips: Sequence[Clip]
    captions: Sequence[Caption]
    questions: Sequence[Question]
    trajectories: Sequence[Trajectory]
    judge_accepted_ids: frozenset[str] = frozenset()  # ids of those that a judge takes for right


@dataclass(frozen=True)
class ValidationFindings:
    """Check outcomes in order, and the reason per id of the dropped trajectories."""

    outcomes: list[CheckOutcome]
    reasons: dict[str, str]


def validate_records(
    records: PipelineRecords,
    limits: ValidateParams,
    budget: FrameBudget,
    dialogue: Dialogue = DEFAULT_DIALOGUE,
) -> ValidationFindings:
    """Run the checks on the record tables, then on what would remain of the trajectories after
    dropping the failing rows.
    """
    runner, checks_by_table = ExpectationRunner(), list_table_checks(limits)
    rows_by_table = _build_record_tables(records, budget, dialogue)
    outcomes = [
        o
        for name, rows in rows_by_table.items()
        for o in runner.run_checks(name, rows, checks_by_table[name])
    ]
    reasons = collect_drop_reasons(outcomes)
    for name, rows in _build_acceptance_tables(
        records, reasons, rows_by_table["trajectories"]
    ).items():
        outcomes += runner.run_checks(name, rows, checks_by_table[name])
    return ValidationFindings(outcomes, reasons)


def _build_record_tables(
    records: PipelineRecords, budget: FrameBudget, dialogue: Dialogue
) -> dict[str, list[columns.TableRow]]:
    clips = {clip.id: clip for clip in records.clips}
    questions_by_id = {question.id: question for question in records.questions}
    questions = columns.build_question_rows(records.questions, clips, dialogue)
    return {
        "clips": columns.build_clip_rows(
            records.clips, {video.id: video for video in records.videos}
        ),
        "captions": columns.build_caption_rows(records.captions, clips, dialogue),
        "questions": questions,
        "spotting questions": [row for row in questions if row["task"] == "spotting"],
        "trajectories": columns.build_trajectory_rows(
            records.trajectories, questions_by_id, clips, budget, records.judge_accepted_ids
        ),
    }


def _build_acceptance_tables(
    records: PipelineRecords, reasons: Mapping[str, str], rows: Sequence[columns.TableRow]
) -> dict[str, list[columns.TableRow]]:
    kept = [attempt for attempt in records.trajectories if attempt.id not in reasons]
    return {
        "drops": [{"id": row["id"], "reason": reasons.get(row["id"], "")} for row in rows],
        "accepted": [row for row in rows if row["id"] not in reasons],
        "shares": columns.build_task_share_rows(kept, records.questions),
    }

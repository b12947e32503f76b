"""The registry of checks on a source's rows, run before any dataset is built from them.

A row that breaks a dropping rule is moved to the ledger with the reason; all other findings are
only reported on the source's page.
"""

from concurrent.futures import Executor
from pathlib import Path

from touchline.checks.sources import labels, score_bug_clock, transcripts
from touchline.checks.sources.case import (
    HealthLimits,
    SourceCase,
    SourceCheck,
    SourceHealth,
    run_source_checks,
)
from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.source import ReadResult, RowFault

__all__ = ["CHECKS", "SourceHealth", "check_source_rows", "drop_rejected_rows"]

CHECKS: dict[str, SourceCheck] = {
    "doubled labels": SourceCheck(
        "No two labels of a video have the same time, name and team.",
        "the later one is dropped",
        labels.find_duplicate_labels,
        r"^repeats annotations\[|^has the question_id of \[",
    ),
    "labels out of range": SourceCheck(
        "A label lies within its video and ends after it begins.",
        "dropped",
        labels.find_out_of_range_labels,
        r"lies outside the video",
    ),
    "labels without video": SourceCheck(
        "The video of a label is there.",
        "dropped",
        labels.find_labels_without_video,
        r"has no readable (video|clip)",
    ),
    "labels of another match": SourceCheck(
        "A file of labels names the match of its folder.",
        "all labels of the match are dropped",
        labels.find_labels_of_other_match,
    ),
    "videos without labels": SourceCheck(
        "Every video has a label.",
        "reported",
        labels.find_videos_without_labels,
        r"^no good question of .* asks about this clip",
    ),
    "goals against the score": SourceCheck(
        "Goals labelled for each team are the score in the match's name (soccer).",
        "reported",
        labels.find_score_mismatches,
    ),
    "missing commentary": SourceCheck(
        "Every video has commentary, where the source has any.",
        "reported",
        transcripts.find_missing_commentary,
    ),
    "repeating commentary": SourceCheck(
        "Lines that repeat the line before stay below download.health.repeats; "
        "the caption stage collapses them (caption.collapse_repeats).",
        "reported",
        transcripts.find_repeating_commentary,
    ),
    "language": SourceCheck(
        "Commentary is in one of download.health.languages.",
        "all lines of the video are dropped",
        transcripts.find_unexpected_languages,
    ),
    "match clock": SourceCheck(
        "The clock on the score bug keeps to the file's time within download.health.drift "
        "(soccer, whose clock never stops).",
        "reported",
        score_bug_clock.find_drifting_clocks,
    ),
}
FIX_FILE = "correct the file, or let the row go with download.on_fault: drop"


def check_source_rows(
    source: str,
    folder: Path,
    video_result: ReadResult[Video],
    label_result: ReadResult[Label],
    speech_result: ReadResult[Speech],
    limits: HealthLimits,
    executor: Executor,
) -> SourceHealth:
    """Run all checks on the rows of one source; `folder` is the folder of all sources."""
    videos = [video for video in video_result.rows if video.source == source]
    video_ids = {video.id for video in videos}
    faults = [*video_result.faults, *label_result.faults, *speech_result.faults]
    case = SourceCase(
        source=source,
        folder=folder / source,
        videos=videos,
        labels=[
            label
            for label in label_result.rows
            if label.video in video_ids or _is_of_source(source, label.id)
        ],
        speech=[line for line in speech_result.rows if line.video in video_ids],
        faults=[fault for fault in faults if _is_of_source(source, fault.row)],
        clocks=score_bug_clock.read_video_clocks(executor, folder, videos, limits.clock),
        limits=limits,
    )
    return run_source_checks(case, CHECKS)


def drop_rejected_rows(
    health: SourceHealth, label_result: ReadResult[Label], speech_result: ReadResult[Speech]
) -> None:
    """Move the rows that break a dropping rule from `rows` to `faults`, in place."""
    fault_by_row: dict[str, InputError] = {}
    for result in health.results:
        for finding in result.findings:
            for row in finding.rows:
                message = (
                    finding.wrong if finding.place == row else f"{finding.place} {finding.wrong}"
                )
                fault_by_row.setdefault(row, InputError(row, message, FIX_FILE))
    _move_to_faults(label_result, fault_by_row)
    _move_to_faults(speech_result, fault_by_row)


def _move_to_faults(reading: ReadResult, fault_by_row: dict[str, InputError]) -> None:
    reading.faults += [
        RowFault(row.id, fault_by_row[row.id]) for row in reading.rows if row.id in fault_by_row
    ]
    reading.rows[:] = [row for row in reading.rows if row.id not in fault_by_row]


def _is_of_source(source: str, row: str) -> bool:
    return row.partition("/")[0] == source

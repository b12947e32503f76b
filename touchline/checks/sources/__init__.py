"""The catalogue of checks of a source: what must hold of its rows before anything is made of them.

A row that breaks a rule is dropped with its reason in the ledger where the rule says so; else it
stays and the page of the source reports it.
"""

from concurrent.futures import Executor
from pathlib import Path

from touchline.checks.sources import labels, score_bug_clock, transcripts
from touchline.checks.sources.case import Case, Check, Examined, Health, examined
from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources.source import Fault, Reading

__all__ = ["CHECKS", "Examined", "Health", "dismiss", "examine"]

CHECKS: dict[str, Check] = {
    "doubled labels": Check(
        "No two labels of a video have the same time, name and team.",
        "the later one is dropped",
        labels.doubled,
        r"^repeats annotations\[|^has the question_id of \[",
    ),
    "labels out of range": Check(
        "A label lies within its video and ends after it begins.",
        "dropped",
        labels.outside,
        r"lies outside the video",
    ),
    "labels without video": Check(
        "The video of a label is there.",
        "dropped",
        labels.orphaned,
        r"has no readable (video|clip)",
    ),
    "labels of another match": Check(
        "A file of labels names the match of its folder.",
        "all labels of the match are dropped",
        labels.foreign,
    ),
    "videos without labels": Check(
        "Every video has a label.",
        "reported",
        labels.unlabelled,
        r"^no good question of .* asks about this clip",
    ),
    "goals against the score": Check(
        "Goals labelled for each team are the score in the match's name (soccer).",
        "reported",
        labels.goals,
    ),
    "missing commentary": Check(
        "Every video has commentary, where the source has any.",
        "reported",
        transcripts.silent,
    ),
    "repeating commentary": Check(
        "Lines that repeat the line before stay below download.health.repeats; "
        "the caption stage collapses them (caption.collapse_repeats).",
        "reported",
        transcripts.repeating,
    ),
    "language": Check(
        "Commentary is in one of download.health.languages.",
        "all lines of the video are dropped",
        transcripts.strange,
    ),
    "match clock": Check(
        "The clock on the score bug keeps to the file's time within download.health.drift "
        "(soccer, whose clock never stops).",
        "reported",
        score_bug_clock.drifting,
    ),
}
MEND = "mend the file, or let the row go with download.on_fault: drop"


def examine(
    source: str,
    folder: Path,
    found: Reading[Video],
    read: Reading[Label],
    heard: Reading[Speech],
    limits: Health,
    executor: Executor,
) -> Examined:
    """Check what was read of one source; `folder` is that of all sources."""
    videos = [video for video in found.rows if video.source == source]
    mine = {video.id for video in videos}
    faults = [*found.faults, *read.faults, *heard.faults]
    case = Case(
        source,
        folder / source,
        videos,
        [label for label in read.rows if label.video in mine or _of(source, label.id)],
        [line for line in heard.rows if line.video in mine],
        [fault for fault in faults if _of(source, fault.row)],
        score_bug_clock.readings(executor, folder, videos, limits.clock),
        limits,
    )
    return examined(case, CHECKS)


def dismiss(found: Examined, read: Reading[Label], heard: Reading[Speech]) -> None:
    """Turn the rows that break a dropping rule into faults."""
    gone: dict[str, BadInput] = {}
    for result in found.results:
        for finding in result.findings:
            for row in finding.rows:
                what = finding.wrong if finding.place == row else f"{finding.place} {finding.wrong}"
                gone.setdefault(row, BadInput(row, what, MEND))
    _move(read, gone)
    _move(heard, gone)


def _move(reading: Reading, gone: dict[str, BadInput]) -> None:
    reading.faults += [Fault(row.id, gone[row.id]) for row in reading.rows if row.id in gone]
    reading.rows[:] = [row for row in reading.rows if row.id not in gone]


def _of(source: str, row: str) -> bool:
    return row.partition("/")[0] == source

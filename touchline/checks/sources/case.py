"""The input and output types of source checks, and the function that runs them."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

from pydantic import Field

from touchline.config import Params
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.table import group_by_field
from touchline.records.video import Video
from touchline.sources.source import RowFault


class HealthLimits(Params):
    """Thresholds of the source checks (params.yaml: download.health)."""

    repeats: float = Field(ge=0, le=1)  # share of a transcript that may repeat the line before
    languages: list[str]  # ISO 639-1: what commentary may be in; [] for any
    clock: int = Field(ge=0)  # frames per video in which the score bug is read; 0 for none
    drift: float = Field(gt=0)  # seconds by which the match clock may leave the file's time


@dataclass(frozen=True)
class ClockReadings:
    """Match clock readings of one video: `shown` seconds on the clock at `times` seconds of the
    video.

    `frames` is how many frames were read; those without a readable clock are left out.
    """

    video: str
    frames: int
    times: tuple[float, ...]
    shown: tuple[float, ...]

    @property
    def offsets(self) -> list[float]:
        """Seconds by which the clock is ahead of the video time, one per reading."""
        return [clock_time - time for time, clock_time in zip(self.times, self.shown, strict=True)]

    @property
    def spread(self) -> float:
        """Range of the offsets in seconds, ignoring the one farthest from the median."""
        middle = median(self.offsets)
        near = sorted(self.offsets, key=lambda offset: abs(offset - middle))[:-1]
        return max(near) - min(near)


@dataclass(frozen=True)
class SourceCase:
    """The rows of a source that its reader accepted, and the faults of those that it rejected.

    `folder` is the source's own folder.
    """

    source: str
    folder: Path
    videos: Sequence[Video]
    labels: Sequence[Label]
    speech: Sequence[Speech]
    faults: Sequence[RowFault]
    clocks: Sequence[ClockReadings]
    limits: HealthLimits

    @cached_property
    def videos_by_id(self) -> dict[str, Video]:
        """Videos by id."""
        return {video.id: video for video in self.videos}

    @cached_property
    def labels_by_video(self) -> defaultdict[str, list[Label]]:
        """Labels by video id."""
        return group_by_field(self.labels, "video")

    @cached_property
    def speech_by_video(self) -> defaultdict[str, list[Speech]]:
        """Transcript lines by video id, in order of time."""
        lines = sorted(self.speech, key=lambda line: (line.video, line.start, line.end))
        return group_by_field(lines, "video")


@dataclass(frozen=True)
class CheckFinding:
    """One violation of a rule. `wrong` never contains source text; `quote` holds the text from the
    file.
    """

    place: str  # id of a row, a video or a match
    wrong: str
    rows: tuple[str, ...] = ()  # ids of the rows that are dropped for it
    quote: str = ""
    video: str = ""
    time: float = -1.0  # seconds of the video, where there is one moment


@dataclass(frozen=True)
class SourceCheck:
    """A rule, what happens to rows that break it, and the function that finds violations.

    `fault_pattern` is a regular expression for the faults of rows that the source's reader has
    already dropped for the same reason.
    """

    rule: str
    fate: str
    find: Callable[[SourceCase], list[CheckFinding]]
    fault_pattern: str = ""  # how a source's reader puts it that has dropped such a row already


@dataclass(frozen=True)
class SourceCheckResult:
    """The outcome of one check on one source."""

    name: str
    check: SourceCheck
    findings: list[CheckFinding]
    read: int = 0  # rows that the reader has dropped for it

    @property
    def dropped(self) -> int:
        """Number of rows dropped, by the reader or by the check."""
        return self.read + len({row for finding in self.findings for row in finding.rows})

    @property
    def reported(self) -> int:
        """Number of findings that drop no row."""
        return sum(not finding.rows for finding in self.findings)


@dataclass(frozen=True)
class SourceHealth:
    """The rows of one source and the results of all checks on them."""

    case: SourceCase
    results: list[SourceCheckResult] = field(default_factory=list)


def run_source_checks(case: SourceCase, checks: dict[str, SourceCheck]) -> SourceHealth:
    """Run the checks in order. A reader's fault is counted for the check whose `fault_pattern` it
    matches.
    """
    results = []
    for name, check in checks.items():
        read = sum(
            bool(check.fault_pattern) and _matches_fault(fault, check.fault_pattern)
            for fault in case.faults
        )
        results.append(SourceCheckResult(name, check, check.find(case), read))
    return SourceHealth(case, results)


def _matches_fault(fault: RowFault, words: str) -> bool:
    return re.search(words, fault.why.wrong) is not None

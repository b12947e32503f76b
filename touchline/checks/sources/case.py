"""What a check of a source is given, and what it may say."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median

from pydantic import Field

from touchline.config import Params
from touchline.records import Label, Speech, Video, grouped
from touchline.sources.source import Fault


class Health(Params):
    """The thresholds of the checks."""

    repeats: float = Field(ge=0, le=1)  # share of a transcript that may repeat the line before
    languages: list[str]  # ISO 639-1: what commentary may be in; [] for any
    clock: int = Field(ge=0)  # frames per video in which the score bug is read; 0 for none
    drift: float = Field(gt=0)  # seconds by which the match clock may leave the file's time


@dataclass(frozen=True)
class Readings:
    """What the clock showed, seconds, at which time of the video; frames without one are left out.

    `asked` is how many frames were looked at.
    """

    video: str
    asked: int
    times: tuple[float, ...]
    shown: tuple[float, ...]

    @property
    def offsets(self) -> list[float]:
        """How far the clock is ahead of the file."""
        return [shown - time for time, shown in zip(self.times, self.shown, strict=True)]

    @property
    def spread(self) -> float:
        """How far the offsets lie apart, without the one that is farthest from the median."""
        middle = median(self.offsets)
        near = sorted(self.offsets, key=lambda offset: abs(offset - middle))[:-1]
        return max(near) - min(near)


@dataclass(frozen=True)
class Case:
    """A source as it was read: rows that passed its reader, and the faults of those that did not.

    `folder` is the source's own.
    """

    source: str
    folder: Path
    videos: Sequence[Video]
    labels: Sequence[Label]
    speech: Sequence[Speech]
    faults: Sequence[Fault]
    clocks: Sequence[Readings]
    limits: Health

    @cached_property
    def by_id(self) -> dict[str, Video]:
        return {video.id: video for video in self.videos}

    @cached_property
    def labelled(self) -> defaultdict[str, list[Label]]:
        """Labels by video."""
        return grouped(self.labels, "video")

    @cached_property
    def spoken(self) -> defaultdict[str, list[Speech]]:
        """Lines by video, in the order of time."""
        lines = sorted(self.speech, key=lambda line: (line.video, line.start, line.end))
        return grouped(lines, "video")


@dataclass(frozen=True)
class Finding:
    """What is wrong with something, in our own words; `quote` is what stands in the file."""

    place: str  # id of a row, a video or a match
    wrong: str
    rows: tuple[str, ...] = ()  # ids of the rows that are dropped for it
    quote: str = ""
    video: str = ""
    time: float = -1.0  # seconds of the video, where there is one moment


@dataclass(frozen=True)
class Check:
    """A rule, what becomes of rows that break it, and the function that looks."""

    rule: str
    fate: str
    find: Callable[[Case], list[Finding]]
    said: str = ""  # how a source's reader puts it that has dropped such a row already


@dataclass(frozen=True)
class Result:
    """A check of one source."""

    name: str
    check: Check
    findings: list[Finding]
    read: int = 0  # rows that the reader has dropped for it

    @property
    def dropped(self) -> int:
        return self.read + len({row for finding in self.findings for row in finding.rows})

    @property
    def reported(self) -> int:
        return sum(not finding.rows for finding in self.findings)


@dataclass(frozen=True)
class Examined:
    """All that was found in one source."""

    case: Case
    results: list[Result] = field(default_factory=list)


def examined(case: Case, checks: dict[str, Check]) -> Examined:
    """Run the checks in their order; a reader's fault counts for the check that it speaks of."""
    results = []
    for name, check in checks.items():
        read = sum(bool(check.said) and _says(fault, check.said) for fault in case.faults)
        results.append(Result(name, check, check.find(case), read))
    return Examined(case, results)


def _says(fault: Fault, words: str) -> bool:
    return re.search(words, fault.why.wrong) is not None

"""The health page of a source: what its rows look like and which of them break a rule."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from touchline.checks.sources.case import Case, Examined, Finding, Readings
from touchline.checks.sources.transcripts import language, repeated
from touchline.licence import WITHHELD
from touchline.records import Label, Speech
from touchline.report.template import write_page
from touchline.sports import SPORTS

WIDE = 1000.0  # units of a timeline
STEPS = (5, 10, 30, 60, 300, 600, 1200, 3600)  # seconds between two ticks
TICKS = 10  # at most


@dataclass(frozen=True)
class Strip:
    """The paths of one video: its extent, labels, commentary, repeated lines, findings."""

    width: float
    labels: str
    spans: str  # labels that last
    speech: str
    repeats: str
    marks: str


def strip(
    duration: float,
    longest: float,
    labels: Sequence[Label],
    lines: Sequence[Speech],
    marks: Iterable[float],
) -> Strip:
    """All times in seconds of the video; `longest` is the length of the whole timeline."""
    unit = WIDE / longest
    again = {after.id for before, after in pairwise(lines) if before.text == after.text}
    return Strip(
        duration * unit,
        _ticks((label.start for label in labels if label.end == label.start), unit, "v12"),
        _bars(((label.start, label.end) for label in labels if label.end > label.start), unit, 7),
        _bars(((line.start, line.end) for line in lines if line.id not in again), unit, 18),
        _bars(((line.start, line.end) for line in lines if line.id in again), unit, 18),
        _ticks(marks, unit, "v20"),
    )


def _ticks(times: Iterable[float], unit: float, down: str) -> str:
    return "".join(f"M{time * unit:.1f} 1{down}" for time in times)


def _bars(spans: Iterable[tuple[float, float]], unit: float, row: int) -> str:
    return "".join(f"M{a * unit:.1f} {row}h{max((b - a) * unit, 0.5):.1f}" for a, b in spans)


def ticks(longest: float) -> list[tuple[float, float]]:
    """(seconds, percent) of the marks below a timeline."""
    step = next((step for step in STEPS if longest / step <= TICKS), STEPS[-1])
    return [(float(t), t / longest * 100) for t in range(0, int(longest) + 1, step)]


def columns(shares: Sequence[float]) -> list[tuple[float, float, float]]:
    """(left, width, share), all in percent, of one column per transcript."""
    width = 100 / max(len(shares), 1)
    return [(number * width, width, share * 100) for number, share in enumerate(shares)]


@dataclass(frozen=True)
class Clock:
    """How the clock of one video runs against the file."""

    video: str
    read: str
    offset: float | None  # seconds by which it is ahead, the median
    spread: float | None
    points: list[tuple[float, float]]  # percent of the video, percent of the height


REACH = 5.0  # seconds above and below the median that are drawn


def clocks(readings: Sequence[Readings]) -> list[Clock]:
    return [_clock(seen) for seen in readings]


def _clock(seen: Readings) -> Clock:
    read = f"{len(seen.times)} of {seen.asked}"
    if not seen.times:
        return Clock(seen.video, read, None, None, [])
    middle, end = median(seen.offsets), max(seen.times) + min(seen.times)
    points = [
        (time / end * 100, 50 - 50 * max(-1.0, min(1.0, (offset - middle) / REACH)))
        for time, offset in zip(seen.times, seen.offsets, strict=True)
    ]
    return Clock(seen.video, read, middle, seen.spread if len(points) > 1 else None, points)


LANES = 40  # videos drawn, those with the most findings
LISTED = 100  # findings listed per check
CLASSES = 30  # kinds of labels shown
SENTENCES = 15  # of a reader, the most frequent


def write_health(path: Path, found: Examined, licence: tuple[str, str], secret: bool) -> None:
    """Write the page; of a `secret` source no word that stands in its files is shown."""
    case = found.case
    write_page(
        path,
        "health.html",
        source=case.source,
        licence=licence,
        secret=secret,
        withheld=WITHHELD,
        counts=_counts(found),
        results=found.results,
        listed={r.name: _listed(r.findings, secret) for r in found.results},
        most=LISTED,
        sentences=_sentences(case, secret),
        classes=_classes(case, secret),
        lanes=_lanes(found),
        videos=len(case.videos),
        repeats=columns(sorted(map(repeated, case.spoken.values()), reverse=True)),
        threshold=case.limits.repeats,
        languages=_shares(Counter(map(language, case.spoken.values()))),
        spoken=len(case.spoken),
        clocks=clocks(case.clocks),
        limits=case.limits,
    )


def _counts(found: Examined) -> dict[str, int]:
    case, results = found.case, found.results
    checked = {row for r in results for finding in r.findings for row in finding.rows}
    rows = len(case.videos) + len(case.labels) + len(case.speech)
    return {
        "videos": len(case.videos),
        "here": sum(bool(video.path) for video in case.videos),
        "matches": len({video.match for video in case.videos}),
        "labels": len(case.labels),
        "lines": len(case.speech),
        "kept": rows - len(checked),
        "dropped": len(checked),
        "read": len(case.faults),
        "reported": sum(result.reported for result in results),
    }


def _listed(findings: Sequence[Finding], secret: bool) -> list[Finding]:
    shown = findings[:LISTED]
    return [replace(one, quote=WITHHELD) if secret and one.quote else one for one in shown]


def _sentences(case: Case, secret: bool) -> list[tuple[str, int]]:
    """What the reader says of faulty rows, numbers left out, and how often."""
    if secret:
        return [(WITHHELD, len(case.faults))] if case.faults else []
    said = Counter(re.sub(r"\d+(?:\.\d+)?", "#", fault.why.wrong) for fault in case.faults)
    return said.most_common(SENTENCES)


def _classes(case: Case, secret: bool) -> list[tuple[str, int, float]]:
    """(label, count, percent of the most frequent); ready questions count by their task."""
    words = {name for sport in SPORTS.values() for name in sport.words}
    names = Counter(label.name or f"ready question: {label.task}" for label in case.labels)
    if secret:
        safe = Counter[str]()
        for name, count in names.items():
            safe[name if name in words or ":" in name else WITHHELD] += count
        names = safe
    top = max(names.values(), default=1)
    return [(name, count, count / top * 100) for name, count in names.most_common(CLASSES)]


def _shares(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


@dataclass(frozen=True)
class Lane:
    """One video on the timeline."""

    match: str
    part: str
    drawn: Strip
    findings: list[str]


def _lanes(found: Examined) -> dict[str, Any]:
    """The videos with the most findings, in the order of their matches, on one scale of time."""
    case, wrong = found.case, _by_video(found)
    worst = sorted(case.videos, key=lambda v: (-len(wrong.get(v.id, ())), v.match, v.part))
    chosen = sorted(worst[:LANES], key=lambda video: (video.match, video.part))
    longest = max((video.duration for video in chosen), default=1.0)
    lanes = []
    for video in chosen:
        marks = [f.time for f in wrong.get(video.id, ()) if f.time >= 0]
        rows = case.labelled[video.id], case.spoken[video.id]
        drawn = strip(video.duration, longest, *rows, marks)
        name = video.match.rpartition("/")[2]
        lanes.append(Lane(name, video.part, drawn, [f.wrong for f in wrong.get(video.id, ())]))
    return {"shown": lanes, "ticks": ticks(longest)}


def _by_video(found: Examined) -> dict[str, list[Finding]]:
    """Findings by the video they are about; those about a match count for its first video."""
    first = {video.match: video.id for video in reversed(found.case.videos)}
    wrong: dict[str, list[Finding]] = {}
    for result in found.results:
        for finding in result.findings:
            wrong.setdefault(finding.video or first.get(finding.place, ""), []).append(finding)
    return wrong

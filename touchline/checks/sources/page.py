"""The health page of a source: what its rows look like, with plots as SVG paths, and which rows
break a check.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from touchline.checks.sources.case import CheckFinding, ClockReadings, SourceCase, SourceHealth
from touchline.checks.sources.transcripts import compute_repeat_share, detect_speech_language
from touchline.html_page.template import write_html_page
from touchline.licence import WITHHELD_REASON
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.sports import SPORTS

TIMELINE_WIDTH = 1000.0  # units of a timeline
TICK_STEPS = (5, 10, 30, 60, 300, 600, 1200, 3600)  # seconds between two ticks
MAX_TICKS = 10  # at most


@dataclass(frozen=True)
class TimelinePaths:
    """SVG paths of one video's timeline: labels, commentary, repeated lines and findings."""

    width: float
    labels: str
    spans: str  # labels that last
    speech: str
    repeats: str
    marks: str


def draw_timeline_paths(
    duration: float,
    longest: float,
    labels: Sequence[Label],
    lines: Sequence[Speech],
    marks: Iterable[float],
) -> TimelinePaths:
    """Build the timeline of one video. All times are seconds of the video; `longest` is the length
    of the whole timeline.
    """
    unit = TIMELINE_WIDTH / longest
    repeated_ids = {after.id for before, after in pairwise(lines) if before.text == after.text}
    return TimelinePaths(
        width=duration * unit,
        labels=_tick_path(
            (label.start for label in labels if label.end == label.start), unit, "v12"
        ),
        spans=_bar_path(
            ((label.start, label.end) for label in labels if label.end > label.start), unit, 7
        ),
        speech=_bar_path(
            ((line.start, line.end) for line in lines if line.id not in repeated_ids), unit, 18
        ),
        repeats=_bar_path(
            ((line.start, line.end) for line in lines if line.id in repeated_ids), unit, 18
        ),
        marks=_tick_path(marks, unit, "v20"),
    )


def _tick_path(times: Iterable[float], unit: float, down: str) -> str:
    return "".join(f"M{time * unit:.1f} 1{down}" for time in times)


def _bar_path(spans: Iterable[tuple[float, float]], unit: float, row: int) -> str:
    return "".join(f"M{a * unit:.1f} {row}h{max((b - a) * unit, 0.5):.1f}" for a, b in spans)


def compute_axis_ticks(longest: float) -> list[tuple[float, float]]:
    """Return (seconds, percent of the width) of the ticks below a timeline."""
    step = next((step for step in TICK_STEPS if longest / step <= MAX_TICKS), TICK_STEPS[-1])
    return [(float(t), t / longest * 100) for t in range(0, int(longest) + 1, step)]


def layout_share_columns(shares: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return (left, width, share), all in percent, of one column per transcript."""
    width = 100 / max(len(shares), 1)
    return [(number * width, width, share * 100) for number, share in enumerate(shares)]


@dataclass(frozen=True)
class ClockPlot:
    """Plot of one video's clock offsets; `read` says how many frames had a readable clock."""

    video: str
    read: str
    offset: float | None  # seconds by which it is ahead, the median
    spread: float | None
    points: list[tuple[float, float]]  # percent of the video, percent of the height


OFFSET_RANGE = 5.0  # seconds above and below the median that are drawn


def plot_clock_readings(readings: Sequence[ClockReadings]) -> list[ClockPlot]:
    """Build one plot per video with clock readings."""
    return [_plot_clock(reading) for reading in readings]


def _plot_clock(reading: ClockReadings) -> ClockPlot:
    read = f"{len(reading.times)} of {reading.frames}"
    if not reading.times:
        return ClockPlot(reading.video, read, None, None, [])
    middle, end = median(reading.offsets), max(reading.times) + min(reading.times)
    points = [
        (time / end * 100, 50 - 50 * max(-1.0, min(1.0, (offset - middle) / OFFSET_RANGE)))
        for time, offset in zip(reading.times, reading.offsets, strict=True)
    ]
    return ClockPlot(
        reading.video, read, middle, reading.spread if len(points) > 1 else None, points
    )


MAX_LANES = 40  # videos drawn, those with the most findings
MAX_LISTED = 100  # findings listed per check
MAX_CLASSES = 30  # kinds of labels shown
MAX_SENTENCES = 15  # of a reader, the most frequent


def write_health_page(
    path: Path, health: SourceHealth, licence: tuple[str, str], secret: bool
) -> None:
    """Write the health page of a source. `licence` is (licence, terms); with `secret`, no text from
    the source's files is shown.
    """
    case = health.case
    write_html_page(
        path,
        Path(__file__).with_name("health.html"),
        source=case.source,
        licence=licence,
        secret=secret,
        withheld=WITHHELD_REASON,
        counts=_row_counts(health),
        results=health.results,
        listed={r.name: _shown_findings(r.findings, secret) for r in health.results},
        most=MAX_LISTED,
        sentences=_fault_sentences(case, secret),
        classes=_label_counts(case, secret),
        lanes=_timeline_lanes(health),
        videos=len(case.videos),
        repeats=layout_share_columns(
            sorted(map(compute_repeat_share, case.speech_by_video.values()), reverse=True)
        ),
        threshold=case.limits.repeats,
        languages=_sort_counts(Counter(map(detect_speech_language, case.speech_by_video.values()))),
        spoken=len(case.speech_by_video),
        clocks=plot_clock_readings(case.clocks),
        limits=case.limits,
    )


def _row_counts(health: SourceHealth) -> dict[str, int]:
    case, results = health.case, health.results
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


def _shown_findings(findings: Sequence[CheckFinding], secret: bool) -> list[CheckFinding]:
    shown = findings[:MAX_LISTED]
    return [
        replace(finding, quote=WITHHELD_REASON) if secret and finding.quote else finding
        for finding in shown
    ]


def _fault_sentences(case: SourceCase, secret: bool) -> list[tuple[str, int]]:
    """What the reader says of faulty rows, numbers left out, and how often."""
    if secret:
        return [(WITHHELD_REASON, len(case.faults))] if case.faults else []
    counts = Counter(re.sub(r"\d+(?:\.\d+)?", "#", fault.why.wrong) for fault in case.faults)
    return counts.most_common(MAX_SENTENCES)


def _label_counts(case: SourceCase, secret: bool) -> list[tuple[str, int, float]]:
    """(label, count, percent of the most frequent); ready questions count by their task."""
    words = {name for sport in SPORTS.values() for name in sport.words}
    names = Counter(label.name or f"ready question: {label.task}" for label in case.labels)
    if secret:
        safe = Counter[str]()
        for name, count in names.items():
            safe[name if name in words or ":" in name else WITHHELD_REASON] += count
        names = safe
    top = max(names.values(), default=1)
    return [(name, count, count / top * 100) for name, count in names.most_common(MAX_CLASSES)]


def _sort_counts(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


@dataclass(frozen=True)
class TimelineLane:
    """One video on the timeline."""

    match: str
    part: str
    drawn: TimelinePaths
    findings: list[str]


def _timeline_lanes(health: SourceHealth) -> dict[str, Any]:
    """The videos with the most findings, in the order of their matches, on one scale of time."""
    case, findings_by_video = health.case, _findings_by_video(health)
    worst = sorted(
        case.videos, key=lambda v: (-len(findings_by_video.get(v.id, ())), v.match, v.part)
    )
    chosen = sorted(worst[:MAX_LANES], key=lambda video: (video.match, video.part))
    longest = max((video.duration for video in chosen), default=1.0)
    lanes = []
    for video in chosen:
        marks = [f.time for f in findings_by_video.get(video.id, ()) if f.time >= 0]
        rows = case.labels_by_video[video.id], case.speech_by_video[video.id]
        drawn = draw_timeline_paths(video.duration, longest, *rows, marks)
        name = video.match.rpartition("/")[2]
        lanes.append(
            TimelineLane(
                name, video.part, drawn, [f.wrong for f in findings_by_video.get(video.id, ())]
            )
        )
    return {"shown": lanes, "ticks": compute_axis_ticks(longest)}


def _findings_by_video(health: SourceHealth) -> dict[str, list[CheckFinding]]:
    """Findings by the video they are about; those about a match count for its first video."""
    first = {video.match: video.id for video in reversed(health.case.videos)}
    findings: dict[str, list[CheckFinding]] = {}
    for result in health.results:
        for finding in result.findings:
            findings.setdefault(finding.video or first.get(finding.place, ""), []).append(finding)
    return findings

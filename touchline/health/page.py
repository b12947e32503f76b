"""The health page of a source: what its rows look like and which of them break a rule."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from touchline.health import drawing
from touchline.health.case import Case, Examined, Finding
from touchline.health.transcripts import language, repeated
from touchline.report.template import write_page
from touchline.sports import SPORTS
from touchline.terms import WITHHELD

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
        repeats=drawing.columns(sorted(map(repeated, case.spoken.values()), reverse=True)),
        threshold=case.limits.repeats,
        languages=_shares(Counter(map(language, case.spoken.values()))),
        spoken=len(case.spoken),
        clocks=drawing.clocks(case.clocks),
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
    drawn: drawing.Strip
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
        drawn = drawing.strip(video.duration, longest, *rows, marks)
        name = video.match.rpartition("/")[2]
        lanes.append(Lane(name, video.part, drawn, [f.wrong for f in wrong.get(video.id, ())]))
    return {"shown": lanes, "ticks": drawing.ticks(longest)}


def _by_video(found: Examined) -> dict[str, list[Finding]]:
    """Findings by the video they are about; those about a match count for its first video."""
    first = {video.match: video.id for video in reversed(found.case.videos)}
    wrong: dict[str, list[Finding]] = {}
    for result in found.results:
        for finding in result.findings:
            wrong.setdefault(finding.video or first.get(finding.place, ""), []).append(finding)
    return wrong

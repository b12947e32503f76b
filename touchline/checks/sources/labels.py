"""Checks of labels: doubled, out of range, against the score, without video, of another match."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from touchline.chat.timecode import spoken
from touchline.checks.duplicate_matches.by_name import score
from touchline.checks.sources.case import Case, Finding
from touchline.records import Label

GOAL = {"soccer": "Goal"}  # sport -> the label that changes the score by one


def doubled(case: Case) -> list[Finding]:
    """Every label after the first that says the same of the same moment."""
    seen: dict[tuple[Any, ...], str] = {}
    found = []
    for label in case.labels:
        said = (label.video, label.start, label.end, label.name, label.team, label.task)
        first = seen.setdefault((*said, label.asked, label.answer), label.id)
        if first != label.id:
            found.append(_of(label, f"says the same as {first}"))
    return found


def outside(case: Case) -> list[Finding]:
    """Labels that begin before their video, end after it, or end before they begin."""
    found = []
    for label in case.labels:
        video = case.by_id.get(label.video)
        if video and not 0 <= label.start <= label.end <= video.duration:
            wrong = f"lies at {label.start:g} to {label.end:g} s of {video.duration:g} s"
            found.append(_of(label, wrong))
    return found


def orphaned(case: Case) -> list[Finding]:
    """Labels of a video that is not there."""
    return [
        _of(label, "is of a video that is not there")
        for label in case.labels
        if label.video not in case.by_id
    ]


def unlabelled(case: Case) -> list[Finding]:
    """Videos without any label."""
    return [
        Finding(video.id, "has no label", video=video.id)
        for video in case.videos
        if not case.labelled[video.id]
    ]


def goals(case: Case) -> list[Finding]:
    """Matches whose labelled goals, team by team, are not the score in their name."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for video in case.videos:
        for label in case.labelled[video.id]:
            counts[video.match][label.team] += label.name == GOAL.get(video.sport)
    found = []
    for match in sorted({v.match for v in case.videos if v.sport in GOAL and counts[v.match]}):
        wanted, seen = score(match), (counts[match]["home"], counts[match]["away"])
        if wanted is not None and wanted != seen:
            wrong = f"has {seen[0]} - {seen[1]} goals labelled, the score is"
            found.append(Finding(match, f"{wrong} {wanted[0]} - {wanted[1]}"))
    return found


def foreign(case: Case) -> list[Finding]:
    """Files of annotations that name another match than the folder they lie in."""
    found = []
    for match, rows in _by_match(case).items():
        folder = case.folder / match.removeprefix(f"{case.source}/")
        named = _named(folder / "Labels-v2.json")
        if named and named != folder.name:
            wrong = "has the annotations of another match"
            found.append(Finding(match, wrong, tuple(rows), named))
    return found


def _by_match(case: Case) -> dict[str, list[str]]:
    """Ids of the labels of every match that has any."""
    rows: dict[str, list[str]] = {}
    for video in case.videos:
        for label in case.labelled[video.id]:
            rows.setdefault(video.match, []).append(label.id)
    return rows


def _named(file: Path) -> str:
    """The game that a file says it is of, "" when there is none, or it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # its reader has said so already
        return ""
    named = content.get("UrlLocal") if isinstance(content, dict) else None
    return str(named or "").replace("\\", "/").rstrip("/").rpartition("/")[2]


def _of(label: Label, wrong: str) -> Finding:
    where = f"{spoken(label.start)} {label.name}".strip() if label.start >= 0 else label.name
    return Finding(label.id, wrong, (label.id,), where, label.video, label.start)

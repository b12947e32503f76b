"""Checks of labels: duplicates, out of range, against the score, without video, of
another match.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from touchline.chat.timecode import format_time
from touchline.checks.duplicate_matches.by_name import parse_match_score
from touchline.checks.sources.case import CheckFinding, SourceCase
from touchline.records.label import Label
from touchline.sports import SPORTS


def find_duplicate_labels(case: SourceCase) -> list[CheckFinding]:
    """Find labels that repeat an earlier one at the same time."""
    first_ids: dict[tuple[Any, ...], str] = {}
    findings = []
    for label in case.labels:
        label_key = (label.video, label.start, label.end, label.name, label.team, label.task)
        first = first_ids.setdefault((*label_key, label.asked, label.answer), label.id)
        if first != label.id:
            findings.append(_label_finding(label, f"says the same as {first}"))
    return findings


def find_out_of_range_labels(case: SourceCase) -> list[CheckFinding]:
    """Find labels that start before their video, end after it, or end before they start."""
    findings = []
    for label in case.labels:
        video = case.videos_by_id.get(label.video)
        if video and not 0 <= label.start <= label.end <= video.duration:
            wrong = f"lies at {label.start:g} to {label.end:g} s of {video.duration:g} s"
            findings.append(_label_finding(label, wrong))
    return findings


def find_labels_without_video(case: SourceCase) -> list[CheckFinding]:
    """Find labels whose video is not among the source's videos."""
    return [
        _label_finding(label, "is of a video that is not there")
        for label in case.labels
        if label.video not in case.videos_by_id
    ]


def find_videos_without_labels(case: SourceCase) -> list[CheckFinding]:
    """Find videos without any label."""
    return [
        CheckFinding(video.id, "has no label", video=video.id)
        for video in case.videos
        if not case.labels_by_video[video.id]
    ]


def find_score_mismatches(case: SourceCase) -> list[CheckFinding]:
    """Find matches whose labelled goals per team differ from the score in the match's name."""
    score_labels = {s.name: s.score_label for s in SPORTS.values() if s.score_label}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for video in case.videos:
        for label in case.labels_by_video[video.id]:
            counts[video.match][label.team] += label.name == score_labels.get(video.sport)
    findings = []
    scored = {v.match for v in case.videos if v.sport in score_labels and counts[v.match]}
    for match in sorted(scored):
        named_score, labelled_score = (
            parse_match_score(match),
            (counts[match]["home"], counts[match]["away"]),
        )
        if named_score is not None and named_score != labelled_score:
            wrong = f"has {labelled_score[0]} - {labelled_score[1]} goals labelled, the score is"
            findings.append(CheckFinding(match, f"{wrong} {named_score[0]} - {named_score[1]}"))
    return findings


def find_labels_of_other_match(case: SourceCase) -> list[CheckFinding]:
    """Find label files that name another match than the folder they lie in; all labels of the match
    are dropped.
    """
    findings = []
    for match, rows in _label_ids_by_match(case).items():
        folder = case.folder / match.removeprefix(f"{case.source}/")
        annotated_match = _read_match_name(folder / "Labels-v2.json")
        if annotated_match and annotated_match != folder.name:
            wrong = "has the annotations of another match"
            findings.append(CheckFinding(match, wrong, tuple(rows), annotated_match))
    return findings


def _label_ids_by_match(case: SourceCase) -> dict[str, list[str]]:
    """Ids of the labels of every match that has any."""
    rows: dict[str, list[str]] = {}
    for video in case.videos:
        for label in case.labels_by_video[video.id]:
            rows.setdefault(video.match, []).append(label.id)
    return rows


def _read_match_name(file: Path) -> str:
    """The game that a file says it is of, "" when there is none, or it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # its reader has said so already
        return ""
    url = content.get("UrlLocal") if isinstance(content, dict) else None
    return str(url or "").replace("\\", "/").rstrip("/").rpartition("/")[2]


def _label_finding(label: Label, wrong: str) -> CheckFinding:
    where = f"{format_time(label.start)} {label.name}".strip() if label.start >= 0 else label.name
    return CheckFinding(
        place=label.id,
        wrong=wrong,
        rows=(label.id,),
        quote=where,
        video=label.video,
        time=label.start,
    )

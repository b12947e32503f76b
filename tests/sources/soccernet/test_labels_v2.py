"""SoccerNet labels: every annotation becomes a label or a sentence."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources.soccernet import labels_v2
from touchline.sources.source import ReadResult
from touchline.sports import SPORTS

Make = Callable[..., Video]
Write = Callable[[str, Any], Path]
GOOD = {"gameTime": "1 - 00:10", "label": "Foul", "position": "10500", "team": "away"}


def read(file: Path, video: Make) -> ReadResult[Label]:
    videos = {part: video(part) for part in "12"}
    return labels_v2.read_labels_v2(file, "test/match", SPORTS["soccer"], videos)


def test_a_label_keeps_its_name_half_and_time_in_seconds(video: Make, written: Write) -> None:
    row = {**GOOD, "gameTime": "2 - 00:10", "visibility": "not shown"}
    (label,) = read(written("Labels-v2.json", {"annotations": [row]}), video).rows
    assert (label.video, label.name, label.team) == ("test/match/2", "Foul", "away")
    assert label.start == label.end == 10.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"label": "Handball"},
            "annotations[0]: 'Handball' is not a label of soccer; choose among",
        ),
        ({"position": "60000"}, "annotations[0].position: 60000 ms lies outside the video of 60 s"),
        ({"position": "-1"}, "-1 ms lies outside the video"),
        ({"position": "ten"}, "annotations[0].position: 'ten' is not milliseconds"),
        ({"gameTime": "first"}, "annotations[0].gameTime: 'first' is not 'half - mm:ss'"),
        ({"gameTime": "3 - 00:01"}, "annotations[0]: half 3 has no readable video"),
        ({"team": ["home"]}, "annotations[0].team: ['home'] is not one of"),
        ({"label": None}, "'None' is not a label"),
    ],
)
def test_a_wrong_value_names_file_row_and_key(
    video: Make, written: Write, change: dict[str, Any], said: str
) -> None:
    file = written("Labels-v2.json", {"annotations": [{**GOOD, **change}, GOOD]})
    reading = read(file, video)
    assert len(reading.rows) == 1
    (fault,) = reading.faults
    assert fault.row == "test/match/labels/0"
    assert str(fault.why).startswith(str(file)) and said in str(fault.why)


@pytest.mark.parametrize("row", [{"label": "Foul"}, "Foul", None, []])
def test_a_row_without_its_keys_is_a_fault(video: Make, written: Write, row: Any) -> None:
    reading = read(written("Labels-v2.json", {"annotations": [row]}), video)
    assert "annotations[0]: lacks the key 'gameTime'" in str(reading.faults[0].why)


def test_a_doubled_label_is_kept_once(video: Make, written: Write) -> None:
    other = {**GOOD, "team": "home"}
    reading = read(written("Labels-v2.json", {"annotations": [GOOD, other, GOOD]}), video)
    assert [label.id[-1] for label in reading.rows] == ["0", "1"]
    assert "annotations[2]: repeats annotations[0]" in str(reading.faults[0].why)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"annotations": [', "is not valid JSON"),
        ("{}", "lacks the key 'annotations'"),
        ('{"annotations": 3}', "annotations: is not a list"),
        ("[]", "lacks the key 'annotations'"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_faulty_row(
    video: Make, written: Write, content: str, said: str
) -> None:
    (fault,) = read(written("Labels-v2.json", content), video).faults
    assert fault.row == "test/match/Labels-v2.json" and said in str(fault.why)


def test_a_missing_file_and_foreign_bytes_are_faults(video: Make, tmp_path: Path) -> None:
    file = tmp_path / "Labels-v2.json"
    assert "is missing" in str(read(file, video).faults[0].why)
    file.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8" in str(read(file, video).faults[0].why)


@pytest.mark.realdata
def test_all_real_labels_are_read_and_only_doubles_are_faults(realdata: Path, video: Make) -> None:
    rows, faults, expected = [], [], 0
    for file in sorted((realdata / "soccernet").rglob("Labels-v2.json")):
        match = f"soccernet/{file.parent.relative_to(realdata / 'soccernet')}"
        halves = {part: video(part, 3300.0, match) for part in "12"}
        reading = labels_v2.read_labels_v2(file, match, SPORTS["soccer"], halves)
        rows += reading.rows
        faults += reading.faults
        expected += len(json.loads(file.read_text())["annotations"])
    assert len(rows) + len(faults) == expected == 10171
    assert len(faults) == 11 and all("repeats" in fault.why.wrong for fault in faults)
    assert len({row.id for row in rows}) == len(rows)
    assert (
        Counter(row.name for row in rows)["Goal"] == 162
    )  # 165 in the files, three of them doubled

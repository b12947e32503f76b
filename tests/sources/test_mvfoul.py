"""Clips of fouls: the questions a referee answers, and paths that stay in their folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources import mvfoul
from touchline.sources.folder import FolderSettings
from touchline.sources.source import ReadResult
from touchline.tasks import TASKS

Looked = Callable[..., list[Video]]
HERE = FolderSettings(folder="unused")
GAME = "england_epl\\2014-2015\\2015-02-21 - 18-00 Town 1 - 2 City"


def clip(url: str = "Dataset/Test/action_0/clip_0") -> dict[str, Any]:
    return {"Url": url, "Camera type": "Main", "Timestamp": 1259839, "Replay speed": 1.0}


def action(clips: Any = None, **change: Any) -> dict[str, Any]:
    made = {"UrlLocal": GAME, "Offence": "Offence", "Action class": "High leg", "Severity": "3.0"}
    return {**made, "Clips": [clip()] if clips is None else clips, **change}


def laid(folder: Path, actions: Any, split: str = "test") -> Path:
    (folder / split).mkdir(parents=True, exist_ok=True)
    content = {"Set": split, "Number of actions": 1, "Actions": actions}
    (folder / split / "annotations.json").write_text(json.dumps(content))
    return folder


def labels(folder: Path, looked: Looked) -> ReadResult:
    return mvfoul.read_mvfoul_labels(HERE, folder, looked(mvfoul.list_mvfoul_videos(HERE, folder)))


def test_a_clip_is_asked_about_its_kind_and_its_decision(tmp_path: Path, looked: Looked) -> None:
    (found,) = mvfoul.list_mvfoul_videos(HERE, laid(tmp_path, {"0": action()})).rows
    match = "mvfoul/england_epl/2014-2015/2015-02-21 - 18-00 Town 1 - 2 City"
    assert (found.match, found.id) == (match, f"{match}/test/action_0/clip_0")
    assert (found.path, found.duration, found.sport) == (None, 5.0, "soccer")
    kind, decision, both = labels(tmp_path, looked).rows
    assert (kind.task, kind.answer, len(set(kind.options))) == ("choice", "high leg", 4)
    assert (decision.answer, len(set(decision.options))) == ("offence and yellow card", 4)
    assert (both.task, both.answer) == ("open", "High leg: offence and yellow card.")
    assert kind.answer in kind.options and decision.answer in decision.options
    assert (kind.start, kind.end) == (0.0, 5.0)


def test_a_clip_lies_beside_the_annotations_of_its_split(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        laid(tmp_path, {"0": action()}, split)
    (tmp_path / "valid/action_0").mkdir()
    (tmp_path / "valid/action_0/clip_0.mp4").write_bytes(b"x")
    train, valid = mvfoul.list_mvfoul_videos(HERE, tmp_path).rows
    assert (train.path, valid.path) == (None, Path("valid/action_0/clip_0.mp4"))
    assert train.match == valid.match


@pytest.mark.parametrize(
    ("change", "lost", "answers"),
    [
        ({"Offence": "No offence", "Severity": ""}, 0, ["high leg", "no offence"]),
        ({"Offence": "No Offence"}, 0, ["high leg", "no offence"]),
        ({"Severity": "1.0"}, 0, ["high leg", "offence without a card"]),
        ({"Severity": "5.0"}, 0, ["high leg", "offence and red card"]),
        ({"Severity": "2.0"}, 2, ["high leg"]),
        ({"Severity": ""}, 2, ["high leg"]),
        ({"Severity": 3}, 2, ["high leg"]),
        ({"Offence": "Between"}, 2, ["high leg"]),
        ({"Offence": None}, 2, ["high leg"]),
        ({"Action class": "Dont know"}, 2, ["offence and yellow card"]),
        ({"Action class": ["Dive"]}, 2, ["offence and yellow card"]),
        ({"Action class": "", "Offence": ""}, 3, []),
    ],
)
def test_what_nobody_decided_is_a_fault_of_that_question_alone(
    tmp_path: Path, looked: Looked, change: dict[str, Any], lost: int, answers: list[str]
) -> None:
    given = labels(laid(tmp_path, {"0": action(**change)}), looked)
    assert [label.answer for label in given.rows if label.task == "choice"] == answers
    assert len(given.faults) == lost and len(given.rows) + len(given.faults) == 3


@pytest.mark.parametrize(
    ("clips", "words"),
    [
        ([clip("../../../etc/passwd")], "does not end in action_N/clip_N"),
        ([clip("Dataset/action_0/../clip_0")], "does not end in action_N/clip_N"),
        ([clip("Dataset/action_0/clip_0/")], "does not end in action_N/clip_N"),
        ([{"Timestamp": 1}], "does not end in action_N/clip_N"),
        ([7], "does not end in action_N/clip_N"),
        ([], "has no list of Clips"),
        ({}, "has no list of Clips"),
    ],
)
def test_a_faulty_clip_is_named(tmp_path: Path, clips: Any, words: str) -> None:
    actions = {"0": action(clips), "1": action([clip("Dataset\\Test\\action_1\\clip_3")])}
    found = mvfoul.list_mvfoul_videos(HERE, laid(tmp_path, actions))
    (fault,) = found.faults
    assert words in str(fault.why) and "Actions['0']" in str(fault.why)
    assert [one.part for one in found.rows] == ["action_1/clip_3"]


@pytest.mark.parametrize("game", ["", "a/b", "a/../b", "a/b/c/d", "a/b/c\n", 7, "a//b"])
def test_a_game_that_is_no_folder_of_a_league_is_refused(tmp_path: Path, game: Any) -> None:
    found = mvfoul.list_mvfoul_videos(HERE, laid(tmp_path, {"0": action(UrlLocal=game)}))
    assert not found.rows and "is not a league/season/game" in str(found.faults[0].why)


def test_a_clip_listed_twice_and_an_action_that_is_none_are_faults(tmp_path: Path) -> None:
    found = mvfoul.list_mvfoul_videos(
        HERE, laid(tmp_path, {"0": action(), "1": action(), "2": None})
    )
    assert len(found.rows) == 1
    said = {fault.row: str(fault.why) for fault in found.faults}
    assert "is the clip of" in said["mvfoul/test/annotations.json/1/0"]
    assert "has no list of Clips" in said["mvfoul/test/annotations.json/2"]


def test_a_file_without_actions_is_one_fault(tmp_path: Path) -> None:
    (fault,) = mvfoul.list_mvfoul_videos(HERE, laid(tmp_path, [])).faults
    assert fault.row == "mvfoul/test/annotations.json" and "is not a dict" in str(fault.why)


def test_every_open_answer_scores_one_against_itself(tmp_path: Path, looked: Looked) -> None:
    actions = {
        str(i): action([clip(f"action_{i}/clip_0")], **{"Action class": kind})
        for i, kind in enumerate(mvfoul.CLASSES)
    }
    said = {
        one.answer for one in labels(laid(tmp_path, actions), looked).rows if one.task == "open"
    }
    assert len(said) == 8 and all(TASKS["open"].score(one, one) == 1 for one in said)

"""SPORTU's questions: every one ends as a label or a fault, doubles only once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources import sportu
from touchline.sources.source import ReadResult
from touchline.sources.sportu import SportuSettings
from touchline.tasks import TASKS

Looked = Callable[..., list[Video]]
SETTINGS = SportuSettings(folder="unused", seconds=6)
FOUR = {"A": "red", "B": "blue", "C": "white", "D": "green"}


def choice(id: Any = "Basketball_13_0", **change: Any) -> dict[str, Any]:
    made = {"id": id, "question": "Which colour?", "options": FOUR, "answer": "B"}
    return {**made, "difficulty level": "easy", **change}


def opened(id: Any = "volleyball_3", **change: Any) -> dict[str, Any]:
    return {"id": id, "question": "Why a fault?", "answer": "The net was touched", **change}


def laid(folder: Path, choices: Any = None, open: Any = None) -> Path:
    for name, rows in (("SportU_Video_mc.json", choices), ("SportU_video_oe.json", open)):
        if rows is not None:
            (folder / name).write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return folder


def labels(folder: Path, looked: Looked) -> ReadResult:
    return sportu.read_sportu_labels(
        SETTINGS, folder, looked(sportu.list_sportu_videos(SETTINGS, folder))
    )


def test_clips_of_one_recording_are_one_match_and_carry_all_their_questions(
    tmp_path: Path, looked: Looked
) -> None:
    rows = [
        choice(),
        choice("basketball_13_1"),
        choice(question="Foul?", options={"A": "Yes", "B": "No"}),
    ]
    folder = laid(tmp_path, rows, [opened("Basketball_13_0"), opened("hockey_2")])
    found = sportu.list_sportu_videos(SETTINGS, folder)
    assert {(one.id, one.sport, one.match, one.path, one.duration) for one in found.rows} == {
        ("sportu/basketball 13/basketball_13_0", "basketball", "sportu/basketball 13", None, 6.0),
        ("sportu/basketball 13/basketball_13_1", "basketball", "sportu/basketball 13", None, 6.0),
        ("sportu/ice hockey 2/hockey_2", "ice hockey", "sportu/ice hockey 2", None, 6.0),
    }  # fmt: skip
    given = labels(folder, looked)
    assert not given.faults and len({label.id for label in given.rows}) == 5
    assert [(one.task, one.answer) for one in given.rows] == [
        ("choice", "blue"), ("choice", "blue"), ("choice", "No"),
        ("open", "The net was touched"), ("open", "The net was touched"),
    ]  # fmt: skip


def test_a_clip_is_found_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    (laid(tmp_path, [choice()]) / "Basketball").mkdir()
    (tmp_path / "Basketball/basketball_13_0.mp4").write_bytes(b"x")
    (found,) = sportu.list_sportu_videos(SETTINGS, tmp_path).rows
    assert found.path == Path("Basketball/basketball_13_0.mp4")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (choice(""), "'' cannot be a file name"),
        (choice(None), "None cannot be a file name"),
        (choice("curling_3"), "names no sport and number"),
        (choice("Basketball"), "names no sport and number"),
        (choice("../Basketball_1"), "cannot be a file name"),
        ({"id": "Basketball_1"}, "lacks the key 'question'"),
        ("Basketball_1", "lacks the key 'id'"),
        (choice("soccer_1", answer="E"), "'E' is not among its options"),
        (
            choice("soccer_1", answer="C", options={"A": "Yes", "B": "No"}),
            "is not among its options",
        ),
        (choice("soccer_1", answer=["A"]), "is not among its options"),
        (choice("soccer_1", options={"A": "x", "B": "x"}), "two of them are the same"),
        (choice("soccer_1", options={"A": "x", "C": "y"}), "are not A and B, or A to D"),
        (choice("soccer_1", options={"A": "x"}), "are not A and B, or A to D"),
        (choice("soccer_1", options=["x", "y"]), "are not A and B, or A to D"),
        (choice("soccer_1", options={"A": "x", "B": 3}), "3 is not text"),
        (choice("soccer_1", question=" "), "' ' is not text"),
        (choice("BASKETBALL_13_0"), "asks what"),
    ],
)
def test_a_faulty_question_is_named_and_the_others_stay(
    tmp_path: Path, looked: Looked, row: Any, words: str
) -> None:
    given = labels(laid(tmp_path, [choice(), row, choice("tennis_4")]), looked)
    (fault,) = given.faults
    assert fault.row == "sportu/SportU_Video_mc.json/1" and words in str(fault.why)
    assert [label.id[-1] for label in given.rows] == ["0", "2"]


@pytest.mark.parametrize("answer", ["", " . ", "A, then an", "?!", None, "then"])
def test_an_open_answer_must_say_something_that_can_be_judged(
    tmp_path: Path, looked: Looked, answer: Any
) -> None:
    given = labels(laid(tmp_path, [], [opened(answer=answer), opened("volleyball_4")]), looked)
    assert len(given.rows) == len(given.faults) == 1
    assert TASKS["open"].score(str(answer or ""), str(answer or "")) == 0
    assert TASKS["open"].score(given.rows[0].answer, given.rows[0].answer) == 1


def test_a_clip_with_no_good_question_is_not_listed(tmp_path: Path) -> None:
    assert not sportu.list_sportu_videos(SETTINGS, laid(tmp_path, [choice(answer="E")])).rows


def test_a_file_that_is_no_list_is_one_fault(tmp_path: Path) -> None:
    (fault,) = sportu.list_sportu_videos(SETTINGS, laid(tmp_path, "{}", [opened()])).faults
    assert fault.row == "sportu/SportU_Video_mc.json"

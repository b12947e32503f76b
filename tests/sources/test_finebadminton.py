"""The clips and questions of FineBadminton: copied whole, matched by name, faults said."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import finebadminton
from touchline.sources.folder import FolderSettings
from touchline.sources.source import ReadResult

Make = Callable[..., Video]


def question(id: str = "HIT COUNT_0001.mp4_5", **change: Any) -> dict[str, Any]:
    row = {
        "question_id": id,
        "video_id": "0001.mp4",
        "question": {"question_en": "How many hits?"},
        "options_en": ["A. 8", "B. 2", "C. 0", "D. 4"],
        "answer": "B",
    }
    return {**row, **change}


def laid_out(folder: Path, rows: Any, clips: list[str]) -> Path:
    (folder / "video").mkdir(parents=True)
    (folder / "questions.json").write_text(rows if isinstance(rows, str) else json.dumps(rows))
    for clip in clips:
        (folder / "video" / clip).write_bytes(clip.encode())
    return folder


def labelled(folder: Path, video: Make, clips: list[str]) -> ReadResult[Label]:
    videos = []
    for clip in clips:
        facts = {**vars(video()), "part": clip.removesuffix(".mp4"), "id": clip}
        videos.append(Video(**facts))
    return finebadminton.read_finebadminton_labels(FolderSettings(folder="unused"), folder, videos)


def test_the_clips_of_a_relative_folder_are_copied_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out(tmp_path / "data", [question()], ["HIT_COUNT_0001.mp4_5.mp4"])
    monkeypatch.setenv("TOUCHLINE_RAW", str(tmp_path))
    with ThreadPoolExecutor(1) as executor:
        finebadminton.download_finebadminton(
            FolderSettings(folder="data"), tmp_path / "own", executor
        )
    (found,) = finebadminton.list_finebadminton_videos(
        FolderSettings(folder="data"), tmp_path / "own"
    ).rows
    assert found.match == "finebadminton/0001" and found.sport == "badminton" and found.path
    assert (tmp_path / "own" / found.path).read_bytes() == b"HIT_COUNT_0001.mp4_5.mp4"


@pytest.mark.parametrize(
    ("there", "said"), [(False, "is missing"), (True, "holds no questions.json")]
)
def test_a_missing_folder_names_the_setting(tmp_path: Path, there: bool, said: str) -> None:
    if there:
        (tmp_path / "data").mkdir()
    settings = FolderSettings(folder=str(tmp_path / "data"))
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(InputError, match=r"finebadminton\.folder") as e,
    ):
        finebadminton.download_finebadminton(settings, tmp_path / "own", executor)
    assert said in str(e.value)


def test_a_question_becomes_a_label_with_plain_options(tmp_path: Path, video: Make) -> None:
    clip = "HIT_COUNT_0001.mp4_5.mp4"
    (label,) = labelled(laid_out(tmp_path / "own", [question()], [clip]), video, [clip]).rows
    assert (label.task, label.asked, label.answer) == ("choice", "How many hits?", "2")
    assert label.options == ["8", "2", "0", "4"] and (label.start, label.end) == (0.0, 60.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "E"}, "[0].answer: 'E' is not among its options"),
        ({"answer": "AB"}, "[0].answer: 'AB' is not among its options"),
        ({"answer": ["B"]}, "[0].answer: ['B'] is not among its options"),
        ({"options_en": ["A. 8", "C. 2"]}, "[0].options_en: options do not begin with A., B."),
        ({"options_en": ["A. 8", "B. 8"]}, "[0].options_en: two options are the same"),
        ({"options_en": "A. 8"}, "[0].options_en: is not a list of two to four options"),
        ({"question": {"question_zh": "?"}}, "[0].question: lacks the text question_en"),
        ({"question_id": "../../escape"}, "[0].question_id: '../../escape' cannot be a file name"),
        ({"video_id": "/etc"}, "[0].video_id: '/etc' cannot be a file name"),
    ],
)
def test_a_faulty_question_is_named(
    tmp_path: Path, video: Make, change: dict[str, Any], said: str
) -> None:
    clip = "HIT_COUNT_0001.mp4_5.mp4"
    folder = laid_out(tmp_path / "own", [question(**change)], [clip])
    reading = labelled(folder, video, [clip])
    assert not reading.rows and said in str(reading.faults[0].why)
    assert reading.faults[0].row == "finebadminton/questions/0"


def test_doubled_missing_and_unasked_clips_are_faults(tmp_path: Path, video: Make) -> None:
    rows = [question(), question(), question("lost 1"), {"question_id": "x"}]
    folder = laid_out(tmp_path / "own", rows, ["HIT_COUNT_0001.mp4_5.mp4", "nobody.mp4"])
    reading = labelled(folder, video, ["HIT_COUNT_0001.mp4_5.mp4"])
    said = [fault.why.wrong for fault in reading.faults]
    assert said[0] == "has the question_id of [0]" and said[1] == "lacks the key 'video_id'"
    assert said[2] == "has no readable clip lost_1.mp4" and len(reading.rows) == 1
    unasked, lost = finebadminton.list_finebadminton_videos(
        FolderSettings(folder="unused"), folder
    ).faults
    assert "its clip lost_1.mp4 is not here" in str(lost.why)
    assert "nobody.mp4" in str(unasked.why) and "asks about this clip" in str(unasked.why)


def test_questions_that_are_no_json_stop_with_the_file(tmp_path: Path, video: Make) -> None:
    folder = laid_out(tmp_path / "own", "[{", [])
    with pytest.raises(InputError, match=r"questions\.json: is not valid JSON"):
        labelled(folder, video, [])


def test_a_clip_that_is_not_here_is_listed_with_the_length_its_frames_state(
    tmp_path: Path,
) -> None:
    rows = [question("a", start_frame=100, end_frame=199), question("b"), question("c d")]
    folder = laid_out(tmp_path / "own", rows, ["c_d.mp4"])
    reading = finebadminton.list_finebadminton_videos(FolderSettings(folder="unused"), folder)
    assert {(one.part, one.path is None, one.duration) for one in reading.rows} == {
        ("a", True, 4.0), ("c_d", False, 0.0),
    }  # fmt: skip
    (unknown,) = reading.faults
    assert "its clip b.mp4 is not here" in str(unknown.why)


@pytest.mark.realdata
def test_all_real_questions_find_their_clips(realdata: Path, tmp_path: Path) -> None:
    settings = FolderSettings(folder=str(realdata / "finebadminton"))
    with ThreadPoolExecutor(1) as executor:
        finebadminton.download_finebadminton(settings, tmp_path, executor)
    found = finebadminton.list_finebadminton_videos(settings, tmp_path)
    asks = finebadminton.read_finebadminton_questions(tmp_path)
    assert not found.faults and not asks.faults
    assert len(found.rows) == len(asks.rows) == 12
    assert len({one.match for one in found.rows}) == 4

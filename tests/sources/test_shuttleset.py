"""Strokes of a match and the questions about its rallies, from CSV files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources import shuttleset
from touchline.sources.folder import FolderSettings
from touchline.sources.shuttleset import RALLY_ENDS, UNKNOWN_STROKE
from touchline.sources.source import ReadResult
from touchline.sports.badminton import STROKES

Looked = Callable[..., list[Video]]
HERE = FolderSettings(folder="unused")
HEAD = "rally,ball_round,time,frame_num,player,server,type,lose_reason"


def stroke(rally: int, number: int, second: int, kind: str = "殺球", lost: str = "", fps=30) -> str:
    clock = f"00:{second // 60:02}:{second % 60:02}"
    player = "AB"[number % 2]
    return f"{rally},{number}.0,{clock},{second * fps + 7}.0,{player},2,{kind},{lost}"


RALLIES = (
    stroke(1, 1, 100, "發短球"), stroke(1, 2, 102, "挑球"), stroke(1, 3, 104, "殺球", "出界"),
    stroke(2, 1, 130, "發長球"), stroke(2, 2, 132, UNKNOWN_STROKE, "掛網"),
)  # fmt: skip


def laid(folder: Path, *lines: str, match: str = "Ann_Bee_Final", head: str = HEAD) -> Path:
    (folder / match).mkdir(exist_ok=True)
    (folder / match / "set1.csv").write_text("\n".join([head, *lines]) + "\n")
    return folder


def labels(folder: Path, looked: Looked, **facts: Any) -> ReadResult:
    return shuttleset.read_shuttleset_labels(
        HERE, folder, looked(shuttleset.list_shuttleset_videos(HERE, folder), **facts)
    )


def test_every_stroke_is_a_label_and_every_rally_is_asked_about(
    tmp_path: Path, looked: Looked
) -> None:
    (found,) = shuttleset.list_shuttleset_videos(HERE, laid(tmp_path, *RALLIES)).rows
    assert (found.path, found.match) == (None, "shuttleset/Ann_Bee_Final")
    assert found.duration == pytest.approx(132 + 7 / 30 + 1)
    given = labels(tmp_path, looked)
    strokes = [label for label in given.rows if not label.task]
    assert [STROKES[one.name] for one in strokes] == [
        "short serve", "lift", "smash", "long serve", "stroke",
    ]  # fmt: skip
    assert strokes[0].start == pytest.approx(100 + 7 / 30)
    asked = {one.id.split("broadcast/")[1]: one for one in given.rows if one.task}
    assert {key: one.answer for key, one in asked.items()} == {
        "set1/rally/1/count": "3", "set1/rally/1/last": "smash", "set1/rally/1/end": "out of court",
        "set1/rally/2/count": "2", "set1/rally/2/end": "into the net",
    }  # fmt: skip
    assert all(one.answer in one.options for one in asked.values() if one.task == "choice")
    assert all(len(set(one.options)) == 4 for one in asked.values() if one.task == "choice")
    assert set(asked["set1/rally/1/end"].options) == set(RALLY_ENDS.values())
    assert not given.faults


@pytest.mark.parametrize("fps", [25, 30, 50, 60])
def test_the_rate_is_the_one_at_which_frames_and_times_agree(
    tmp_path: Path, looked: Looked, fps: int
) -> None:
    laid(tmp_path, *(stroke(1, i, 900 + 60 * i, fps=fps) for i in range(1, 9)))
    given = [label for label in labels(tmp_path, looked).rows if not label.task]
    assert given[0].start == pytest.approx(960 + 7 / fps)


def test_a_broadcast_that_is_here_tells_its_own_rate(tmp_path: Path, looked: Looked) -> None:
    (laid(tmp_path, *RALLIES) / "Ann_Bee_Final.mp4").write_bytes(b"x")
    assert shuttleset.list_shuttleset_videos(HERE, tmp_path).rows[0].path == Path(
        "Ann_Bee_Final.mp4"
    )
    rate = 30000 / 1001
    given = labels(tmp_path, looked, frames=5000, fps=rate, duration=167.0)
    assert given.rows[0].start == pytest.approx(3007 / rate)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2,2.0,00:02:12,3967.0,A,2,殺球", "has 7 cells where the head has 8: shifted columns"),
        ("2,,2.0,00:02:12,3967.0,A,2,殺球", "the time '2.0' is not hh:mm:ss"),
        ("2,2.0,00:02:12,A,3967.0,2,殺球,出界", "the player '3967.0' is neither A nor B"),
        ("2,2.0,00:02:12,3967.0,A,殺球,2,出界", "'2' is not a type of stroke"),
        ("2,2.0,00:02:12,3967.0,A,2,smash,出界", "'smash' is not a type of stroke"),
        ("2,2.0,00:02:12,3967.5,A,2,殺球,出界", "the frame_num '3967.5' is not a whole number"),
        ("two,2.0,00:02:12,3967.0,A,2,殺球,出界", "the rally 'two' is not a whole number"),
        ("2,2.0,00:02:12,9000.0,A,2,殺球,出界", "frame 9000 is at 300.0 s, the time 132 s"),
    ],
)
def test_a_faulty_line_is_named_and_its_rally_is_not_asked_about(
    tmp_path: Path, looked: Looked, line: str, words: str
) -> None:
    given = labels(laid(tmp_path, *RALLIES[:4], line), looked)
    fault, rally = given.faults
    place = "shuttleset/Ann_Bee_Final/broadcast/set1"
    assert fault.row == f"{place}/6" and words in str(fault.why)
    assert rally.row == f"{place}/rally/2" and "not a whole rally" in str(rally.why)
    assert len([one for one in given.rows if not one.task]) == 4
    assert {one.id for one in given.rows if one.task} == {
        f"{place}/rally/1/{part}" for part in ("count", "last", "end")
    }


def test_a_rally_in_the_wrong_order_or_with_a_stroke_twice_is_not_counted(
    tmp_path: Path, looked: Looked
) -> None:
    twice = [RALLIES[0], RALLIES[1], RALLIES[1], RALLIES[2]]
    for lines in (twice, [RALLIES[1], RALLIES[0], RALLIES[2]], RALLIES[:2]):
        given = labels(laid(tmp_path, *lines), looked)
        assert len(given.rows) == len(lines) and len(given.faults) == 1


def test_a_file_without_its_columns_is_one_fault(tmp_path: Path) -> None:
    found = shuttleset.list_shuttleset_videos(HERE, laid(tmp_path, *RALLIES, head="rally,time"))
    (fault,) = found.faults
    assert fault.row == "shuttleset/Ann_Bee_Final/set1.csv"
    assert "lacks the column" in str(fault.why) and not found.rows


def test_a_match_name_with_quotes_blanks_and_foreign_letters_is_found(tmp_path: Path) -> None:
    name = 'O\'Neil "é" 安洗瑩 _Final'
    (laid(tmp_path, *RALLIES, match=name) / f"{name}.mp4").write_bytes(b"x")
    (found,) = shuttleset.list_shuttleset_videos(HERE, tmp_path).rows
    assert found.path == Path(f"{name}.mp4") and found.match == f"shuttleset/{name}"

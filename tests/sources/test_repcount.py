"""Repetitions and their count: each pair of frames ends as a label or a fault."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources import repcount
from touchline.sources.repcount import RepCountSettings
from touchline.sources.source import ReadResult

Looked = Callable[..., list[Video]]
SETTINGS = RepCountSettings(folder="unused", fps=30)
HEAD = ",type,name,count,L1,L2,L3,L4"
GOOD = "0,situp,stu1_2.mp4,2,0,30,30.0,90.0"


def laid(folder: Path, *lines: str, head: str = HEAD) -> Path:
    (folder / "test.csv").write_text("\n".join([head, *lines]) + "\n")
    return folder


def labels(folder: Path, looked: Looked, **facts: Any) -> ReadResult:
    return repcount.read_repcount_labels(
        SETTINGS, folder, looked(repcount.list_repcount_videos(SETTINGS, folder), **facts)
    )


def test_repetitions_are_labels_and_their_number_is_asked(tmp_path: Path, looked: Looked) -> None:
    (found,) = repcount.list_repcount_videos(SETTINGS, laid(tmp_path, GOOD)).rows
    assert (found.path, found.match, found.duration) == (None, "repcount/stu1", 3.033333)
    first, second, count = labels(tmp_path, looked).rows
    assert [(one.name, one.start, one.end) for one in (first, second)] == [
        ("situp", 0.0, 1.0), ("situp", 1.0, 3.0),
    ]  # fmt: skip
    assert (count.task, count.answer, count.start, count.end) == ("counting", "2", 0.0, 3.0)
    assert "sit-up" in count.asked and "{start}" in count.asked


def test_a_video_that_is_here_tells_its_own_rate(tmp_path: Path, looked: Looked) -> None:
    (laid(tmp_path, GOOD) / "stu1_2.mp4").write_bytes(b"x")
    assert repcount.list_repcount_videos(SETTINGS, tmp_path).rows[0].path == Path("stu1_2.mp4")
    found = labels(tmp_path, looked, frames=99, fps=15.0, duration=6.6)
    assert [label.end for label in found.rows] == [2.0, 6.0, 6.0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0,situp,a.mp4,2,0,30,30", "has 7 cells where the head has 8: shifted columns"),
        ("0,0,situp,a.mp4,2,0,30,30,90", "has 9 cells"),
        ("situp,a.mp4,2,0,30,30,90,", "'a.mp4' is not a type of exercise"),
        ("0,hula,a.mp4,2,0,30,30,90", "'hula' is not a type of exercise"),
        ("0,situp,a.mp4,two,0,30,30,90", "the count 'two' is not a whole number"),
        ("0,situp,a.mp4,-2,0,30,30,90", "the count '-2' is not a whole number"),
        ("0,situp,../a.mp4,2,0,30,30,90", "cannot be a file name"),
        ("0,situp,,2,0,30,30,90", "cannot be a file name"),
        ("0,situp,stu1_2.mp4,2,0,30,30,90", "is about the same video as"),
        ('0,situp,"a.mp4,2,0,30,30,90', "is not CSV"),
        ("0,situp,a.mp4,0,,,,", "its length is unknown"),
    ],
)
def test_a_faulty_line_is_named_and_swallows_no_other(
    tmp_path: Path, looked: Looked, line: str, words: str
) -> None:
    after = "9,squat,b.mp4,1,0,30,,"
    found = repcount.list_repcount_videos(SETTINGS, laid(tmp_path, GOOD, line, after))
    (fault,) = found.faults
    assert fault.row == "repcount/test.csv/3" and words in str(fault.why)
    assert [one.part for one in found.rows] == ["stu1_2", "b"]
    assert len([one for one in labels(tmp_path, looked).rows if one.task]) == 2


@pytest.mark.parametrize(
    ("cells", "faulty", "words"),
    [
        ("5,5,30,90", "repetition/0", "ends at frame 5, not after its start at 5"),
        ("0,30,90,30", "repetition/1", "ends at frame 30"),
        ("0,30,40,", "repetition/1", "['40', ''] are not two frame numbers"),
        ("0,30,x,90", "repetition/1", "['x', '90'] are not two frame numbers"),
        ("0,30.5,30,90", "repetition/0", "are not two frame numbers"),
        (",,30,90", "repetition/0", "['', ''] are not two frame numbers"),
    ],
)
def test_a_faulty_repetition_is_named_and_the_count_falls_with_it(
    tmp_path: Path, looked: Looked, cells: str, faulty: str, words: str
) -> None:
    found = labels(laid(tmp_path, f"0,situp,a.mp4,2,{cells}"), looked)
    assert [fault.row for fault in found.faults] == [
        f"repcount/test.csv/2/{faulty}", "repcount/test.csv/2/count",
    ]  # fmt: skip
    assert words in str(found.faults[0].why) and len(found.rows) == 1
    assert "its count is 2, its good repetitions are 1" in str(found.faults[1].why)


def test_a_head_without_its_columns_and_foreign_bytes_are_faults_of_the_file(
    tmp_path: Path,
) -> None:
    (fault,) = repcount.list_repcount_videos(
        SETTINGS, laid(tmp_path, GOOD, head="type,name,L1,L2")
    ).faults
    assert fault.row == "repcount/test.csv" and "lacks the column 'count'" in str(fault.why)
    (tmp_path / "test.csv").write_bytes(b"\xff\xfe")
    assert "is not UTF-8" in str(repcount.list_repcount_videos(SETTINGS, tmp_path).faults[0].why)


def test_lines_that_end_as_on_windows_and_a_byte_order_mark_change_nothing(
    tmp_path: Path, looked: Looked
) -> None:
    (tmp_path / "test.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEAD}\r\n{GOOD}\r\n\r\n".encode())
    assert len(labels(tmp_path, looked).rows) == 3

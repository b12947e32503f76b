"""Events by frame: every event of every row ends as a label or a fault, at the right second."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from touchline.records.video import Video
from touchline.sources import figure_skating, finediving, tennis
from touchline.sources.folder import FolderSettings
from touchline.sources.readers import MAX_LABEL_FILE_BYTES
from touchline.sources.source import ReadResult, SourceVideo

Looked = Callable[..., list[Video]]
HERE = FolderSettings(folder="unused")
NAME = "open_2019_final_ann_bee_100_350"


def row(video: str = NAME, frames: int = 250, fps: float = 25.0, **change: Any) -> dict[str, Any]:
    events = [
        {"frame": 50, "label": "near_court_serve", "comment": ""},
        {"frame": 75, "label": "far_court_bounce", "comment": ""},
    ]
    made = {"video": video, "num_frames": frames, "fps": fps, "num_events": 2, "events": events}
    return {**made, **change}


def laid(folder: Path, rows: Any, name: str = "val.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return folder


def said(reading: ReadResult) -> list[str]:
    return [str(fault.why) for fault in reading.faults]


def test_a_rally_without_its_file_is_listed_with_the_length_its_labels_state(
    tmp_path: Path,
) -> None:
    (found,) = tennis.list_tennis_videos(
        HERE, laid(tmp_path, [row(), row("open_2019_final_ann_bee_9")])
    ).rows
    assert found == SourceVideo(
        f"e2e-tennis/open_2019_final_ann_bee/{NAME}", None, "tennis",
        "e2e-tennis/open_2019_final_ann_bee", NAME, 10.0,
    )  # fmt: skip


def test_a_rally_whose_file_is_here_is_found_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / f"{NAME}.MKV".lower()).write_bytes(b"x")
    (found,) = tennis.list_tennis_videos(HERE, laid(tmp_path, [row(NAME)])).rows
    assert found.path == Path("a b", f"{NAME.lower()}.mkv")


def test_two_files_of_one_name_are_a_fault_of_the_row_and_of_its_events(
    tmp_path: Path, looked: Looked
) -> None:
    for ending in ("mkv", "mp4"):
        (tmp_path / f"{NAME}.{ending}").write_bytes(b"x")
    folder = laid(tmp_path, [row()])
    found = tennis.list_tennis_videos(HERE, folder)
    assert not found.rows and "two videos have the name" in said(found)[0]
    assert len(tennis.read_tennis_labels(HERE, folder, looked(found)).faults) == 2


@pytest.mark.parametrize(
    ("facts", "second"),
    [
        ({}, 2.0),  # no file: as stated
        ({"frames": 250, "fps": 25.0, "duration": 10.0}, 2.0),
        ({"frames": 250, "fps": 24.0, "duration": 10.42}, 2.083333),  # the same frames
        ({"frames": 600, "fps": 60.0, "duration": 10.0}, 2.0),  # re-encoded: time stayed
        ({"frames": 251, "fps": 25.1, "duration": 10.0}, 1.992032),  # about the stated rate
    ],
)
def test_a_frame_becomes_the_second_at_which_it_is_shown(
    tmp_path: Path, looked: Looked, facts: dict[str, Any], second: float
) -> None:
    folder = laid(tmp_path, [row()])
    labels = tennis.read_tennis_labels(
        HERE, folder, looked(tennis.list_tennis_videos(HERE, folder), **facts)
    )
    assert labels.rows[0].start == second and not labels.faults
    assert labels.rows[0].name == "near_court_serve"


def test_a_video_of_another_length_is_another_cut(tmp_path: Path, looked: Looked) -> None:
    folder = laid(tmp_path, [row()])
    other = looked(tennis.list_tennis_videos(HERE, folder), frames=500, fps=25.0, duration=20.0)
    labels = tennis.read_tennis_labels(HERE, folder, other)
    assert "cover 10.00 s, the video lasts 20.00 s" in said(labels)[0]
    assert (len(labels.rows), len(labels.faults)) == (0, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fps": -1}, "-1 is not a frame rate"),
        ({"fps": "25"}, "'25' is not a frame rate"),
        ({"fps": float("nan")}, "nan is not a frame rate"),
        ({"fps": 10**400}, "inf is not a frame rate"),
        ({"num_frames": 0}, "0 is not a number of frames"),
        ({"num_frames": 1e9}, "is not a number of frames"),
        ({"num_events": 5}, "are not the 5 events stated"),
        ({"events": {}}, "are not the 2 events stated"),
        ({"video": "../../etc/passwd_1_2"}, "cannot be a file name"),
        ({"video": "a\\b_1_2"}, "cannot be a file name"),
        ({"video": "x" * 300 + "_1_2"}, "too long"),
        ({"video": ["a_1_2"]}, "does not name its match"),
        ({"video": "final"}, "does not name its match"),
    ],
)
def test_a_faulty_row_is_named_and_its_events_with_it(
    tmp_path: Path, looked: Looked, change: dict[str, Any], words: str
) -> None:
    folder = laid(tmp_path, [row(**change), row()])
    found = tennis.list_tennis_videos(HERE, folder)
    assert [fault.row for fault in found.faults] == ["e2e-tennis/val.json/0"]
    assert words in said(found)[0] and len(found.rows) == 1
    labels = tennis.read_tennis_labels(HERE, folder, looked(found))
    listed = len(change["events"]) if "events" in change else 2
    assert (len(labels.rows), len(labels.faults)) == (2, listed)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"frame": 250, "label": "near_court_serve"}, "250 is not a frame of the 250 stated"),
        ({"frame": -1, "label": "near_court_serve"}, "-1 is not a frame"),
        ({"frame": 1.5, "label": "near_court_serve"}, "1.5 is not a frame"),
        ({"frame": True, "label": "near_court_serve"}, "True is not a frame"),
        ({"frame": 75, "label": "far_court_bounce"}, "stands here twice"),
        ({"frame": 3, "label": "lob"}, "'lob' is not a label of tennis"),
        ({"frame": 3, "label": ["lob"]}, "is not a label of tennis"),
        ({"frame": 3}, "is not an event"),
        (7, "is not an event"),
    ],
)
def test_a_faulty_event_is_named_and_the_others_stay(
    tmp_path: Path, looked: Looked, event: Any, words: str
) -> None:
    given = row(num_events=3)
    given["events"] = [*given["events"], event]
    folder = laid(tmp_path, [given])
    labels = tennis.read_tennis_labels(
        HERE, folder, looked(tennis.list_tennis_videos(HERE, folder))
    )
    assert words in said(labels)[0] and len(labels.rows) == 2
    assert labels.faults[0].row == "e2e-tennis/val.json/0/events/2"


def test_a_video_in_two_splits_is_a_fault_the_second_time(tmp_path: Path) -> None:
    laid(tmp_path, [row()], "train.json")
    found = tennis.list_tennis_videos(HERE, laid(tmp_path, [row()], "val.json"))
    assert len(found.rows) == 1 and "is about the same video as" in said(found)[0]


@pytest.mark.parametrize("text", ["[{", '{"a": 1}', "[" * 100_000, "9" * 5000, ""])
def test_a_file_that_is_no_list_is_one_fault(tmp_path: Path, text: str) -> None:
    found = tennis.list_tennis_videos(HERE, laid(tmp_path, text))
    assert [fault.row for fault in found.faults] == ["e2e-tennis/val.json"]


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    laid(tmp_path, [])
    with (tmp_path / "val.json").open("r+b") as file:
        file.truncate(MAX_LABEL_FILE_BYTES + 1)
    (fault,) = tennis.list_tennis_videos(HERE, tmp_path).faults
    assert "has 64 MiB, more than" in str(fault.why)


def test_names_with_quotes_blanks_and_foreign_letters_are_found(tmp_path: Path) -> None:
    name = 'o\'pen "é" 試合_1_2'
    folder = laid(tmp_path, [row(name)])
    (folder / f"{name}.mp4").write_bytes(b"x")
    (found,) = tennis.list_tennis_videos(HERE, folder).rows
    assert found.path == Path(f"{name}.mp4") and found.match == 'e2e-tennis/o\'pen "é" 試合'


def dive(**change: Any) -> dict[str, Any]:
    events = [{"frame": 50, "label": "Entry"}]
    info = {"_source_info": {"dive_score": 77.4}}
    made = row("Cup final__12", 100, -1, num_events=1, events=events)
    return {**made, **info, **change}


def test_a_dive_counts_frames_at_the_rate_given_and_asks_for_its_score(
    tmp_path: Path, looked: Looked
) -> None:
    settings = finediving.FineDivingSettings(folder="unused", fps=25)
    folder = laid(tmp_path, [dive()])
    found = finediving.list_finediving_videos(settings, folder)
    assert (found.rows[0].duration, found.rows[0].match) == (4.0, "finediving/Cup final")
    entry, score = finediving.read_finediving_labels(settings, folder, looked(found)).rows
    assert (entry.name, entry.start, score.task, score.answer) == ("Entry", 2.0, "score", "77.40")


@pytest.mark.parametrize("info", [None, {}, {"dive_score": "77"}, {"dive_score": -1}, [77.4]])
def test_a_dive_without_a_score_loses_that_question_alone(
    tmp_path: Path, looked: Looked, info: Any
) -> None:
    settings = finediving.FineDivingSettings(folder="unused", fps=25)
    folder = laid(tmp_path, [dive(_source_info=info)])
    labels = finediving.read_finediving_labels(
        settings, folder, looked(finediving.list_finediving_videos(settings, folder))
    )
    assert len(labels.rows) == 1
    assert [fault.row for fault in labels.faults] == ["finediving/val.json/0/score"]


def test_skaters_of_one_competition_stay_together(tmp_path: Path) -> None:
    rows = [row(f"men_2010_{i:02}_0{i}_9", num_events=0, events=[]) for i in (1, 2)]
    found = figure_skating.list_figure_skating_videos(HERE, laid(tmp_path, rows)).rows
    assert {one.match for one in found} == {"e2e-figure-skating/men_2010"}

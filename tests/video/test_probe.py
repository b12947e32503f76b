from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from touchline.errors import InputError
from touchline.video.probe import probe_video_file, scan_packets


def decoded_times(path: Path) -> list[float]:
    with av.open(str(path)) as box:
        return [float(frame.pts * frame.time_base) for frame in box.decode(video=0)]


@pytest.mark.parametrize("name", ["clean.mkv", "clean.mp4", "edit.mp4"])
def test_packets_tell_the_shown_frames_without_decoding(files: Path, name: str) -> None:
    assert np.allclose(scan_packets(files / name).times, decoded_times(files / name))


def test_facts_of_a_clean_file(files: Path) -> None:
    found = probe_video_file(files / "clean.mkv")
    assert (found["codec"], found["width"], found["height"]) == ("h264", 192, 108)
    assert (found["frames"], found["duration"], found["fps"]) == (300, 12.0, 25.0)
    assert found["keyframes"] == [0, 2, 4, 6, 8, 10]
    assert (found["longest_gap"], found["edit_list"]) == (0.04, False)


def test_an_edit_list_is_noticed_and_its_unshown_frames_do_not_count(files: Path) -> None:
    found = probe_video_file(files / "edit.mp4")
    assert found["edit_list"]
    assert (found["frames"], found["duration"]) == (300 - 57, 9.72)
    assert found["keyframes"][0] == -0.28  # decoding must begin before the first shown frame


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("empty.mp4", "the file is empty; fetch it again"),
        ("page.mp4", "it is a web page"),
        ("text.mkv", "it is text"),
        ("noise.mp4", "cannot be decoded"),
        ("cut.mp4", "cannot be decoded"),
        ("cut.mkv", "breaks off at 0:0[67].* of 0:12"),
        ("hole.mkv", "shows nothing from 0:0[56].* to 0:0[89]"),
        ("sound.mkv", "holds sound only; give a file with a video stream"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(
    broken: Callable[[str], Path], name: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=f"{name}: .*{sentence}"):
        probe_video_file(broken(name))


def test_a_name_that_no_disk_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be opened \(File name too long\)"):
        probe_video_file(tmp_path / f"{'x' * 300}.mkv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.mkv: there is no such file; fetch it again"):
        probe_video_file(tmp_path / "none.mkv")


@pytest.mark.realdata
def test_packets_tell_the_shown_frames_of_real_broadcasts(realdata: Path) -> None:
    for path in sorted((realdata / "finebadminton/video").glob("*.mp4"))[:4]:
        found = probe_video_file(path)
        assert np.allclose(scan_packets(path).times, decoded_times(path))
        assert (found["codec"], found["width"], found["height"]) == ("h264", 1280, 720)

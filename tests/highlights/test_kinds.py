"""Whatever file comes: a reel of its own frames, or one clear sentence and no file."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.highlights.conftest import decoded, write_film
from tests.highlights.test_make import Scripted, cut
from touchline.errors import InputError
from touchline.highlights.make import HighlightSettings, make_reel


@pytest.mark.parametrize("kind", ["uneven", "sixty", "silent", "tall", "edit", "tail"])
def test_a_film_of_any_kind_gives_the_frames_of_the_interval(
    films: dict[str, Path], settings: HighlightSettings, tmp_path: Path, kind: str
) -> None:
    source = decoded(films[kind])
    made = cut(films[kind], "goals", Scripted({"goal": [(3, 6)]}), settings, tmp_path)
    (one,) = made.highlights
    zero, start, end = source[0][0], one.start - settings.before, one.end
    wanted = [n for t, n in source if start - 1e-3 <= t - zero < end - 1e-3]
    got = [number for _, number in decoded(tmp_path / "reel.mp4")]
    assert got[-len(wanted) :] == wanted and len(got) - len(wanted) <= 1  # the one on the screen
    with av.open(str(tmp_path / "reel.mp4")) as box:
        picture = box.streams.video[0]
        assert bool(box.streams.audio) == (kind not in ("silent", "edit"))
        assert (picture.width < picture.height) == (kind == "tall")
    assert any("breaks off" in note for note in made.notes) == (kind == "tail")


@pytest.mark.slow
def test_a_short_4k_film_goes_from_request_to_reel(
    settings: HighlightSettings, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "4k.mp4", [n / 25 for n in range(150)], size=(3840, 2160))
    cut(film, "goals", Scripted({"goal": [(2, 4)]}), settings, tmp_path)
    assert [n for _, n in decoded(tmp_path / "reel.mp4")] == list(range(25, 100))
    with av.open(str(tmp_path / "reel.mp4")) as box:
        assert (box.streams.video[0].width, box.streams.video[0].height) == (3840, 2160)


@pytest.mark.parametrize(
    ("bytes_", "wrong"),
    [(b"", "the file is empty"), (b"no film at all " * 500, "cannot be decoded")],
)
def test_what_is_no_video_is_refused_before_any_work(
    settings: HighlightSettings, tmp_path: Path, bytes_: bytes, wrong: str
) -> None:
    (tmp_path / "match.mp4").write_bytes(bytes_)
    with pytest.raises(InputError, match=rf"match\.mp4: {wrong}"):
        cut(tmp_path / "match.mp4", "goals", Scripted({}), settings, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["match.mp4"]


def test_a_file_that_is_not_there_and_one_with_sound_alone_are_refused(
    settings: HighlightSettings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"none\.mkv: there is no such file"):
        cut(tmp_path / "none.mkv", "goals", Scripted({}), settings, tmp_path)
    with av.open(str(tmp_path / "radio.mp4"), "w") as box:
        stream = box.add_stream("aac", rate=16_000, layout="mono")
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate = 16_000
        box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"radio\.mp4: holds sound only"):
        cut(tmp_path / "radio.mp4", "goals", Scripted({}), settings, tmp_path)


def test_a_reel_for_a_folder_that_is_not_there_is_refused(
    films: dict[str, Path], settings: HighlightSettings, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="its folder does not exist; make the folder first"):
        cut(films["plain"], "goals", Scripted({}), settings, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path / "disk")]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may mount nothing")
    yield tmp_path / "disk"
    subprocess.run(["umount", str(tmp_path / "disk")], check=True)


@pytest.mark.parametrize("full", ["reel", "cache"])
def test_a_full_disk_is_said_and_leaves_no_half_reel(
    films: dict[str, Path], settings: HighlightSettings, tmp_path: Path, small: Path, full: str
) -> None:
    (small / "fill").write_bytes(bytes(40_000))
    who, to = Scripted({"goal": [(3, 9)]}), tmp_path / "to"
    to.mkdir()
    how = {"reel": (small, to / "cache"), "cache": (to, small / "cache")}[full]
    with pytest.raises(InputError, match="the disk is full"):
        make_reel([films["plain"]], "goals", who.model, settings, how[0] / "reel.mp4", how[1])
    assert [path.name for path in small.rglob("*") if path.is_file()] == ["fill"]
    assert not list(to.glob("*reel*"))


def test_nothing_found_is_an_answer_with_the_two_files_and_no_reel(
    films: dict[str, Path], settings: HighlightSettings, tmp_path: Path
) -> None:
    made = cut(films["silent"], "corners", Scripted({"goal": [(3, 6)]}), settings, tmp_path)
    assert made.reel is None
    assert sorted(path.name for path in tmp_path.glob("reel*")) == ["reel.html", "reel.json"]
    assert json.loads(made.json.read_text())["reel"] is None

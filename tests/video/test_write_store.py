from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.video.conftest import TURNS, turned
from touchline.errors import InputError
from touchline.video.frame_store import FrameStore
from touchline.video.write_store import DecodingSummary, write_frame_store

Reader = Callable[[Image.Image], int]


def write(video: Path, out: Path, fps: float = 1, seconds: float = 5) -> DecodingSummary:
    return write_frame_store(
        video, out, fps=fps, height=54, quality=90, seconds=seconds, terms="open"
    )


@pytest.mark.parametrize(
    ("name", "first", "count"),
    [("clean.mkv", 0, 300), ("clean.mp4", 0, 300), ("edit.mp4", 57, 243)],
)
@pytest.mark.parametrize("fps", [0.5, 1, 2, 8, 25, 30])
def test_the_first_frame_at_or_after_every_step_is_stored(
    files: Path, tmp_path: Path, read_number: Reader, name: str, first: int, count: int, fps: float
) -> None:
    written = write(files / name, tmp_path / "film.parquet", fps)
    grid = np.arange(0, count / 25, 1 / fps)
    wanted = np.unique(np.ceil(grid * 25 - 1e-6)).astype(int)
    wanted = wanted[wanted < count]
    assert np.allclose(written.times, wanted / 25, atol=0.001)
    store = FrameStore(tmp_path)
    assert list(store.times("film")) == written.times
    pictures = store.images("film", written.times)
    assert [read_number(picture) for picture in pictures] == list(wanted + first)


def test_the_same_video_and_settings_give_the_same_bytes(files: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(files / "clean.mkv", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_row_group_holds_one_stretch_of_seconds(files: Path, tmp_path: Path) -> None:
    write(files / "clean.mkv", tmp_path / "film", fps=2, seconds=5)
    with pq.ParquetFile(tmp_path / "film") as file:
        groups = [file.read_row_group(group) for group in range(file.num_row_groups)]
    assert [group["time"].to_pylist()[0] for group in groups] == [0, 5, 10]
    assert [group.num_rows for group in groups] == [10, 10, 4]
    assert set(groups[0]["width"].to_pylist()) == {96}
    assert set(groups[0]["height"].to_pylist()) == {54}


def test_a_pass_counts_what_it_saw(files: Path, tmp_path: Path) -> None:
    written = write(files / "edit.mp4", tmp_path / "film")
    assert (written.decoded, written.damaged) == (243, 0)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("garbled.mp4", r"cannot be decoded .* after 0:0[4-9]|no good picture until"),
        ("hole.mkv", r"no good picture until 0:0[89]"),
    ],
)
def test_a_damaged_video_is_named_with_the_place_and_leaves_no_file(
    broken: Callable[[str], Path], tmp_path: Path, name: str, sentence: str
) -> None:
    out = tmp_path / "frames" / "film.parquet"
    with pytest.raises(InputError, match=f"{name}: ({sentence})"):
        write(broken(name), out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("degrees", TURNS)
def test_a_film_of_a_turned_phone_is_stored_upright(
    files: Path, tmp_path: Path, read_number: Reader, degrees: int
) -> None:
    write(turned(files / "clean.mp4", tmp_path / "phone.mp4", degrees), tmp_path / "film.parquet")
    (picture,) = FrameStore(tmp_path).images("film", [5.0])
    assert picture.size == ((30, 54) if degrees % 180 else (96, 54))
    assert read_number(picture.rotate(degrees, expand=True)) == 125

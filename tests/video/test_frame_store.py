import io
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from touchline.errors import InputError
from touchline.video import frame_store as room
from touchline.video.decode import decode_frames_at
from touchline.video.frame_store import FrameStore, digest_image, get_frame_store_path
from touchline.video.write_store import write_frame_store

Reader = Callable[[Image.Image], int]
VIDEO = "cup/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley/1"


@pytest.fixture
def store(files: Path, tmp_path: Path) -> FrameStore:
    write_frame_store(
        files / "clean.mkv", get_frame_store_path(tmp_path, VIDEO), 1, 108, 90, 5, "open"
    )
    return FrameStore(tmp_path)


def test_the_nearest_stored_frame_comes_back(store: FrameStore, read_number: Reader) -> None:
    times = [0.0, 0.4, 0.6, 4.4, 4.6, 9.0, 11.0, 3.0]
    numbers = [read_number(picture) for picture in store.images(VIDEO, times)]
    assert numbers == [0, 0, 25, 100, 125, 225, 275, 75]


def test_the_last_frame_stands_until_the_video_ends(store: FrameStore, read_number: Reader) -> None:
    assert [read_number(picture) for picture in store.images(VIDEO, [11.9, 12.0])] == [275, 275]


@pytest.mark.parametrize("time", [-1.0, 12.5, 60.0])
def test_a_time_outside_the_video_is_refused(store: FrameStore, time: float) -> None:
    with pytest.raises(InputError, match=r"stored from 0 to 12 s only; ask within the video"):
        store.images(VIDEO, [time])


def test_a_video_without_frames_is_named(store: FrameStore) -> None:
    with pytest.raises(InputError, match=r"cup/2: is not in the frame store .*; rerun chunk"):
        store.times("cup/2")


@pytest.mark.parametrize("video", ["../x", "a/../../x", "/etc/x", "a//b", "", ".", "a/"])
def test_no_video_id_leaves_the_folder(tmp_path: Path, video: str) -> None:
    with pytest.raises(InputError, match="not a safe file name"):
        get_frame_store_path(tmp_path, video)


def test_ids_have_files_of_their_own(tmp_path: Path) -> None:
    ids = ["a/b", "a%2Fb", "a b", "a+b", "a\\b", "é", "a:b"]
    paths = {get_frame_store_path(tmp_path, video) for video in ids}
    assert len(paths) == len(ids)
    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_a_small_picture_shows_what_the_original_shows(
    store: FrameStore, files: Path, read_number: Reader
) -> None:
    [picture] = store.images(VIDEO, [7.0], size=(96, 54))
    [(_, original)] = decode_frames_at(files / "clean.mkv", [7.0], size=(96, 54))
    assert picture.size == (96, 54)
    assert read_number(picture) == read_number(original) == 175


@pytest.mark.parametrize("size", [None, (96, 54), (95, 54), (64, 32), (40, 20), (300, 200)])
def test_pictures_are_those_of_a_plain_jpeg_reader(
    store: FrameStore, tmp_path: Path, size: tuple[int, int] | None
) -> None:
    jpeg = pq.read_table(get_frame_store_path(tmp_path, VIDEO))["jpeg"][7].as_py()
    plain = Image.open(io.BytesIO(jpeg))
    if size:
        plain.draft("RGB", size)
        plain = plain.resize(size, Image.Resampling.BICUBIC)
    assert digest_image(store.images(VIDEO, [7.0], size)[0]) == digest_image(plain)


def test_a_frame_is_decoded_once_and_handed_out_as_a_copy(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = store.images(VIDEO, [3.0], size=(64, 32))
    before = digest_image(first)
    first.paste((255, 0, 0), (0, 0, 64, 32))
    monkeypatch.setattr(store, "_read", lambda video, numbers, size: [] if not numbers else 1 / 0)
    assert digest_image(store.images(VIDEO, [3.0], size=(64, 32))[0]) == before


def test_memory_for_frames_is_bounded(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_CACHE_BYTES", 3 * 64 * 32 * 4)
    for _ in range(2):
        store.images(VIDEO, [float(second) for second in range(12)], size=(64, 32))
        assert len(store.cache) == 4
        assert store.cached_bytes == 3 * 64 * 32 * 4


def test_equal_pictures_and_only_they_share_a_digest(store: FrameStore) -> None:
    same, again, other = store.images(VIDEO, [2.0, 2.1, 3.0])
    assert digest_image(same) == digest_image(again) != digest_image(other)

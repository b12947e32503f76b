"""A match that comes back under another name is known by its pictures; another match is not."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from touchline.checks.duplicate_matches.by_picture import (
    compute_motion_trace,
    find_duplicates_by_picture,
    match_motion_traces,
)
from touchline.sources.synthetic.render import plan_match, render_half
from touchline.video.frame_store import FrameStore, get_frame_store_path
from touchline.video.write_store import write_frame_store

pytestmark = pytest.mark.slow

SECONDS = 60
SIZES = (1.0, 72, 85, 60.0, "open")


def copied(source: Path, target: Path, bars: int = 0, skip: float = 0.0, crf: int = 38) -> None:
    """Encode again at 320x180 between black bars, without the first seconds."""
    with av.open(str(source)) as box, av.open(str(target), "w") as out:
        made = out.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "veryfast"})
        made.width, made.height, made.pix_fmt = 320, 180 + 2 * bars, "yuv420p"
        for frame in box.decode(video=0):
            if float(frame.time or 0) >= skip:
                canvas = Image.new("RGB", (320, 180 + 2 * bars))
                canvas.paste(frame.to_image(width=320, height=180), (0, bars))
                out.mux(made.encode(av.VideoFrame.from_image(canvas)))
        out.mux(made.encode())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[FrameStore, Path]:
    """The frame store of four soccer matches, `0/2` to `3/2`, and the folder of their videos."""
    folder = tmp_path_factory.mktemp("leaks")
    for index in range(4):
        render_half(plan_match("soccer", 7, index, SECONDS), 2, folder / str(index))
        [film] = (folder / str(index)).rglob("2_224p.mkv")
        write_frame_store(film, get_frame_store_path(folder / "frames", f"{index}/2"), *SIZES)
    return FrameStore(folder / "frames"), folder


def matches(store: FrameStore) -> dict[str, tuple[str, str]]:
    files = sorted(store.folder.rglob("*.parquet"))
    videos = [f"{file.parent.name}/{file.stem}" for file in files]
    return {video: ("soccer", video.split("/")[0]) for video in videos}


def test_matches_on_one_pitch_are_not_taken_for_each_other(stored: tuple[FrameStore, Path]):
    store, _ = stored
    assert len(matches(store)) == 4
    assert find_duplicates_by_picture(store.folder, matches(store)) == []


@pytest.mark.parametrize(
    ("number", "changed"),
    [(0, {}), (1, {"bars": 30}), (2, {"skip": 3.4}), (3, {"bars": 20, "skip": 7.6, "crf": 42})],
)
def test_a_copy_of_other_size_bitrate_bars_and_start_is_found(
    stored: tuple[FrameStore, Path], tmp_path: Path, number: int, changed: dict
):
    store, folder = stored
    [film] = (folder / str(number)).rglob("2_224p.mkv")
    copied(film, tmp_path / "holiday.mkv", **changed)
    write_frame_store(
        tmp_path / "holiday.mkv", get_frame_store_path(store.folder, "copy/holiday"), *SIZES
    )
    [pair] = find_duplicates_by_picture(store.folder, matches(store))
    get_frame_store_path(store.folder, "copy/holiday").unlink()
    assert (pair.one[1], pair.other[1]) == (str(number), "copy")
    assert pair.why.startswith("the same pictures: ")


def looks(seed: int, frames: int = 300) -> np.ndarray:
    """Scenes of a few seconds each, as a broadcast cuts them."""
    random = np.random.default_rng(seed)
    scene = np.sort(random.integers(0, frames // 6, frames))
    drawn = random.normal(120, 30, (frames // 6, 64))[scene] + random.normal(0, 3, (frames, 64))
    return np.clip(drawn, 0, 255).astype(np.uint8)


def test_black_and_short_videos_are_like_nothing():
    dark = [
        compute_motion_trace(("soccer", str(n)), np.zeros((90, 64), np.uint8)) for n in range(3)
    ]
    short = [compute_motion_trace(("soccer", f"s{n}"), looks(1)[:6]) for n in range(2)]
    assert match_motion_traces([*dark, *short]) == []
    assert match_motion_traces([]) == []


def test_halves_of_one_match_are_no_double_and_a_double_is_named_once():
    one, other = ("soccer", "one"), ("soccer", "other")
    traces = [
        compute_motion_trace(one, looks(1)),
        compute_motion_trace(one, looks(1)),
        compute_motion_trace(other, looks(1)),
    ]
    assert [pair[:2] for pair in match_motion_traces(traces)] == [(one, other)]


def several(count: int) -> Iterator[np.ndarray]:
    yield from (looks(seed) for seed in range(count))


def test_one_copy_among_two_hundred_videos_is_found_and_nothing_else():
    traces = [
        compute_motion_trace(("soccer", f"{n:03}"), seen) for n, seen in enumerate(several(200))
    ]
    noise = np.random.default_rng(5).normal(0, 6, (260, 64))
    copy = np.clip(looks(17)[40:] * 0.9 + 12 + noise, 0, 255).astype(np.uint8)
    [pair] = match_motion_traces([*traces, compute_motion_trace(("soccer", "copy"), copy)])
    assert pair[:2] == (("soccer", "017"), ("soccer", "copy"))
    assert pair.why.endswith("-40 frames apart")

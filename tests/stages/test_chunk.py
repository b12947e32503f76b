import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from stages.chunk import (
    NO_FRAMES_WRITTEN,
    ChunkParams,
    cut_video_into_clips,
    main,
    write_all_frames,
)
from touchline.errors import InputError
from touchline.records.clip import Clip
from touchline.records.table import read_records, write_records
from touchline.records.video import Video
from touchline.video.frame_store import FrameStore
from touchline.video.probe import describe_missing_video, probe_video_file

ROOT = Path(__file__).parents[2]
CHUNK = ChunkParams(seconds=6, stride=2, rest="overlap", fps=2, height=32, quality=85, workers=2)


def film(path: Path, seconds: float, seed: int) -> None:
    """A moving picture that nobody else has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as box:
        video = box.add_stream("libx264", rate=25, options={"preset": "ultrafast", "threads": "1"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        picture = np.random.default_rng(seed).integers(0, 255, (64, 96, 3), dtype=np.uint8)
        for number in range(round(seconds * 25)):
            rolled = np.roll(picture, number, axis=1)
            box.mux(video.encode(av.VideoFrame.from_ndarray(rolled, format="rgb24")))
        box.mux(video.encode())


def list_videos(folder: Path, paths: list[str]) -> None:
    """Write the manifest of the files below `folder/videos`."""
    rows = [
        Video(
            id=path.removesuffix(".mkv"), source="test", sport="soccer", match=path, part="1",
            path=path, licence="none", terms="open", **probe_video_file(folder / "videos" / path),
        )
        for path in paths
    ]  # fmt: skip
    write_records(folder / "manifest" / "videos.parquet", Video, rows)


@pytest.fixture(scope="module")
def matches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos of 20, 7.4 and 2 s, chunked by two workers into `out`."""
    folder = tmp_path_factory.mktemp("matches")
    for number, seconds in enumerate((20.0, 7.4, 2.0)):
        film(folder / "videos" / f"cup/m {number}.mkv", seconds, number)
    list_videos(folder, [f"cup/m {number}.mkv" for number in range(3)])
    (folder / "numbers.json").write_text(json.dumps(chunk(folder, folder / "out")))
    return folder


def chunk(folder: Path, out: Path, workers: int = 2) -> dict[str, float]:
    settings = CHUNK.model_copy(update={"workers": workers})
    paths = folder / "videos", folder / "manifest", out / "frames", out / "clips"
    return main(settings, *paths)


def test_every_video_gets_clips_and_a_line_in_the_ledger(matches: Path) -> None:
    clips = read_records(matches / "out/clips/clips.parquet", Clip)
    ledger = pq.read_table(matches / "out/clips/ledger.parquet").to_pylist()
    fates = [(row["row"], row["state"], row["reason"]) for row in ledger]
    assert fates[1:] == [("cup/m 1", "split", "into 2 clips"), ("cup/m 2", "split", "into 1 clips")]
    spans = [(clip.start, clip.end, clip.overlaps) for clip in clips if clip.video == "cup/m 1"]
    assert spans == [(0, 6, False), (1.4, 7.4, True)]
    last = clips[-1]
    assert (last.id, last.match, last.sport) == ("cup/m 2@0-2", "cup/m 2.mkv", "soccer")


def test_a_clip_says_how_many_frames_the_store_holds_for_it(matches: Path) -> None:
    frames = FrameStore(matches / "out" / "frames")
    for clip in read_records(matches / "out/clips/clips.parquet", Clip):
        times = frames.times(clip.video)
        held = times[(times >= clip.start) & (times < clip.end)]
        first = np.ceil(clip.start * 2 - 1e-6)
        assert clip.frames == len(held) == np.ceil(clip.end * 2 - 1e-6) - first
        assert frames.images(clip.video, [clip.start, clip.end])[0].size == (48, 32)


def test_the_stage_counts_what_it_made(matches: Path) -> None:
    numbers = json.loads((matches / "numbers.json").read_text())
    clips = read_records(matches / "out/clips/clips.parquet", Clip)
    assert (numbers["rows"], numbers["split"], numbers["clips"]) == (3, 3, len(clips))
    assert (numbers["seconds"], numbers["frames"], numbers["damaged"]) == (29.4, 59, 0)
    assert numbers["overlapping"] == sum(clip.overlaps for clip in clips)


def test_the_products_are_the_same_byte_for_byte(matches: Path, tmp_path: Path) -> None:
    chunk(matches, tmp_path, workers=1)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.parquet"))
    assert len(files) == 3 + 2
    for file in files:
        assert (tmp_path / file).read_bytes() == (matches / "out" / file).read_bytes()


@pytest.mark.parametrize("duration", [0.0, 4e-7])  # the clips' times are whole microseconds
def test_a_video_that_lasts_no_time_is_refused_by_name(matches: Path, duration: float) -> None:
    (video, *_) = read_records(matches / "manifest/videos.parquet", Video)
    nothing = Video(**{**vars(video), "duration": duration})
    with pytest.raises(InputError, match=f"video {re.escape(video.id)}: lasts {duration:g} s"):
        list(cut_video_into_clips(CHUNK, nothing, NO_FRAMES_WRITTEN))


def test_a_video_that_is_not_here_has_clips_without_frames(matches: Path, tmp_path: Path) -> None:
    found = read_records(matches / "manifest/videos.parquet", Video)
    away = Video(**{**vars(found[0]), "id": "away", "path": "", **describe_missing_video(13.0)})
    write_records(tmp_path / "manifest/videos.parquet", Video, [found[2], away])
    (tmp_path / "videos").symlink_to(matches / "videos")
    numbers = chunk(tmp_path, tmp_path / "out", workers=1)
    clips = [
        c for c in read_records(tmp_path / "out/clips/clips.parquet", Clip) if c.video == "away"
    ]
    assert [(c.end, c.frames) for c in clips] == [(6, 0), (8, 0), (10, 0), (12, 0), (13, 0)]
    assert numbers["clips_without_frames"] == len(clips) and numbers["frames"] == 4
    assert [path.stem for path in (tmp_path / "out/frames").rglob("*.parquet")] == ["m 2"]


def test_any_executor_does_the_work(matches: Path, tmp_path: Path) -> None:
    found = read_records(matches / "manifest/videos.parquet", Video)
    with ThreadPoolExecutor(2) as executor:
        passes = write_all_frames(executor, CHUNK, found, matches / "videos", tmp_path)
    assert [len(passed.times) for passed in passes] == [40, 15, 4]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_video_stops_the_stage_by_name_and_leaves_no_product(
    tmp_path: Path, workers: int
) -> None:
    film(tmp_path / "videos/m.mkv", 8, 0)
    list_videos(tmp_path, ["m.mkv"])
    whole = (tmp_path / "videos/m.mkv").read_bytes()
    (tmp_path / "videos/m.mkv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"m.mkv: .* of 200 frames cannot be decoded; fetch it"):
        chunk(tmp_path, tmp_path / "out", workers)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
    assert not (tmp_path / "out/frames").exists()


def test_a_video_that_vanished_is_named(tmp_path: Path) -> None:
    film(tmp_path / "videos/m.mkv", 1, 0)
    list_videos(tmp_path, ["m.mkv"])
    (tmp_path / "videos/m.mkv").unlink()
    with pytest.raises(InputError, match=r"m.mkv: there is no such file"):
        chunk(tmp_path, tmp_path / "out", workers=1)


@pytest.mark.skipif(sys.platform != "linux", reason="children die by a signal of Linux")
def test_no_worker_outlives_a_killed_stage(tmp_path: Path) -> None:
    film(tmp_path / "videos/long.mkv", 20, 0)
    list_videos(tmp_path, ["long.mkv"])
    rows = read_records(tmp_path / "manifest/videos.parquet", Video)
    many = [Video(**{**vars(rows[0]), "id": f"v{number}"}) for number in range(200)]
    write_records(tmp_path / "manifest/videos.parquet", Video, many)
    section = "\n".join(f"  {key}: {value}" for key, value in CHUNK.model_dump().items())
    (tmp_path / "params.yaml").write_text(f"chunk:\n{section}\n")
    flags = [f"--{name}={tmp_path / name}" for name in ("videos", "manifest", "frames", "clips")]
    command = [sys.executable, "-m", "stages.chunk", *flags, f"--metrics={tmp_path / 'm.json'}"]
    stage = subprocess.Popen([*command, f"--params={tmp_path / 'params.yaml'}"], cwd=ROOT)
    assert wait_for(lambda: list(tmp_path.glob(".frames.*.part/v*.parquet")))
    workers = children(stage.pid)
    assert len(workers) >= 2
    os.kill(stage.pid, signal.SIGKILL)
    stage.wait()
    assert wait_for(lambda: not any(alive(pid) for pid in workers), 2.0)
    assert not (tmp_path / "frames").exists()


def wait_for(ready: Callable[[], object], seconds: float = 60.0) -> object:
    end = time.monotonic() + seconds
    while not (found := ready()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def children(parent: int) -> list[int]:
    """Its worker processes and Python's resource tracker."""
    found = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for line in found for pid in line.read_text().split()]


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.realdata
def test_real_broadcasts_become_clips(realdata: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").symlink_to(realdata / "finebadminton/video")
    names = sorted(path.name for path in (realdata / "finebadminton/video").glob("*.mp4"))[:3]
    list_videos(tmp_path, names)
    numbers = chunk(tmp_path, tmp_path / "out", workers=1)
    clips = read_records(tmp_path / "out/clips/clips.parquet", Clip)
    assert numbers["rows"] == 3
    assert {clip.video for clip in clips} == set(names)
    frames = FrameStore(tmp_path / "out" / "frames")
    assert all(frames.images(clip.video, [clip.start])[0].size == (57, 32) for clip in clips)

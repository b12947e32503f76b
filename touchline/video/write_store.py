"""Write the frame store file of a video: one decoding pass, frames sampled at `fps`."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from touchline.atomic import atomic_file
from touchline.errors import InputError
from touchline.video.container import (
    REFETCH_REMEDY,
    compute_max_gap,
    find_first_frame_time,
    format_video_time,
    get_time_unit,
    open_video,
    rotate_upright,
)
from touchline.video.frame_store import FRAME_STORE_SCHEMA, STEP_METADATA_KEY, TERMS_METADATA_KEY
from touchline.video.thumbnail import ThumbnailMaker

PARQUET_OPTIONS = {"compression": "none", "use_dictionary": False, "write_statistics": ["time"]}


@dataclass(frozen=True)
class DecodingSummary:
    """What one decoding pass counted; `times` are those of the stored frames, in seconds."""

    times: list[float]
    decoded: int
    damaged: int


def write_frame_store(
    video: Path, out: Path, fps: float, height: int, quality: int, seconds: float, terms: str
) -> DecodingSummary:
    """Store the first intact frame at or after every multiple of 1/fps, in one decoding pass.

    Frames are scaled by FFmpeg to `height` pixels (aspect ratio kept), rotated upright, and saved
    as JPEG of `quality`. A Parquet row group holds `seconds` seconds; the file's metadata holds its
    licence `terms`. The bytes depend on the file and these settings only. Raises `InputError`
    naming the place if decoding fails or frames are missing.
    """
    decoding, encode = _DecodingPass(video, fps), _FrameEncoder(height, quality)
    schema = FRAME_STORE_SCHEMA.with_metadata(
        {STEP_METADATA_KEY: str(1 / fps).encode(), TERMS_METADATA_KEY: terms.encode()}
    )
    with atomic_file(out) as draft, pq.ParquetWriter(draft, schema, **PARQUET_OPTIONS) as file:
        for _, group in groupby(decoding, key=lambda kept: int(kept[0] / seconds)):
            rows = [(time, *encode(frame)) for time, frame in group]
            file.write_table(_build_frame_table(schema, rows))
    return DecodingSummary(decoding.times, decoding.decoded, decoding.damaged)


def _build_frame_table(
    schema: pa.Schema, rows: list[tuple[float, int, int, bytes, bytes]]
) -> pa.Table:
    """The Arrow table of rows, built from buffers: `pa.array` would import pandas, 1.7 CPU s in
    every worker.
    """
    times, widths, heights, jpegs, looks = zip(*rows, strict=True)
    ends = np.cumsum([0, *map(len, jpegs)], dtype=np.int32)
    buffers = [
        [np.array(times, np.float64)],
        [np.array(widths, np.int32)],
        [np.array(heights, np.int32)],
        [ends, b"".join(jpegs)],
        [b"".join(looks)],
    ]
    columns = [
        pa.Array.from_buffers(kind, len(rows), [None, *map(pa.py_buffer, parts)])
        for kind, parts in zip(schema.types, buffers, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


class _DecodingPass:
    """One decoding pass through a video: yields (time, frame) to store, and counts decoded and
    damaged frames.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.times: list[float] = []
        self.decoded = self.damaged = 0
        self.last_time = 0.0  # time of the last good frame

    def __iter__(self) -> Iterator[tuple[float, VideoFrame]]:
        step = 0  # the next multiple of 1/fps to be stored
        try:
            for time, frame in self._decode_good_frames():
                if time * self.fps >= step - 1e-6:
                    step = int(time * self.fps + 1e-6) + 1
                    self.times.append(time)
                    yield time, rotate_upright(frame)
        except InputError as fault:
            if not self.decoded:
                raise
            wrong = f"{fault.wrong} after {format_video_time(self.last_time)}"
            raise InputError(fault.place, wrong, fault.remedy) from fault

    def _decode_good_frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield (seconds since the first shown frame, frame) of the intact frames."""
        with open_video(self.path) as (container, video):
            start = find_first_frame_time(container, video)
        with open_video(self.path) as (container, video):
            limit, unit = compute_max_gap(1 / float(video.average_rate or 25)), get_time_unit(video)
            for frame in container.decode(video):
                self.decoded += 1
                if frame.pts is None or frame.is_corrupt:
                    self.damaged += 1
                    continue
                time = round(frame.pts * unit - start, 6)
                if time - self.last_time > limit:
                    raise InputError(
                        self.path,
                        f"no good picture until {format_video_time(time)}",
                        REFETCH_REMEDY,
                    )
                self.last_time = time
                yield time, frame
            if not self.times:
                raise InputError(self.path, "no picture could be decoded", REFETCH_REMEDY)


class _FrameEncoder:
    """Callable that turns a decoded frame into (width, height, JPEG bytes, thumbnail bytes)."""

    def __init__(self, height: int, quality: int) -> None:
        self.height, self.quality = height, quality
        self.scaler, self.make_thumbnail = VideoReformatter(), ThumbnailMaker()

    def __call__(self, frame: VideoFrame) -> tuple[int, int, bytes, bytes]:
        width = max(1, round(frame.width * self.height / frame.height))
        small = self.scaler.reformat(
            frame, width, self.height, "rgb24", interpolation="AREA", threads=1
        )
        file = io.BytesIO()
        [plane] = small.planes
        shape, raw = (width, self.height), ("raw", "RGB", plane.line_size, 1)
        image = Image.frombuffer("RGB", shape, bytes(plane), *raw)
        image.save(file, "JPEG", quality=self.quality)
        return width, self.height, file.getvalue(), self.make_thumbnail(small)

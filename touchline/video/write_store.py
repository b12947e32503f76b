"""Write a video's frame store file: one decoding pass, one frame per step kept."""

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
from touchline.video.container import AGAIN, clock, first_shown, opened, tick, too_long, upright
from touchline.video.frame_store import SCHEMA, STEP, TERMS
from touchline.video.thumbnail import Look

LAYOUT = {"compression": "none", "use_dictionary": False, "write_statistics": ["time"]}


@dataclass(frozen=True)
class Written:
    """What one decoding pass saw; `times` are those of the stored frames, in seconds."""

    times: list[float]
    decoded: int
    damaged: int


def write_frames(
    video: Path, out: Path, fps: float, height: int, quality: int, seconds: float, terms: str
) -> Written:
    """Store the first good frame at or after every multiple of 1/fps, in one decoding pass.

    Only kept frames leave YUV: FFmpeg scales them to `height` pixels (the width follows the
    video's shape), PIL writes them as JPEG of `quality`. A row group holds `seconds` seconds.
    A turned picture is put upright. The bytes depend on the file and these settings alone; the
    file says its `terms`.
    Raises `InputError` naming the place when decoding fails or the pictures have a hole.
    """
    seen, scale = _Pass(video, fps), _Scaler(height, quality)
    schema = SCHEMA.with_metadata({STEP: str(1 / fps).encode(), TERMS: terms.encode()})
    with atomic_file(out) as draft, pq.ParquetWriter(draft, schema, **LAYOUT) as file:
        for _, group in groupby(seen, key=lambda kept: int(kept[0] / seconds)):
            rows = [(time, *scale(frame)) for time, frame in group]
            file.write_table(_table(schema, rows))
    return Written(seen.times, seen.decoded, seen.damaged)


def _table(schema: pa.Schema, rows: list[tuple[float, int, int, bytes, bytes]]) -> pa.Table:
    """From buffers: `pa.array` would import pandas, 1.7 CPU s in every worker."""
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


class _Pass:
    """One run through a video: yields the kept frames, counts the others."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.times: list[float] = []
        self.decoded = self.damaged = 0
        self.last = 0.0  # time of the last good frame

    def __iter__(self) -> Iterator[tuple[float, VideoFrame]]:
        step = 0  # the next multiple of 1/fps to be stored
        try:
            for time, frame in self._good():
                if time * self.fps >= step - 1e-6:
                    step = int(time * self.fps + 1e-6) + 1
                    self.times.append(time)
                    yield time, upright(frame)
        except InputError as fault:
            if not self.decoded:
                raise
            wrong = f"{fault.wrong} after {clock(self.last)}"
            raise InputError(fault.place, wrong, fault.remedy) from fault

    def _good(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames that decoded whole, with seconds since the first shown frame."""
        with opened(self.path) as (box, video):
            start = first_shown(box, video)
        with opened(self.path) as (box, video):
            limit, unit = too_long(1 / float(video.average_rate or 25)), tick(video)
            for frame in box.decode(video):
                self.decoded += 1
                if frame.pts is None or frame.is_corrupt:
                    self.damaged += 1
                    continue
                time = round(frame.pts * unit - start, 6)
                if time - self.last > limit:
                    raise InputError(self.path, f"no good picture until {clock(time)}", AGAIN)
                self.last = time
                yield time, frame
            if not self.times:
                raise InputError(self.path, "no picture could be decoded", AGAIN)


class _Scaler:
    """From a decoded frame to the columns of its row."""

    def __init__(self, height: int, quality: int) -> None:
        self.height, self.quality = height, quality
        self.scaler, self.look = VideoReformatter(), Look()

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
        return width, self.height, file.getvalue(), self.look(small)

"""Write a video's frame store file: one decoding pass, one frame per step kept."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from touchline.faults import BadInput
from touchline.products import whole_file
from touchline.video.container import AGAIN, clock, first_shown, opened, tick, too_long
from touchline.video.store import SCHEMA, STEP

LAYOUT = {"compression": "none", "use_dictionary": False, "write_statistics": ["time"]}


@dataclass(frozen=True)
class Written:
    """What one decoding pass saw; `times` are those of the stored frames, in seconds."""

    times: list[float]
    decoded: int
    damaged: int


def write_frames(
    video: Path, out: Path, fps: float, height: int, quality: int, seconds: float
) -> Written:
    """Store the first good frame at or after every multiple of 1/fps, in one decoding pass.

    Only kept frames leave YUV: FFmpeg scales them to `height` pixels (the width follows the
    video's shape), PIL writes them as JPEG of `quality`. A row group holds `seconds` seconds.
    The bytes depend on the file and these numbers alone.
    Raises `BadInput` naming the place when decoding fails or the pictures have a hole.
    """
    seen = _Pass(video, fps)
    scale = _Scaler(height, quality)
    schema = SCHEMA.with_metadata({STEP: str(1 / fps).encode()})
    with whole_file(out) as draft, pq.ParquetWriter(draft, schema, **LAYOUT) as file:
        group: list[dict[str, object]] = []
        number = 0
        for time, frame in seen:
            if int(time / seconds) > number and group:
                file.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
            number = int(time / seconds)
            group.append({"time": time, **scale(frame)})
        file.write_table(pa.Table.from_pylist(group, schema=schema))
    return Written(seen.times, seen.decoded, seen.damaged)


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
                    yield time, frame
        except BadInput as fault:
            wrong = f"{fault.wrong} after {clock(self.last)}"
            raise BadInput(fault.place, wrong, fault.remedy) from fault

    def _good(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames that decoded whole, with seconds since the first shown frame."""
        with opened(self.path) as (box, video):
            start = first_shown(box, video)
        with opened(self.path) as (box, video):
            limit = too_long(1 / float(video.average_rate or 25))
            for frame in box.decode(video):
                self.decoded += 1
                if frame.pts is None or frame.is_corrupt:
                    self.damaged += 1
                    continue
                time = round(frame.pts * tick(video) - start, 6)
                if time - self.last > limit:
                    raise BadInput(self.path, f"no good picture until {clock(time)}", AGAIN)
                self.last = time
                yield time, frame
            if not self.times:
                raise BadInput(self.path, "no picture could be decoded", AGAIN)


class _Scaler:
    """From a decoded frame to the columns of its row."""

    def __init__(self, height: int, quality: int) -> None:
        self.height, self.quality = height, quality
        self.scaler = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> dict[str, object]:
        width = max(1, round(frame.width * self.height / frame.height))
        small = self.scaler.reformat(
            frame, width, self.height, "rgb24", interpolation="AREA", threads=1
        )
        file = io.BytesIO()
        small.to_image().save(file, "JPEG", quality=self.quality)
        return {"width": width, "height": self.height, "jpeg": file.getvalue()}

"""Index when a video file shows which frame, and decode exactly the frames between two times."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from touchline.errors import InputError
from touchline.video.container import (
    REFETCH_REMEDY,
    find_first_frame_time,
    get_time_unit,
    open_video,
)

SEEK_MARGIN = 1.0  # seconds: MP4 seeks by decoding time, which runs ahead of what is shown
TIME_TOLERANCE = 1e-3  # seconds: Matroska rounds times to milliseconds


@dataclass(frozen=True)
class FrameIndex:
    """Presentation times of a video's frames: `times` is ascending, in seconds from the first
    frame.
    """

    path: Path
    times: np.ndarray
    start: float  # of the first, by the file's own clock
    broken: bool  # the file ends before it says it does

    @property
    def end(self) -> float:
        """End of the last frame in seconds, assuming it lasts as long as the median frame."""
        return float(self.times[-1]) + float(np.median(np.diff(self.times)))

    def snap_to_frames(self, start: float, end: float) -> tuple[float, float]:
        """Snap a stretch to frame times: `start` moves back to the frame on screen at that time,
        `end` to the first frame at or after it, which is excluded.
        """
        first = max(int(np.searchsorted(self.times, start + TIME_TOLERANCE, side="right")) - 1, 0)
        after = int(np.searchsorted(self.times, end - TIME_TOLERANCE))
        last = float(self.times[after]) if after < len(self.times) else self.end
        return float(self.times[first]), last


def index_video_frames(path: Path) -> FrameIndex:
    """Index the frame times of a video by demuxing once, without decoding. A broken tail is left
    out (`broken`). Raises `InputError` for fewer than two frames.
    """
    with open_video(path) as (container, video):
        packets = (p for p in container.demux(video) if p.size and not p.is_discard)
        stamps = sorted(p.pts for p in packets if p.pts is not None)
        unit, claim = get_time_unit(video), (container.duration or 0) / 1e6
    if len(stamps) < 2:
        raise InputError(path, f"shows {len(stamps)} frames", REFETCH_REMEDY)
    times = np.array(stamps) * unit
    length = float(times[-1] - times[0])
    return FrameIndex(path, times - times[0], float(times[0]), claim > 1.05 * length + 1.0)


def decode_frames_between(
    frame_index: FrameIndex, start: float, end: float
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield (time, frame) for undamaged frames from `start` up to but excluding `end`, both in
    seconds.

    The first frame is the one on screen at `start`. If it is damaged, the next good frame is
    yielded with the damaged frame's time.
    """
    first = start
    for time, frame in _decode_from(frame_index, start):
        if time >= end - TIME_TOLERANCE:
            return
        if time >= start - TIME_TOLERANCE:
            yield (first if first is not None else time), frame
            first = None


def _decode_from(frame_index: FrameIndex, start: float) -> Iterator[tuple[float, VideoFrame]]:
    """Decoded frames, from before `start` on."""
    with open_video(frame_index.path) as (container, video):
        find_first_frame_time(
            container, video
        )  # some containers know their index only once they are read
        for back in (SEEK_MARGIN, 10 * SEEK_MARGIN, None):
            _seek_before(container, frame_index, start, back)
            decoded = _decode_undamaged(container, video, frame_index.start)
            first = next(decoded, None)
            if first is not None and (first[0] <= start + TIME_TOLERANCE or back is None):
                yield first
                yield from decoded
                return


def _seek_before(container, frame_index: FrameIndex, start: float, back: float | None) -> None:
    second = 0.0 if back is None else max(start - back, 0.0) + frame_index.start
    container.seek(int((second if start > (back or 0) else 0.0) * 1e6), backward=True)


def _decode_undamaged(container, video, zero: float) -> Iterator[tuple[float, VideoFrame]]:
    unit = get_time_unit(video)
    for frame in container.decode(video):
        if frame.pts is not None and not frame.is_corrupt:
            yield frame.pts * unit - zero, frame

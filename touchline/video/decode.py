"""Decode frames of a video file by presentation time, never by frame number."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from touchline.errors import InputError
from touchline.video.container import (
    REFETCH_REMEDY,
    compute_max_gap,
    find_first_frame_time,
    format_video_time,
    get_time_unit,
    open_video,
)
from touchline.video.probe import scan_packets

TimedImages = Iterator[tuple[float, Image.Image]]
SEEK_MARGIN = 1.0  # seconds: MP4 seeks by decoding time, which runs ahead of what is shown


def decode_frames_at(
    path: Path,
    times: Sequence[float],
    decoder: str = "pyav",
    size: tuple[int, int] | None = None,
    keyframes: Sequence[float] = (),
) -> TimedImages:
    """Yield (time, RGB image) of the shown frame nearest to each time.

    `times` must ascend; they and `keyframes` are seconds from the first shown frame. `size` is
    (width, height), None for the original's. With `keyframes` (from `Video`) the decoder seeks to
    distant times, else it decodes everything. Single-threaded. Raises `InputError` if the file
    cannot be decoded there or shows nothing at that time.
    """
    if decoder not in DECODERS:
        raise InputError(decoder, "there is no such decoder", f"choose one of {sorted(DECODERS)}")
    if any(b < a for a, b in pairwise(times)):
        raise InputError(path, f"times do not ascend: {list(times)}", "sort them")
    for shown_time, image in DECODERS[decoder](path, times, keyframes) if times else ():
        yield shown_time, image.resize(size, Image.Resampling.BICUBIC) if size else image


def _decode_with_pyav(
    path: Path, times: Sequence[float], keyframes: Sequence[float]
) -> TimedImages:
    with open_video(path) as (container, video):
        start = find_first_frame_time(container, video)
        frame_seconds = 1 / float(video.average_rate or 25)
        cursor = _FrameCursor(container, video, start, keyframes)
        for time in times:
            cursor.advance_to(time - frame_seconds / 2)
            nearest = cursor.frame
            if nearest is None or abs(cursor.current_time - time) > compute_max_gap(frame_seconds):
                raise InputError(
                    path, f"shows nothing at {format_video_time(time)}", REFETCH_REMEDY
                )
            yield cursor.current_time, nearest.to_image()


class _FrameCursor:
    """A forward-only cursor over the frames of one open file; `frame` is the current one."""

    def __init__(
        self, box: InputContainer, video: VideoStream, start: float, keyframes: Sequence[float]
    ) -> None:
        self.box, self.video, self.start = box, video, start
        self.keyframes = np.array(keyframes)
        self.frame: VideoFrame | None = None
        self.current_time = -np.inf

    def advance_to(self, time: float) -> None:
        """Decode up to the first intact frame at or after `time`, or to the last one."""
        if self._needs_seek(time):
            self._seek_before(time - SEEK_MARGIN)
            if self.current_time > time:  # the file's index is wrong: read it all
                self._seek_before(-np.inf)
        while self.current_time < time and self._step():
            pass

    def _needs_seek(self, time: float) -> bool:
        if self.frame is None:
            return True
        ahead = self.keyframes[self.keyframes <= time - SEEK_MARGIN]
        return len(ahead) > 0 and ahead[-1] > self.current_time

    def _seek_before(self, time: float) -> None:
        second = max(time, 0.0) + self.start if time > 0 else 0.0
        self.box.seek(int(second * 1e6), backward=True)
        self.frames, self.current_time = self.box.decode(self.video), -np.inf
        self._step()

    def _step(self) -> bool:
        for frame in self.frames:
            if frame.pts is not None and not frame.is_corrupt:
                self.frame = frame
                self.current_time = frame.pts * get_time_unit(self.video) - self.start
                return True
        return False


def _decode_with_decord(
    path: Path, times: Sequence[float], keyframes: Sequence[float]
) -> TimedImages:
    """Decode with decord, which counts frames: a file whose count and times disagree is refused.

    The reader is closed after each call, because an idle one keeps decoding and uses gigabytes
    (dmlc/decord#157, #208).
    """
    packet_scan = scan_packets(path)
    if packet_scan.packets != len(packet_scan.times):
        wrong = "has an edit list, on which decord returns wrong frames"
        raise InputError(path, wrong, "use the decoder pyav")
    shown_times = packet_scan.times - packet_scan.times[0]
    indices = np.searchsorted(shown_times, np.array(times) - packet_scan.frame_seconds / 2)
    indices = np.minimum(indices, len(shown_times) - 1)
    for time, index in zip(times, indices, strict=True):
        if abs(shown_times[index] - time) > compute_max_gap(packet_scan.frame_seconds):
            raise InputError(path, f"shows nothing at {format_video_time(time)}", REFETCH_REMEDY)
    batch = _read_decord_batch(path, indices, len(shown_times))
    for index, picture in zip(indices, batch, strict=True):
        yield float(shown_times[index]), Image.fromarray(picture)


def _read_decord_batch(path: Path, indices: np.ndarray, count: int) -> np.ndarray:
    import decord  # here: it brings a whole FFmpeg of its own into the process

    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        if len(reader) != count:
            wrong = f"decord counts {len(reader)} frames where {count} are shown"
            raise InputError(path, wrong, "use the decoder pyav")
        return reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(path, f"decord cannot decode it ({first})", REFETCH_REMEDY) from error


DECODERS: dict[str, Callable[[Path, Sequence[float], Sequence[float]], TimedImages]] = {
    "pyav": _decode_with_pyav,
    "decord": _decode_with_decord,
}

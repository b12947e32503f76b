"""Pictures from the original file, addressed by presentation time and never by frame number."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from touchline.errors import InputError
from touchline.video.container import AGAIN, clock, first_shown, opened, tick, too_long
from touchline.video.probe import scan

Pictures = Iterator[tuple[float, Image.Image]]
MARGIN = 1.0  # seconds: MP4 seeks by decoding time, which runs ahead of what is shown


def frames_at(
    path: Path,
    times: Sequence[float],
    decoder: str = "pyav",
    size: tuple[int, int] | None = None,
    keyframes: Sequence[float] = (),
) -> Pictures:
    """The shown frame nearest to each time, with its own time, in RGB.

    `times` ascend and count, like `keyframes`, in seconds from the first shown frame; `size` is
    (width, height), the original's when None. With `keyframes` (from `Video`) a far time is jumped
    to, else everything from the first time on is decoded. One thread.
    Raises `InputError` when the file cannot be decoded there or shows nothing at that time.
    """
    if decoder not in DECODERS:
        raise InputError(decoder, "there is no such decoder", f"choose one of {sorted(DECODERS)}")
    if any(b < a for a, b in pairwise(times)):
        raise InputError(path, f"times do not ascend: {list(times)}", "sort them")
    for now, full in DECODERS[decoder](path, times, keyframes) if times else ():
        yield now, full.resize(size, Image.Resampling.BICUBIC) if size else full


def _pyav(path: Path, times: Sequence[float], keyframes: Sequence[float]) -> Pictures:
    with opened(path) as (box, video):
        start = first_shown(box, video)
        frame = 1 / float(video.average_rate or 25)
        shown = _Shown(box, video, start, keyframes)
        for time in times:
            shown.forward(time - frame / 2)
            found = shown.frame
            if found is None or abs(shown.now - time) > too_long(frame):
                raise InputError(path, f"shows nothing at {clock(time)}", AGAIN)
            yield shown.now, found.to_image()


class _Shown:
    """The frame on the screen of one open file; it can only go forward."""

    def __init__(
        self, box: InputContainer, video: VideoStream, start: float, keyframes: Sequence[float]
    ) -> None:
        self.box, self.video, self.start = box, video, start
        self.keyframes = np.array(keyframes)
        self.frame: VideoFrame | None = None
        self.now = -np.inf

    def forward(self, time: float) -> None:
        """Go on to the first good frame at or after `time`, or to the last one."""
        if self._far(time):
            self._jump(time - MARGIN)
            if self.now > time:  # the file's index is wrong: read it all
                self._jump(-np.inf)
        while self.now < time and self._step():
            pass

    def _far(self, time: float) -> bool:
        if self.frame is None:
            return True
        ahead = self.keyframes[self.keyframes <= time - MARGIN]
        return len(ahead) > 0 and ahead[-1] > self.now

    def _jump(self, time: float) -> None:
        second = max(time, 0.0) + self.start if time > 0 else 0.0
        self.box.seek(int(second * 1e6), backward=True)
        self.frames, self.now = self.box.decode(self.video), -np.inf
        self._step()

    def _step(self) -> bool:
        for frame in self.frames:
            if frame.pts is not None and not frame.is_corrupt:
                self.frame = frame
                self.now = frame.pts * tick(self.video) - self.start
                return True
        return False


def _decord(path: Path, times: Sequence[float], keyframes: Sequence[float]) -> Pictures:
    """decord counts frames, so a file where count and time part is refused.

    The reader lives for this call only: an idle one decodes on in the background and takes
    gigabytes (dmlc/decord#157, #208).
    """
    clean = scan(path)
    if clean.packets != len(clean.times):
        wrong = "has an edit list, on which decord returns wrong frames"
        raise InputError(path, wrong, "use the decoder pyav")
    shown = clean.times - clean.times[0]
    indices = np.searchsorted(shown, np.array(times) - clean.frame / 2)
    indices = np.minimum(indices, len(shown) - 1)
    for time, index in zip(times, indices, strict=True):
        if abs(shown[index] - time) > too_long(clean.frame):
            raise InputError(path, f"shows nothing at {clock(time)}", AGAIN)
    batch = _batch(path, indices, len(shown))
    for index, picture in zip(indices, batch, strict=True):
        yield float(shown[index]), Image.fromarray(picture)


def _batch(path: Path, indices: np.ndarray, count: int) -> np.ndarray:
    import decord  # here: it brings a whole FFmpeg of its own into the process

    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        if len(reader) != count:
            wrong = f"decord counts {len(reader)} frames where {count} are shown"
            raise InputError(path, wrong, "use the decoder pyav")
        return reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise InputError(path, f"decord cannot decode it ({first})", AGAIN) from error


DECODERS: dict[str, Callable[[Path, Sequence[float], Sequence[float]], Pictures]] = {
    "pyav": _pyav,
    "decord": _decord,
}

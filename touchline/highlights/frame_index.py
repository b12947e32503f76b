"""Which frames a file shows when, and the exact frames between two times of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from touchline.errors import BadInput
from touchline.video.container import AGAIN, first_shown, opened, tick

MARGIN = 1.0  # seconds: MP4 seeks by decoding time, which runs ahead of what is shown
SAME = 1e-3  # seconds: Matroska rounds times to milliseconds


@dataclass(frozen=True)
class Shown:
    """Presentation times of the shown frames, ascending seconds from the first of them."""

    path: Path
    times: np.ndarray
    start: float  # of the first, by the file's own clock
    broken: bool  # the file ends before it says it does

    @property
    def end(self) -> float:
        """When the last frame goes, taking it to stay as long as frames do."""
        return float(self.times[-1]) + float(np.median(np.diff(self.times)))

    def exact(self, start: float, end: float) -> tuple[float, float]:
        """A stretch moved to frames: from the frame on the screen at `start` to the first after.

        The end is the time of the first frame at or after `end`, which is not shown any more.
        """
        first = max(int(np.searchsorted(self.times, start + SAME, side="right")) - 1, 0)
        after = int(np.searchsorted(self.times, end - SAME))
        last = float(self.times[after]) if after < len(self.times) else self.end
        return float(self.times[first]), last


def shown(path: Path) -> Shown:
    """One demux, no decoding; a broken tail is left out."""
    with opened(path) as (box, video):
        packets = (p for p in box.demux(video) if p.size and not p.is_discard)
        stamps = sorted(p.pts for p in packets if p.pts is not None)
        unit, claim = tick(video), (box.duration or 0) / 1e6
    if len(stamps) < 2:
        raise BadInput(path, f"shows {len(stamps)} frames", AGAIN)
    times = np.array(stamps) * unit
    length = float(times[-1] - times[0])
    return Shown(path, times - times[0], float(times[0]), claim > 1.05 * length + 1.0)


def frames(found: Shown, start: float, end: float) -> Iterator[tuple[float, VideoFrame]]:
    """The good frames from `start` on and before `end`, with their times; both are exact.

    The first frame is the one on the screen at `start`, even if it is damaged no later one is
    taken for it: its time stays, its picture is the first good one after it.
    """
    first = start
    for time, frame in _from(found, start):
        if time >= end - SAME:
            return
        if time >= start - SAME:
            yield (first if first is not None else time), frame
            first = None


def _from(found: Shown, start: float) -> Iterator[tuple[float, VideoFrame]]:
    """Decoded frames, from before `start` on."""
    with opened(found.path) as (box, video):
        first_shown(box, video)  # some containers know their index only once they are read
        for back in (MARGIN, 10 * MARGIN, None):
            _seek(box, found, start, back)
            decoded = _good(box, video, found.start)
            head = next(decoded, None)
            if head is not None and (head[0] <= start + SAME or back is None):
                yield head
                yield from decoded
                return


def _seek(box, found: Shown, start: float, back: float | None) -> None:
    second = 0.0 if back is None else max(start - back, 0.0) + found.start
    box.seek(int((second if start > (back or 0) else 0.0) * 1e6), backward=True)


def _good(box, video, zero: float) -> Iterator[tuple[float, VideoFrame]]:
    unit = tick(video)
    for frame in box.decode(video):
        if frame.pts is not None and not frame.is_corrupt:
            yield frame.pts * unit - zero, frame

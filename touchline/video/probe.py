"""What a video file is, from its packets alone: one demux, no decoding."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from touchline.errors import InputError
from touchline.video.container import AGAIN, clock, opened, tick, too_long


@dataclass(frozen=True)
class Scan:
    """Presentation times of a file's frames, seconds; `keyframes` count from the first shown."""

    codec: str
    width: int
    height: int
    times: np.ndarray  # of the shown frames, ascending, as in the container
    packets: int  # shown or not
    keyframes: list[float]

    @property
    def frame(self) -> float:
        """How long a frame stays, on average."""
        return float(self.times[-1] - self.times[0]) / (len(self.times) - 1)

    @property
    def longest_gap(self) -> float:
        return float(np.diff(self.times).max())


def facts(path: Path) -> dict[str, Any]:
    """The fields of `Video` from `sha256` on; costs about 0.01 CPU s per minute of video.

    A packet that the container marks as discarded is decoded but not shown, so what is left are
    exactly the frames a decoder shows (checked against PyAV on clean, edit-list and real files).
    Raises `InputError` for a file that is empty, no video, sound only, cut off, or has a hole.
    """
    seen = scan(path)
    count, frame = len(seen.times), seen.frame
    return {
        "sha256": _sha256(path),
        "bytes": path.stat().st_size,
        "codec": seen.codec,
        "width": seen.width,
        "height": seen.height,
        "fps": round(1 / frame, 6),
        "frames": count,
        "duration": round(count * frame, 6),
        "start": round(float(seen.times[0]), 6),
        "longest_gap": round(seen.longest_gap, 6),
        "edit_list": seen.packets != count,
        "keyframes": seen.keyframes,
    }


def unseen(duration: float) -> dict[str, Any]:
    """The same fields of a video whose file is not here: how long it lasts, and no frame."""
    none = {"sha256": "", "bytes": 0, "codec": "", "width": 0, "height": 0, "fps": 0.0, "frames": 0}
    times = {"start": 0.0, "longest_gap": 0.0, "edit_list": False, "keyframes": []}
    return {**none, "duration": duration, **times}


def scan(path: Path) -> Scan:
    """Read all packets; a `InputError` when the file breaks off, has a hole or lacks times."""
    with opened(path) as (box, video):
        found, end = _packets(path, box, video)
        claim = _claim(box, video)
    _whole(path, found, end, claim)
    return found


def _packets(path: Path, box: InputContainer, video: VideoStream) -> tuple[Scan, float]:
    """The scan, and the second at which the last packet of any stream begins."""
    shown: list[int] = []
    keys: list[int] = []
    packets, end = 0, 0.0
    for packet in box.demux():
        if packet.size == 0:  # the flush at the end
            continue
        if packet.pts is None:
            if packet.stream is video:
                raise InputError(path, "its frames carry no times", "remux it to MKV or MP4")
            continue
        end = max(end, float(packet.pts * packet.time_base))
        if packet.stream is not video:
            continue
        packets += 1
        if not packet.is_discard:
            shown.append(packet.pts)
        if packet.is_keyframe:
            keys.append(packet.pts)
    if len(shown) < 2:
        raise InputError(path, f"shows {len(shown)} frames", "give a moving picture")
    unit = tick(video)
    times = np.sort(np.array(shown)) * unit
    keyframes = [round(key * unit - float(times[0]), 6) for key in sorted(keys)]
    size = (video.codec_context.width, video.codec_context.height)
    return Scan(video.codec_context.name, *size, times, packets, keyframes), end


def _claim(box: InputContainer, video: VideoStream) -> float:
    """The second at which the file says it ends, 0 when it does not say."""
    if video.duration:
        start = max(video.start_time or 0, 0)
        return (start + video.duration) * tick(video)
    return box.duration / 1e6 if box.duration and "matroska" in box.format.name else 0.0


def _whole(path: Path, found: Scan, end: float, claim: float) -> None:
    limit, origin = too_long(found.frame), float(found.times[0])
    if claim - end > limit:
        wrong = f"breaks off at {clock(end)} of {clock(claim)}"
        raise InputError(path, wrong, AGAIN)
    if found.longest_gap > limit:
        at = int(np.diff(found.times).argmax())
        hole = [clock(float(t) - origin) for t in found.times[at : at + 2]]
        raise InputError(path, f"shows nothing from {hole[0]} to {hole[1]}: it is damaged", AGAIN)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

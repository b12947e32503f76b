"""Facts about a video file, read from its packets: one demux pass, no decoding."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from touchline.errors import InputError
from touchline.video.container import (
    REFETCH_REMEDY,
    compute_max_gap,
    format_video_time,
    get_time_unit,
    open_video,
)


@dataclass(frozen=True)
class PacketScan:
    """Presentation times of a file's frames in seconds; `keyframes` are counted from the first
    shown frame.
    """

    codec: str
    width: int
    height: int
    times: np.ndarray  # of the shown frames, ascending, as in the container
    packets: int  # shown or not
    keyframes: list[float]

    @property
    def frame_seconds(self) -> float:
        """Average duration of a frame in seconds."""
        return float(self.times[-1] - self.times[0]) / (len(self.times) - 1)

    @property
    def longest_gap(self) -> float:
        return float(np.diff(self.times).max())


def probe_video_file(path: Path) -> dict[str, Any]:
    """The fields of `Video` from `sha256` on, as a dict; costs about 0.01 CPU s per minute of
    video.

    Discarded packets are decoded but not shown, so the rest are exactly the frames that a decoder
    shows (checked against PyAV on clean, edit-list and real files). Raises `InputError` for a file
    that is empty, not a video, audio only, truncated, or has a gap.
    """
    packet_scan = scan_packets(path)
    count, frame_seconds = len(packet_scan.times), packet_scan.frame_seconds
    return {
        "sha256": _sha256(path),
        "bytes": path.stat().st_size,
        "codec": packet_scan.codec,
        "width": packet_scan.width,
        "height": packet_scan.height,
        "fps": round(1 / frame_seconds, 6),
        "frames": count,
        "duration": round(count * frame_seconds, 6),
        "start": round(float(packet_scan.times[0]), 6),
        "longest_gap": round(packet_scan.longest_gap, 6),
        "edit_list": packet_scan.packets != count,
        "keyframes": packet_scan.keyframes,
    }


def describe_missing_video(duration: float) -> dict[str, Any]:
    """The same fields for a video whose file is not available: its duration, and no frames."""
    none = {"sha256": "", "bytes": 0, "codec": "", "width": 0, "height": 0, "fps": 0.0, "frames": 0}
    times = {"start": 0.0, "longest_gap": 0.0, "edit_list": False, "keyframes": []}
    return {**none, "duration": duration, **times}


def scan_packets(path: Path) -> PacketScan:
    """Read all packets. Raises `InputError` if the file is truncated, has a gap or lacks
    timestamps.
    """
    with open_video(path) as (container, video):
        packet_scan, end = _read_packets(path, container, video)
        stated_end = _read_stated_end(container, video)
    _check_complete(path, packet_scan, end, stated_end)
    return packet_scan


def _read_packets(
    path: Path, container: InputContainer, video: VideoStream
) -> tuple[PacketScan, float]:
    """(the scan, start in seconds of the last packet of any stream)."""
    shown: list[int] = []
    keys: list[int] = []
    packets, end = 0, 0.0
    for packet in container.demux():
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
    unit = get_time_unit(video)
    times = np.sort(np.array(shown)) * unit
    keyframes = [round(key * unit - float(times[0]), 6) for key in sorted(keys)]
    scan = PacketScan(
        codec=video.codec_context.name,
        width=video.codec_context.width,
        height=video.codec_context.height,
        times=times,
        packets=packets,
        keyframes=keyframes,
    )
    return scan, end


def _read_stated_end(container: InputContainer, video: VideoStream) -> float:
    """The end of the video in seconds as the container states it; 0 if it does not."""
    if video.duration:
        start = max(video.start_time or 0, 0)
        return (start + video.duration) * get_time_unit(video)
    return (
        container.duration / 1e6
        if container.duration and "matroska" in container.format.name
        else 0.0
    )


def _check_complete(path: Path, packet_scan: PacketScan, end: float, stated_end: float) -> None:
    limit, origin = compute_max_gap(packet_scan.frame_seconds), float(packet_scan.times[0])
    if stated_end - end > limit:
        wrong = f"breaks off at {format_video_time(end)} of {format_video_time(stated_end)}"
        raise InputError(path, wrong, REFETCH_REMEDY)
    if packet_scan.longest_gap > limit:
        at = int(np.diff(packet_scan.times).argmax())
        gap = [format_video_time(float(t) - origin) for t in packet_scan.times[at : at + 2]]
        raise InputError(
            path, f"shows nothing from {gap[0]} to {gap[1]}: it is damaged", REFETCH_REMEDY
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Open a video file with PyAV; the border where a decoder's error becomes a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.filter import Graph
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from touchline.errors import InputError

REORDERED = 17  # packets among which the first shown frame is: H.264 reorders at most 16
AGAIN = "fetch it again, or take it out of the source"


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its moving picture, closed at the end.

    Whatever FFmpeg says while the block runs becomes a `InputError` naming the file; so does a file
    that is missing, empty, no video at all, or sound only.
    """
    _look(path)
    try:
        with av.open(str(path)) as box:
            yield box, _picture(path, box)
    except FFmpegError as error:
        raise InputError(path, f"cannot be decoded ({_said(error)}{_kind(path)})", AGAIN) from error


def first_shown(box: InputContainer, video: VideoStream) -> float:
    """Presentation time of the first shown frame, seconds; reads on from where the file stands.

    The container's own start is not it: an AVI may say 0 and begin at its frame 1.
    """
    times: list[float] = []
    for packet in box.demux(video):
        if packet.pts is not None and not packet.is_discard:
            times.append(packet.pts * tick(video))
        if len(times) == REORDERED:
            break
    return min(times, default=0.0)


def tick(video: VideoStream) -> float:
    """Seconds of one unit of the stream's presentation times."""
    return float(video.time_base or 0)


def too_long(frame: float) -> float:
    """A gap between two frames that only damage explains, seconds; `frame` is the usual one.

    Cameras and stream copies leave gaps of up to four frames (seen: 0.133 s at 30 fps).
    """
    return max(1.0, 10 * frame)


def clock(seconds: float) -> str:
    """A place in a file for a sentence: 754.2 is `12:34.2`."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{rest:04.1f}"


def _look(path: Path) -> None:
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:  # its name is too long, say
        raise InputError(path, f"cannot be opened ({error.strerror})", AGAIN) from None
    if size is None:
        raise InputError(path, "there is no such file", "fetch it again")
    if size == 0:
        raise InputError(path, "the file is empty", "fetch it again")


def _picture(path: Path, box: InputContainer) -> VideoStream:
    video = box.streams.best("video")
    if not isinstance(video, VideoStream) or Disposition.attached_pic in video.disposition:
        sound = "holds sound only" if box.streams.audio else "holds no moving picture"
        raise InputError(path, sound, "give a file with a video stream")
    if video.codec_context is None:
        raise InputError(path, "its codec is unknown here", "convert it to H.264")
    video.codec_context.thread_type, video.codec_context.thread_count = "NONE", 1
    return video


def _said(error: FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def _kind(path: Path) -> str:
    """What the file looks like instead, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip()[:1] == b"<":
        return "; it is a web page"
    return "; it is text" if head.isascii() and b"\0" not in head else ""


TURNS = {90: ("cclock",), -90: ("clock",), 180: ("clock", "clock"), -180: ("clock", "clock")}


def upright(frame: VideoFrame) -> VideoFrame:
    """The frame turned by its display matrix in steps of 90 degrees; without one, itself."""
    turns = TURNS.get(frame.rotation, ())
    if not turns:
        return frame
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
    )
    for turn in turns:
        step = graph.add("transpose", turn)
        last.link_to(step)
        last = step
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    return graph.pull()  # type: ignore[return-value]

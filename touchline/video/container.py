"""Read a video container: time base, start time, and the rotation of phone videos, applied as a
player does.
"""

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

MAX_REORDERED_PACKETS = (
    17  # packets among which the first shown frame is: H.264 reorders at most 16
)
REFETCH_REMEDY = "fetch it again, or take it out of the source"


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Context manager: (container, video stream) of a file.

    Any FFmpeg error in the block becomes an `InputError` that names the file; so does a file that
    is missing, empty, not a video, or audio only.
    """
    _check_video_file(path)
    try:
        with av.open(str(path)) as container:
            yield container, _select_video_stream(path, container)
    except FFmpegError as error:
        raise InputError(
            path,
            f"cannot be decoded ({_describe_ffmpeg_error(error)}{_describe_text_file(path)})",
            REFETCH_REMEDY,
        ) from error


def find_first_frame_time(container: InputContainer, video: VideoStream) -> float:
    """Presentation time of the first shown frame in seconds; reads packets from the current
    position.

    The container's own start time is unreliable: an AVI may say 0 and begin at frame 1.
    """
    times: list[float] = []
    for packet in container.demux(video):
        if packet.pts is not None and not packet.is_discard:
            times.append(packet.pts * get_time_unit(video))
        if len(times) == MAX_REORDERED_PACKETS:
            break
    return min(times, default=0.0)


def get_time_unit(video: VideoStream) -> float:
    """Seconds per unit of the stream's presentation timestamps."""
    return float(video.time_base or 0)


def compute_max_gap(frame_seconds: float) -> float:
    """The longest gap between two frames, in seconds, that is not treated as damage;
    `frame_seconds` is the usual one.

    Cameras and stream copies leave gaps of up to four frames (seen: 0.133 s at 30 fps).
    """
    return max(1.0, 10 * frame_seconds)


def format_video_time(seconds: float) -> str:
    """A time in a video as minutes and seconds: 754.2 becomes `12:34.2`."""
    minutes, remainder = divmod(round(seconds, 1), 60)
    return f"{minutes:.0f}:{remainder:04.1f}"


def _check_video_file(path: Path) -> None:
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:  # its name is too long, say
        raise InputError(path, f"cannot be opened ({error.strerror})", REFETCH_REMEDY) from None
    if size is None:
        raise InputError(path, "there is no such file", "fetch it again")
    if size == 0:
        raise InputError(path, "the file is empty", "fetch it again")


def _select_video_stream(path: Path, container: InputContainer) -> VideoStream:
    video = container.streams.best("video")
    if not isinstance(video, VideoStream) or Disposition.attached_pic in video.disposition:
        wrong = "holds sound only" if container.streams.audio else "holds no moving picture"
        raise InputError(path, wrong, "give a file with a video stream")
    if video.codec_context is None:
        raise InputError(path, "its codec is unknown here", "convert it to H.264")
    video.codec_context.thread_type, video.codec_context.thread_count = "NONE", 1
    return video


def _describe_ffmpeg_error(error: FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def _describe_text_file(path: Path) -> str:
    """A hint for the error message if the file's first bytes are HTML or text, else ""."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip()[:1] == b"<":
        return "; it is a web page"
    return "; it is text" if head.isascii() and b"\0" not in head else ""


TRANSPOSE_STEPS = {
    90: ("cclock",),
    -90: ("clock",),
    180: ("clock", "clock"),
    -180: ("clock", "clock"),
}


def rotate_upright(frame: VideoFrame) -> VideoFrame:
    """The frame rotated by its display matrix in steps of 90 degrees; the frame itself if it has
    none.
    """
    turns = TRANSPOSE_STEPS.get(frame.rotation, ())
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

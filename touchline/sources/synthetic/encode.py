"""Encode painted pictures to H.264 in Matroska, the same bytes every time."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from av.video.plane import VideoPlane

from touchline.products import whole_file
from touchline.sources.synthetic.canvas import HEIGHT, WIDTH, Picture

FPS = 25
# B-frames and scene cuts are written out because the fast presets switch them off.
X264 = {
    "preset": "ultrafast",
    "crf": "32",
    "forced-idr": "1",
    "x264-params": "bframes=2:b-adapt=0:scenecut=40:keyint=250:min-keyint=12:threads=1",
}


def encode(
    path: Path, frames: int, paint: Callable[[Picture, int], None], cuts: frozenset[int]
) -> None:
    """`paint` fills the picture of each frame number; a new group of pictures begins at a cut.

    One encoder thread and no date or random id in the container: two runs are byte-identical.
    """
    with (
        whole_file(path) as draft,
        av.open(str(draft), "w", format="matroska", options={"fflags": "+bitexact"}) as box,
    ):
        stream = box.add_stream("libx264", rate=FPS, options=X264)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= Flags.bitexact
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        picture = planes(frame)
        for number in range(frames):
            paint(picture, number)
            frame.pts = number
            frame.pict_type = PictureType.I if number in cuts else PictureType.NONE
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))


def planes(frame: av.VideoFrame) -> Picture:
    """The frame's own memory; x264 copies a picture before `encode` returns."""
    return Picture(*(_pixels(plane) for plane in frame.planes))


def _pixels(plane: VideoPlane) -> np.ndarray:
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]

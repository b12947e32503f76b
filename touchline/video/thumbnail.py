"""A thumbnail of a frame to recognise copies of a video: 8 x 8 grey cells, independent of size,
black bars and bitrate.
"""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from touchline.video.frame_store import THUMBNAIL_CELLS

WIDE, HIGH = 64, 36  # pixels in which black bars are looked for
MAX_BAR_BRIGHTNESS = 32  # of 255: a row no brighter than this anywhere is a bar
MIN_PICTURE_SHARE = (
    0.5  # share of a side that a picture fills at least; less is a dark scene, not bars
)


class ThumbnailMaker:
    """Callable that turns frames of any size into thumbnails."""

    def __init__(self) -> None:
        self.scaler = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> bytes:
        """The brightness of the 8 x 8 cells in row order, one byte each, without black bars."""
        small = self.scaler.reformat(frame, WIDE, HIGH, "gray", interpolation="AREA", threads=1)
        [plane] = small.planes
        grey = np.frombuffer(memoryview(plane), np.uint8).reshape(HIGH, plane.line_size)
        return _average_cells(_crop_black_bars(grey[:, :WIDE]))


def _crop_black_bars(grey: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(grey.max(axis=1) > MAX_BAR_BRIGHTNESS)
    columns = np.flatnonzero(grey.max(axis=0) > MAX_BAR_BRIGHTNESS)
    if len(rows) < MIN_PICTURE_SHARE * HIGH or len(columns) < MIN_PICTURE_SHARE * WIDE:
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _average_cells(grey: np.ndarray) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(grey))
    return image.resize((THUMBNAIL_CELLS, THUMBNAIL_CELLS), Image.Resampling.BOX).tobytes()

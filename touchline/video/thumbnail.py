"""How a picture looks to someone far away: 8 x 8 grey cells, whatever its size, bars or bitrate."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from touchline.video.frame_store import CELLS

WIDE, HIGH = 64, 36  # pixels in which black bars are looked for
DARK = 32  # of 255: a row no brighter than this anywhere is a bar
LEAST = 0.5  # share of a side that a picture fills at least; less is a dark scene, not bars


class Look:
    """Sums up frames, one after another, of whatever size."""

    def __init__(self) -> None:
        self.scaler = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> bytes:
        """The brightness of the cells, row by row, one byte each, black bars left out."""
        small = self.scaler.reformat(frame, WIDE, HIGH, "gray", interpolation="AREA", threads=1)
        [plane] = small.planes
        grey = np.frombuffer(memoryview(plane), np.uint8).reshape(HIGH, plane.line_size)
        return _cells(_within_bars(grey[:, :WIDE]))


def _within_bars(grey: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(grey.max(axis=1) > DARK)
    columns = np.flatnonzero(grey.max(axis=0) > DARK)
    if len(rows) < LEAST * HIGH or len(columns) < LEAST * WIDE:
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _cells(grey: np.ndarray) -> bytes:
    image = Image.fromarray(np.ascontiguousarray(grey))
    return image.resize((CELLS, CELLS), Image.Resampling.BOX).tobytes()

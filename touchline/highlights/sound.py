"""The sound of a stretch of a file, to the sample, as one array."""

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from touchline.highlights.shown import MARGIN, Shown
from touchline.video.container import opened

RATE = 48_000  # samples a second of every reel
JUMP = 0.05  # seconds by which a sound's times must leave its samples to be believed


def layout(found: list[Shown]) -> str:
    """`stereo`, `mono`, or "" when no file has any sound."""
    channels = [_channels(one) for one in found]
    return "" if not any(channels) else "mono" if max(channels) == 1 else "stereo"


def _channels(found: Shown) -> int:
    with opened(found.path) as (box, _):
        return box.streams.audio[0].codec_context.channels if box.streams.audio else 0


def sound(found: Shown, start: float, count: int, layout: str) -> np.ndarray:
    """(channels, count) samples from `start` on; silence where the file has none."""
    samples = np.zeros((1 if layout == "mono" else 2, count), np.float32)
    with opened(found.path) as (box, _):
        if not box.streams.audio:
            return samples
        box.seek(int(max(start - MARGIN, 0.0 if start > MARGIN else -1.0) * 1e6
                     + found.start * 1e6), backward=True)  # fmt: skip
        at = None
        for frame in _resampled(box, layout):
            place = round((float(frame.time or 0.0) - found.start - start) * RATE)
            if at is None or abs(place - at) > JUMP * RATE:
                at = place
            if at >= count:
                break
            _put(samples, frame.to_ndarray(), at)
            at += frame.samples
    return samples


def _resampled(box: InputContainer, layout: str):
    resampler = AudioResampler("fltp", layout, RATE)
    for frame in box.decode(audio=0):
        if isinstance(frame, AudioFrame) and frame.pts is not None:
            yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _put(onto: np.ndarray, piece: np.ndarray, at: int) -> None:
    """Write a piece at a place; what lies outside is cut off."""
    first, last = max(at, 0), min(at + piece.shape[1], onto.shape[1])
    if first < last:
        onto[:, first:last] = piece[:, first - at : last - at]

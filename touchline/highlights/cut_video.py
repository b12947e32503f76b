"""Cut stretches out of files to the exact frame and join them: H.264, AAC, chapters, faststart."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from pydantic import Field, PositiveInt

from touchline.config import Params
from touchline.errors import BadInput
from touchline.highlights.frame_index import MARGIN, Shown, frames
from touchline.progress import Progress
from touchline.video.container import opened, upright

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


TICKS = 90_000  # a second of the reel: holds 24, 25, 29.97, 30, 50 and 60 frames evenly


class Encoding(Params):
    """How the reel is encoded."""

    crf: Annotated[int, Field(ge=0, le=51)]  # x264's: 18 is hardly to be told from the source
    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower",
        "veryslow",
    ]  # fmt: skip
    audio: PositiveInt  # bits a second of AAC


@dataclass(frozen=True)
class Cut:
    """One stretch of a file, from a frame to a frame: see `Shown.exact`."""

    shown: Shown
    start: float
    end: float
    title: str

    @property
    def length(self) -> float:
        return self.end - self.start


def starts(cuts: Sequence[Cut]) -> list[float]:
    """When each cut begins in the reel, seconds, and when the last one ends."""
    return list(accumulate((cut.length for cut in cuts), initial=0.0))


def write_reel(path: Path, cuts: Sequence[Cut], encoding: Encoding) -> None:
    """Write the cuts as one MP4, a chapter each. Only a decoder ever sees the source's packets.

    Frames keep their own spacing, so variable rates stay variable. A turned (portrait) picture is
    put upright. Raises `BadInput` when the files differ in shape or cannot be decoded there.
    """
    shape = _shape(cuts)
    heard = layout(_files(cuts))
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as box:
        picture = _picture_stream(box, cuts[0], shape, encoding)
        voice: Any = box.add_stream("aac", rate=RATE, layout=heard) if heard else None
        if voice:
            voice.bit_rate = encoding.audio
        box.set_chapters(_chapters(cuts))
        total = round(starts(cuts)[-1])
        with Progress("cut", total) as progress:
            for at, cut in zip(starts(cuts), cuts, strict=False):
                _sound(box, voice, cut, at, heard)
                _pictures(box, picture, cut, at, shape, progress)
        for stream in filter(None, (picture, voice)):
            box.mux(stream.encode(None))


def _files(cuts: Sequence[Cut]) -> list[Shown]:
    return list({cut.shown.path: cut.shown for cut in cuts}.values())


def _shape(cuts: Sequence[Cut]) -> tuple[int, int]:
    """(width, height) of the upright picture, even as H.264 wants it."""
    shapes: dict[tuple[int, int], Path] = {}
    for found in _files(cuts):
        _, head = next(frames(found, 0.0, found.end))
        wide = (head.height, head.width) if head.rotation % 180 else (head.width, head.height)
        shapes.setdefault(wide, found.path)
    if len(shapes) > 1:
        said = ", ".join(f"{path.name} is {w}x{h}" for (w, h), path in shapes.items())
        raise BadInput("--halves", f"pictures differ in shape: {said}", "convert one of the files")
    (width, height) = next(iter(shapes))
    return width // 2 * 2, height // 2 * 2


def _picture_stream(box: OutputContainer, cut: Cut, shape: tuple[int, int], how: Encoding) -> Any:
    """The reel's picture, in the colours of the first file."""
    with opened(cut.shown.path) as (_, source):
        rate, old = source.average_rate or Fraction(25), source.codec_context
        stream: Any = box.add_stream("libx264", rate=rate)
        stream.width, stream.height = shape
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, TICKS)
        new = stream.codec_context
        new.time_base = Fraction(1, TICKS)
        new.options = {"crf": str(how.crf), "preset": how.preset}
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(new, name, getattr(old, name))
        if old.sample_aspect_ratio:
            new.sample_aspect_ratio = old.sample_aspect_ratio
    return stream


def _chapters(cuts: Sequence[Cut]) -> list[Any]:
    edges = [round(1000 * at) for at in starts(cuts)]
    return [
        {
            "id": number,
            "start": edges[number],
            "end": edges[number + 1],
            "time_base": Fraction(1, 1000),
            "metadata": {"title": cut.title},
        }
        for number, cut in enumerate(cuts)
    ]


def _pictures(
    box: OutputContainer, stream: Any, cut: Cut, at: float, shape: tuple[int, int], said: Progress
) -> None:
    kind = PictureType.I  # a chapter begins with a picture one can jump to
    for time, frame in frames(cut.shown, cut.start, cut.end):
        picture = upright(frame)
        if (picture.width, picture.height, picture.format.name) != (*shape, "yuv420p"):
            picture = picture.reformat(*shape, "yuv420p")
        picture.pts = round((at + time - cut.start) * TICKS)
        picture.time_base, picture.pict_type = Fraction(1, TICKS), kind
        kind = PictureType.NONE
        box.mux(stream.encode(picture))
        said.to(int(at + time - cut.start))


def _sound(box: OutputContainer, stream: Any, cut: Cut, at: float, heard: str) -> None:
    """Samples from the first frame's time to the last one's end, so that nothing drifts."""
    if not stream:
        return
    first, last = (round(time * RATE) for time in (at, at + cut.length))
    samples = sound(cut.shown, cut.start, last - first, heard)
    for begin in range(0, last - first, 1024):
        piece = np.ascontiguousarray(samples[:, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=heard)
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = first + begin
        box.mux(stream.encode(frame))

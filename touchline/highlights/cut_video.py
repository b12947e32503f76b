"""Cut frame-exact stretches with their sound out of video files and join them into one MP4 (H.264,
AAC, chapters, faststart).
"""

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
from touchline.errors import InputError
from touchline.highlights.frame_index import SEEK_MARGIN, FrameIndex, decode_frames_between
from touchline.progress import ProgressReporter
from touchline.video.container import open_video, rotate_upright

AUDIO_RATE = 48_000  # samples a second of every reel
MAX_TIME_JUMP = 0.05  # seconds by which a sound's times must leave its samples to be believed


def choose_audio_layout(frame_indexes: list[FrameIndex]) -> str:
    """Audio layout of the reel: `stereo`, `mono` if every file has at most one channel, or "" if no
    file has audio.
    """
    channels = [_channel_count(frame_index) for frame_index in frame_indexes]
    return "" if not any(channels) else "mono" if max(channels) == 1 else "stereo"


def _channel_count(frame_index: FrameIndex) -> int:
    with open_video(frame_index.path) as (container, _):
        return container.streams.audio[0].codec_context.channels if container.streams.audio else 0


def read_audio_samples(
    frame_index: FrameIndex, start: float, count: int, layout: str
) -> np.ndarray:
    """Decode `count` samples at `AUDIO_RATE` from `start` (seconds of the file) on.

    Returns a float32 array of shape (channels, count), silent where the file has no audio.
    """
    samples = np.zeros((1 if layout == "mono" else 2, count), np.float32)
    with open_video(frame_index.path) as (container, _):
        if not container.streams.audio:
            return samples
        container.seek(int(max(start - SEEK_MARGIN, 0.0 if start > SEEK_MARGIN else -1.0) * 1e6
                     + frame_index.start * 1e6), backward=True)  # fmt: skip
        at = None
        for frame in _resample_audio(container, layout):
            place = round((float(frame.time or 0.0) - frame_index.start - start) * AUDIO_RATE)
            if at is None or abs(place - at) > MAX_TIME_JUMP * AUDIO_RATE:
                at = place
            if at >= count:
                break
            _paste_samples(samples, frame.to_ndarray(), at)
            at += frame.samples
    return samples


def _resample_audio(container: InputContainer, layout: str):
    resampler = AudioResampler("fltp", layout, AUDIO_RATE)
    for frame in container.decode(audio=0):
        if isinstance(frame, AudioFrame) and frame.pts is not None:
            yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _paste_samples(samples: np.ndarray, chunk: np.ndarray, at: int) -> None:
    """Write a piece at a place; what lies outside is cut off."""
    first, last = max(at, 0), min(at + chunk.shape[1], samples.shape[1])
    if first < last:
        samples[:, first:last] = chunk[:, first - at : last - at]


TICKS_PER_SECOND = 90_000  # a second of the reel: holds 24, 25, 29.97, 30, 50 and 60 frames evenly


class ReelEncoding(Params):
    """Encoding settings of the reel: section `highlights.encoding` of params.yaml."""

    crf: Annotated[int, Field(ge=0, le=51)]  # x264's: 18 is hardly to be told from the source
    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower",
        "veryslow",
    ]  # fmt: skip
    audio: PositiveInt  # bits a second of AAC


@dataclass(frozen=True)
class ReelCut:
    """One stretch of a source file, `start` to `end` in seconds of the file. Both lie on frames:
    see `FrameIndex.snap_to_frames`.
    """

    frame_index: FrameIndex
    start: float
    end: float
    title: str

    @property
    def length(self) -> float:
        return self.end - self.start


def list_cut_starts(cuts: Sequence[ReelCut]) -> list[float]:
    """Start of each cut in the reel, in seconds, followed by the end of the last one: len(cuts) + 1
    values.
    """
    return list(accumulate((cut.length for cut in cuts), initial=0.0))


def write_reel_video(path: Path, cuts: Sequence[ReelCut], encoding: ReelEncoding) -> None:
    """Decode the cuts, re-encode them and write one MP4 with a chapter per cut.

    Frame spacing is preserved, so variable frame rates stay variable. Rotated (portrait) video is
    turned upright. Raises `InputError` if the source files differ in picture size or cannot be
    decoded.
    """
    shape = _output_size(cuts)
    audio_layout = choose_audio_layout(_source_files(cuts))
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        video_stream = _add_video_stream(container, cuts[0], shape, encoding)
        audio_stream: Any = (
            container.add_stream("aac", rate=AUDIO_RATE, layout=audio_layout)
            if audio_layout
            else None
        )
        if audio_stream:
            audio_stream.bit_rate = encoding.audio
        container.set_chapters(_build_chapters(cuts))
        total = round(list_cut_starts(cuts)[-1])
        with ProgressReporter("cut", total) as progress:
            for at, cut in zip(list_cut_starts(cuts), cuts, strict=False):
                _encode_audio(container, audio_stream, cut, at, audio_layout)
                _encode_video(container, video_stream, cut, at, shape, progress)
        for stream in filter(None, (video_stream, audio_stream)):
            container.mux(stream.encode(None))


def _source_files(cuts: Sequence[ReelCut]) -> list[FrameIndex]:
    return list({cut.frame_index.path: cut.frame_index for cut in cuts}.values())


def _output_size(cuts: Sequence[ReelCut]) -> tuple[int, int]:
    """(width, height) of the upright picture, even as H.264 wants it."""
    shapes: dict[tuple[int, int], Path] = {}
    for source in _source_files(cuts):
        _, frame = next(decode_frames_between(source, 0.0, source.end))
        size = (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)
        shapes.setdefault(size, source.path)
    if len(shapes) > 1:
        sizes = ", ".join(f"{path.name} is {w}x{h}" for (w, h), path in shapes.items())
        raise InputError(
            "--halves", f"pictures differ in shape: {sizes}", "convert one of the files"
        )
    (width, height) = next(iter(shapes))
    return width // 2 * 2, height // 2 * 2


def _add_video_stream(
    container: OutputContainer, cut: ReelCut, shape: tuple[int, int], encoding: ReelEncoding
) -> Any:
    """The reel's picture, in the colours of the first file."""
    with open_video(cut.frame_index.path) as (_, source):
        rate, source_codec = source.average_rate or Fraction(25), source.codec_context
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = shape
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, TICKS_PER_SECOND)
        codec = stream.codec_context
        codec.time_base = Fraction(1, TICKS_PER_SECOND)
        codec.options = {"crf": str(encoding.crf), "preset": encoding.preset}
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            setattr(codec, name, getattr(source_codec, name))
        if source_codec.sample_aspect_ratio:
            codec.sample_aspect_ratio = source_codec.sample_aspect_ratio
    return stream


def _build_chapters(cuts: Sequence[ReelCut]) -> list[Any]:
    edges = [round(1000 * at) for at in list_cut_starts(cuts)]
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


def _encode_video(
    container: OutputContainer,
    stream: Any,
    cut: ReelCut,
    at: float,
    shape: tuple[int, int],
    progress: ProgressReporter,
) -> None:
    picture_type = PictureType.I  # a chapter begins with a picture one can jump to
    for time, frame in decode_frames_between(cut.frame_index, cut.start, cut.end):
        picture = rotate_upright(frame)
        if (picture.width, picture.height, picture.format.name) != (*shape, "yuv420p"):
            picture = picture.reformat(*shape, "yuv420p")
        picture.pts = round((at + time - cut.start) * TICKS_PER_SECOND)
        picture.time_base, picture.pict_type = Fraction(1, TICKS_PER_SECOND), picture_type
        picture_type = PictureType.NONE
        container.mux(stream.encode(picture))
        progress.advance_to(int(at + time - cut.start))


def _encode_audio(
    container: OutputContainer, stream: Any, cut: ReelCut, at: float, audio_layout: str
) -> None:
    """Samples from the first frame's time to the last one's end, so that nothing drifts."""
    if not stream:
        return
    first, last = (round(time * AUDIO_RATE) for time in (at, at + cut.length))
    samples = read_audio_samples(cut.frame_index, cut.start, last - first, audio_layout)
    for begin in range(0, last - first, 1024):
        chunk = np.ascontiguousarray(samples[:, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout=audio_layout)
        frame.sample_rate, frame.time_base = AUDIO_RATE, Fraction(1, AUDIO_RATE)
        frame.pts = first + begin
        container.mux(stream.encode(frame))

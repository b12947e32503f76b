"""Real H.264 files whose every frame carries its number in its pixels, made by PyAV."""

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

WIDTH, HEIGHT, FPS, BITS, BLOCK = 192, 108, 25, 10, 16
RATE = 16000  # of the sound


def stamp(number: int) -> np.ndarray:
    """A grey slope that drifts, with the number as ten black or white blocks on top."""
    slope = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) + 3 * number
    picture = np.repeat((64 + slope % 128)[:, :, None], 3, axis=2).astype(np.uint8)
    for bit in range(BITS):
        picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 16
    return picture


def number_of(image: Image.Image) -> int:
    """The number in a picture of any size."""
    grey = np.asarray(image.convert("L").resize((WIDTH, HEIGHT)))
    middles = grey[BLOCK // 2, BLOCK // 2 : BITS * BLOCK : BLOCK]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 125)


def _render(path: Path, frames: int, sound: bool) -> None:
    clusters = {"cluster_time_limit": "1000"} if path.suffix == ".mkv" else {}
    with av.open(str(path), "w", options=clusters) as box:
        video = box.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"g": "50", "bf": "2", "preset": "veryfast", "threads": "1", "crf": "20"}
        audio = box.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for number in range(frames):
            box.mux(video.encode(av.VideoFrame.from_ndarray(stamp(number), format="rgb24")))
        box.mux(video.encode())
        for at in range(0, frames * RATE // FPS if audio else 0, 1024):
            noise = av.AudioFrame.from_ndarray(_tone(at), format="fltp", layout="mono")
            noise.sample_rate, noise.pts, noise.time_base = RATE, at, Fraction(1, RATE)
            box.mux(audio.encode(noise))
        if audio:
            box.mux(audio.encode())


def _tone(at: int) -> np.ndarray:
    return np.sin((at + np.arange(1024)) / 10, dtype=np.float32)[None] / 4


def copy(source: Path, target: Path, skip: float = 0.0) -> Path:
    """Stream copy; what `skip` cuts off stays in an MP4 as packets that are not shown."""
    with av.open(str(source)) as box, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in box.streams}
        for packet in box.demux():
            if packet.dts is None:
                continue
            shift = round(skip / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = streams[packet.stream_index]
            out.mux(packet)
    return target


TURNS = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # clockwise, as shown


def turned(source: Path, target: Path, degrees: int) -> Path:
    """An MP4 with a phone's note that it was held another way: `tkhd` of ISO 14496-12."""
    data = bytearray(source.read_bytes())
    matrix = data.index(b"tkhd") + 44
    a, b, c, d = (number << 16 for number in TURNS[degrees])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    target.write_bytes(data)
    return target


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 12 s of numbered frames: MKV with sound, MP4, and MP4 with an edit list."""
    folder = tmp_path_factory.mktemp("films")
    _render(folder / "clean.mkv", 300, sound=True)
    _render(folder / "clean.mp4", 300, sound=False)
    copy(folder / "clean.mp4", folder / "edit.mp4", skip=2.28)
    return folder


@pytest.fixture
def read_number() -> Callable[[Image.Image], int]:
    return number_of


@pytest.fixture
def broken(files: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Make one broken file by name."""
    mkv, mp4 = (files / "clean.mkv").read_bytes(), (files / "clean.mp4").read_bytes()
    half = len(mkv) // 2

    def make(name: str) -> Path:
        path = tmp_path / name
        if name == "sound.mkv":
            _only_sound(files / "clean.mkv", path)
            return path
        noise = random.Random(7).randbytes
        path.write_bytes(
            {
                "empty.mp4": b"",
                "page.mp4": b"<!doctype html><title>404</title>" * 40,
                "text.mkv": b"version https://git-lfs.github.com/spec/v1\n" * 20,
                "noise.mp4": noise(20_000),
                "cut.mkv": mkv[: len(mkv) * 6 // 10],
                "cut.mp4": mp4[: len(mp4) * 6 // 10],
                "hole.mkv": mkv[:half] + bytes(len(mkv) // 4) + mkv[half + len(mkv) // 4 :],
                "garbled.mp4": mp4[: len(mp4) // 2] + noise(4000) + mp4[len(mp4) // 2 + 4000 :],
            }[name]
        )
        return path

    return make


def _only_sound(source: Path, target: Path) -> None:
    with av.open(str(source)) as box, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(box.streams.audio[0])
        for packet in box.demux(box.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)

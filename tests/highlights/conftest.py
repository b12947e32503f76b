"""Real H.264 files: every frame carries its number in its pixels, every second its own tone."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.conftest import HEIGHT, WIDTH, copy, number_of, stamp
from touchline.config import load_params_section
from touchline.highlights.make import HighlightSettings

RATE = 16_000
PARAMS = Path(__file__).parents[2] / "params.yaml"
Film = Callable[..., Path]


def write_film(
    path: Path,
    times: Sequence[float],
    sound: bool = True,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    bf: int = 2,
    first: int = 0,
    **options: Any,
) -> Path:
    """Frame i shows number `first` + i at times[i]; the tone of second s has 200 + 40 s Hz."""
    with av.open(str(path), "w", options={k: str(v) for k, v in options.items()}) as box:
        video: Any = box.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 90_000)
        video.codec_context.options = {"g": "50", "bf": str(bf), "preset": "ultrafast", "crf": "18"}
        audio: Any = box.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(stamp(first + number), format="rgb24")
            frame = frame.reformat(*size, "yuv420p")
            frame.pts, frame.time_base = round(time * 90_000), Fraction(1, 90_000)
            box.mux(video.encode(frame))
        box.mux(video.encode(None))
        length = times[-1] + (times[-1] - times[-2])
        for at in range(0, round(length * RATE) if audio else 0, 1024):
            tone = av.AudioFrame.from_ndarray(wave(at), format="fltp", layout="mono")
            tone.sample_rate, tone.pts, tone.time_base = RATE, at, Fraction(1, RATE)
            box.mux(audio.encode(tone))
        if audio:
            box.mux(audio.encode(None))
    return path


def wave(at: int) -> np.ndarray:
    seconds = (at + np.arange(1024)) / RATE
    hertz = 200 + 40 * np.floor(seconds)
    return (np.sin(2 * np.pi * hertz * (seconds % 1)) / 4).astype(np.float32)[None]


def steady(count: int, fps: float = 25.0) -> list[float]:
    return [number / fps for number in range(count)]


def uneven(count: int) -> list[float]:
    """Frames that stay 20, 40 or 60 ms, in turn."""
    return [float(t) for t in np.cumsum([0.0, *([0.02, 0.04, 0.06] * count)])[:count]]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One film of each nasty kind, 8 to 12 seconds."""
    folder = tmp_path_factory.mktemp("kinds")
    made = {
        "plain": write_film(folder / "plain.mkv", steady(300)),
        "uneven": write_film(folder / "uneven.mp4", uneven(250)),
        "sixty": write_film(folder / "sixty.mp4", steady(500, 60)),
        "silent": write_film(folder / "silent.mp4", steady(250), sound=False),
        "tall": write_film(folder / "tall.mp4", steady(250), size=(192, 340)),
        "odd": write_film(folder / "late.mkv", [2.5 + t for t in steady(250)], sound=False),
    }
    made["edit"] = copy(made["silent"], folder / "edit.mp4", skip=1.28)
    bytes_ = made["plain"].read_bytes()
    (folder / "tail.mkv").write_bytes(bytes_[: len(bytes_) * 8 // 10])
    return made | {"tail": folder / "tail.mkv"}


@pytest.fixture
def settings() -> HighlightSettings:
    given = load_params_section(HighlightSettings, "highlights", PARAMS)
    return given.model_copy(update={"stride": 10.0, "before": 1.0, "after": 0.0})


def decoded(path: Path) -> list[tuple[float, int]]:
    """(time, number) of every frame of a file."""
    with av.open(str(path)) as box:
        video = box.streams.video[0]
        return [(float(f.time or 0), number_of(f.to_image())) for f in box.decode(video)]

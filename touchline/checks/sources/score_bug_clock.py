"""Read the match clock off the score bug and hold it against the time of the file."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image, Resampling

from touchline.checks.sources.case import Case, Finding, Readings
from touchline.errors import BadInput
from touchline.progress import track
from touchline.records import Video
from touchline.video.decode import frames_at
from touchline.video.workers import each

RUNNING = ("soccer",)  # sports whose clock runs on through a half
PART = 0.2  # of the picture, from the top: where broadcasts put the score bug
WIDE, LARGEST = 1200, 3.0  # pixels that the strip is enlarged to, and at most how much
EDGE = 0.04  # of the video at both ends: studio and replays
LEAST = 3  # readings from which anything is said
MINUTES = re.compile(r"(?<!\d)(\d{1,3})\s?[:;.]\s?([0-5]\d)(?!\d)")
LOOKALIKES = str.maketrans("OoQDIl|", "0000111", "")
GLUED = re.compile(r"[0-9OoQDIl|]+\s?[:;.\uff1a]\s?[0-9OoQDIl|]{2}(?![0-9])")


def drifting(case: Case) -> list[Finding]:
    """Videos whose clock does not keep to the time of the file."""
    found = []
    for seen in case.clocks:
        if len(seen.times) < LEAST:
            wrong = f"shows a clock in {len(seen.times)} of {seen.asked} frames: too few to tell"
            found.append(Finding(seen.video, wrong, video=seen.video))
        elif seen.spread > case.limits.drift:
            wrong = f"its clock leaves the file's time by {seen.spread:.0f} s"
            found.append(Finding(seen.video, wrong, video=seen.video))
    return found


def readings(
    executor: Executor, folder: Path, videos: Sequence[Video], frames: int
) -> list[Readings]:
    """The clocks of all videos that are here, below `folder`, and of a sport whose clock runs."""
    here = [video for video in videos if frames and video.path and video.sport in RUNNING]
    jobs = [(folder / video.path, video, frames) for video in here]
    return list(track(each(executor, read, jobs), "clock", total=len(jobs))) if jobs else []


def read(path: Path, video: Video, frames: int) -> Readings:
    """Look at so many frames, evenly spread; one that cannot be decoded counts as unread."""
    times = np.linspace(EDGE * video.duration, (1 - EDGE) * video.duration, frames).tolist()
    found = [(time, shown) for time, shown in _clocks(path, video, times) if shown is not None]
    at, shown = zip(*found, strict=True) if found else ((), ())
    return Readings(video.id, frames, at, shown)


def _clocks(
    path: Path, video: Video, times: Sequence[float]
) -> Iterator[tuple[float, float | None]]:
    for time in times:
        try:
            [(exact, picture)] = frames_at(path, [time], keyframes=video.keyframes)
        except BadInput:
            continue
        yield exact, told(words(picture))


def words(picture: Image) -> list[str]:
    """What is written in the upper strip of a picture, line by line."""
    strip = picture.crop((0, 0, picture.width, max(1, round(PART * picture.height))))
    factor = min(LARGEST, max(1.0, WIDE / strip.width))
    size = (round(strip.width * factor), round(strip.height * factor))
    pixels = np.asarray(strip.resize(size, Resampling.BICUBIC))[:, :, ::-1]
    return list(_reader()(pixels, use_cls=False).txts or ())


def told(lines: Sequence[str]) -> float | None:
    """Seconds on the first clock in these lines: `67:48` is 4068; letters that look like digits
    count as such where they stand in a clock."""
    for line in lines:
        plain = GLUED.sub(lambda found: found[0].translate(LOOKALIKES), line)
        found = MINUTES.search(plain.replace("\uff1a", ":"))
        if found:
            return 60.0 * int(found[1]) + int(found[2])
    return None


@cache
def _reader() -> Any:
    """RapidOCR's small models, which its wheel carries; one thread, for there is a pool."""
    import logging

    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    threads = {f"EngineConfig.onnxruntime.{way}_op_num_threads": 1 for way in ("intra", "inter")}
    return RapidOCR(params={"Global.log_level": "error", **threads})

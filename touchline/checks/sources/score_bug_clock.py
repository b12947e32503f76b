"""Read the match clock from the score bug by OCR and compare it with the video time."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image, Resampling

from touchline.checks.sources.case import CheckFinding, ClockReadings, SourceCase
from touchline.errors import InputError
from touchline.progress import track_progress
from touchline.records.video import Video
from touchline.sports import SPORTS
from touchline.video.decode import decode_frames_at
from touchline.video.workers import map_jobs

STRIP_SHARE = 0.2  # of the picture, from the top: where broadcasts put the score bug
WIDE, LARGEST = 1200, 3.0  # pixels that the strip is enlarged to, and at most how much
EDGE_SHARE = 0.04  # of the video at both ends: studio and replays
MIN_READINGS = 3  # readings from which anything is said
MINUTES = re.compile(r"(?<!\d)(\d{1,3})\s?[:;.]\s?([0-5]\d)(?!\d)")
LOOKALIKES = str.maketrans("OoQDIl|", "0000111", "")
GLUED = re.compile(r"[0-9OoQDIl|]+\s?[:;.\uff1a]\s?[0-9OoQDIl|]{2}(?![0-9])")


def find_drifting_clocks(case: SourceCase) -> list[CheckFinding]:
    """Find videos whose match clock drifts from the video time by more than the limit, or can
    hardly be read.
    """
    findings = []
    for reading in case.clocks:
        if len(reading.times) < MIN_READINGS:
            wrong = (
                f"shows a clock in {len(reading.times)} of {reading.frames} frames: too few to tell"
            )
            findings.append(CheckFinding(reading.video, wrong, video=reading.video))
        elif reading.spread > case.limits.drift:
            wrong = f"its clock leaves the file's time by {reading.spread:.0f} s"
            findings.append(CheckFinding(reading.video, wrong, video=reading.video))
    return findings


def read_video_clocks(
    executor: Executor, folder: Path, videos: Sequence[Video], frames: int
) -> list[ClockReadings]:
    """Read the clocks of all videos below `folder` whose file is present and whose sport has a
    running clock; `frames` per video.
    """
    running_clock_sports = {sport.name for sport in SPORTS.values() if sport.has_running_clock}
    videos_with_file = [
        video for video in videos if frames and video.path and video.sport in running_clock_sports
    ]
    jobs = [(folder / video.path, video, frames) for video in videos_with_file]
    return (
        list(track_progress(map_jobs(executor, read_video_clock, jobs), "clock", total=len(jobs)))
        if jobs
        else []
    )


def read_video_clock(path: Path, video: Video, frames: int) -> ClockReadings:
    """Read the clock in `frames` evenly spaced frames; frames that cannot be decoded or have no
    clock are left out.
    """
    times = np.linspace(
        EDGE_SHARE * video.duration, (1 - EDGE_SHARE) * video.duration, frames
    ).tolist()
    clock_times = [
        (time, clock_time)
        for time, clock_time in _iterate_clock_times(path, video, times)
        if clock_time is not None
    ]
    video_times, clock_time = zip(*clock_times, strict=True) if clock_times else ((), ())
    return ClockReadings(video.id, frames, video_times, clock_time)


def _iterate_clock_times(
    path: Path, video: Video, times: Sequence[float]
) -> Iterator[tuple[float, float | None]]:
    for time in times:
        try:
            [(exact, picture)] = decode_frames_at(path, [time], keyframes=video.keyframes)
        except InputError:
            continue
        yield exact, parse_score_bug_clock(recognize_top_text(picture))


def recognize_top_text(picture: Image) -> list[str]:
    """Return the text lines that OCR finds in the top strip of a picture."""
    strip = picture.crop((0, 0, picture.width, max(1, round(STRIP_SHARE * picture.height))))
    factor = min(LARGEST, max(1.0, WIDE / strip.width))
    size = (round(strip.width * factor), round(strip.height * factor))
    pixels = np.asarray(strip.resize(size, Resampling.BICUBIC))[:, :, ::-1]
    return list(_load_ocr_engine()(pixels, use_cls=False).txts or ())


def parse_score_bug_clock(lines: Sequence[str]) -> float | None:
    """Return the first clock in the OCR lines as seconds (`67:48` is 4068), or None.

    Letters that look like digits are read as digits within a clock.
    """
    for line in lines:
        plain = GLUED.sub(lambda match: match[0].translate(LOOKALIKES), line)
        match = MINUTES.search(plain.replace("\uff1a", ":"))
        if match:
            return 60.0 * int(match[1]) + int(match[2])
    return None


@cache
def _load_ocr_engine() -> Any:
    """RapidOCR's small models, which its wheel carries; one thread, for there is a pool."""
    import logging

    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    threads = {f"EngineConfig.onnxruntime.{way}_op_num_threads": 1 for way in ("intra", "inter")}
    return RapidOCR(params={"Global.log_level": "error", **threads})

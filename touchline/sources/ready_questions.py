"""Parts of sources that bring ready questions: rows about a whole video, the time of a counted
frame, four shuffled options.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from touchline.errors import InputError
from touchline.prompt_text import read_prompt_file
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.source import ReadResult

PROMPTS = Path(__file__).with_name("prompts")


def read_source_prompt(name: str) -> str:
    """The text of a question that a source asks, with its {fields} unfilled."""
    return read_prompt_file(PROMPTS / f"{name}.txt")


def read_no_speech(settings: Any, folder: Any, videos: Sequence[Video]) -> ReadResult[Speech]:
    """Return an empty result: the `speech` reader of a source without commentary."""
    return ReadResult()


def require_video(place: str, video: Video | None) -> Video:
    """Return `video`. Raises InputError at `place` if it is None, because the label's video was
    dropped as a fault.
    """
    if video is None:
        raise InputError(place, "its video was left out", "see the fault of the video")
    return video


def build_ready_question(
    id: str, video: Video, task: str, prompt: str, answer: str, options: Sequence[str] = ()
) -> Label:
    """Build a label that asks one question about a whole video."""
    return Label(
        id=id,
        video=video.id,
        name="",
        start=0.0,
        end=video.duration,
        team="",
        task=task,
        asked=prompt,
        options=list(options),
        answer=answer,
    )


def group_videos_by_match(videos: Sequence[Video]) -> dict[str, dict[str, Video]]:
    """Group videos as {match: {part: video}}."""
    matches: dict[str, dict[str, Video]] = {}
    for video in videos:
        matches.setdefault(video.match, {})[video.part] = video
    return matches


FPS_TOLERANCE = 0.01  # rates that differ less are the same: files say 30 for 29.97


def frame_to_seconds(frame: float, fps: float, video: Video) -> float:
    """Return the time in seconds of frame number `frame`, counted at `fps` by the labels.

    If the video's measured rate is within FPS_TOLERANCE of `fps`, the measured rate is used: 30
    instead of 29.97 would drift by 3.6 s an hour. A video at another rate was re-encoded, which
    keeps times but not frame numbers.
    """
    same = video.frames > 0 and abs(video.fps / fps - 1) <= FPS_TOLERANCE
    return round(frame / (video.fps if same else fps), 6)


OPTION_COUNT = 4


def shuffle_options(id: str, right: str, others: Iterable[str]) -> list[str]:
    """Return the right answer and up to three of `others`, shuffled with `id` as the seed."""
    random = Random(id)
    wrong = sorted(set(others) - {right})
    chosen = random.sample(wrong, min(OPTION_COUNT - 1, len(wrong)))
    return random.sample([right, *chosen], len(chosen) + 1)

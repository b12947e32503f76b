"""Rows that many sources make alike: ready questions, videos by match, no commentary."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources.source import Reading


def silent(settings: Any, folder: Any, found: Sequence[Video]) -> Reading[Speech]:
    """The `speech` of a source without commentary."""
    return Reading()


def kept(place: str, video: Video | None) -> Video:
    """The video that a label at `place` is about; a `BadInput` when that has a fault of its own."""
    if video is None:
        raise BadInput(place, "its video was left out", "see the fault of the video")
    return video


def question(
    id: str, video: Video, task: str, asked: str, answer: str, options: Sequence[str] = ()
) -> Label:
    """A ready question about a whole video."""
    span = (0.0, video.duration)
    return Label(id, video.id, "", *span, "", task, asked, list(options), answer)


def by_part(found: Sequence[Video]) -> dict[str, dict[str, Video]]:
    """match -> part -> video."""
    matches: dict[str, dict[str, Video]] = {}
    for video in found:
        matches.setdefault(video.match, {})[video.part] = video
    return matches


SAME = 0.01  # rates that differ less are the same: files say 30 for 29.97


def seconds(frame: float, fps: float, video: Video) -> float:
    """The time of a frame counted at the stated `fps`.

    Where the video runs at that rate, its measured one counts, since rounding drifts by 3.6 s an
    hour between 29.97 and 30; a video at another rate is a re-encoding, in which time stayed.
    """
    same = video.frames > 0 and abs(video.fps / fps - 1) <= SAME
    return round(frame / (video.fps if same else fps), 6)


COUNT = 4


def shuffled(id: str, right: str, others: Iterable[str]) -> list[str]:
    """`right` and up to three of the others; the same for the same id."""
    random = Random(id)
    wrong = sorted(set(others) - {right})
    chosen = random.sample(wrong, min(COUNT - 1, len(wrong)))
    return random.sample([right, *chosen], len(chosen) + 1)

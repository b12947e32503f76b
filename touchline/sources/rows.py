"""Rows that many sources make alike: ready questions, videos by match, no commentary."""

from collections.abc import Sequence
from typing import Any

from touchline.faults import BadInput
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

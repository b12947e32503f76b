"""The user's own labels and commentary of a match, which say which team did what: SoccerNet's
Labels-v2.json and Echoes' transcripts.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from touchline.errors import InputError
from touchline.highlights.frame_index import index_video_frames
from touchline.highlights.match import MatchPart
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sports import SPORTS

HALVES = ("1", "2")


def read_match_labels(
    file: Path, match_parts: Sequence[MatchPart], sport: str
) -> dict[Path, list[Label]]:
    """Read the labels of the halves that are present. Returns {video file: labels in seconds of
    that file}.

    `match_parts`: all parts of the match, before a request narrowed them down. Duplicate labels and
    labels outside their half are skipped. Raises `InputError` if the file cannot be read or it is
    unknown which half a video shows.
    """
    if not file.is_file():
        raise InputError(f"--labels {file}", "there is no such file", "give a Labels-v2.json")
    if not all(part.period for part in match_parts):
        wrong, remedy = (
            "which half the video shows is not known",
            "say --kickoff2, or give --halves",
        )
        raise InputError("--labels", wrong, remedy)
    parts = {str(part.period): part for part in match_parts}
    videos = {half: _half_as_video(half, parts.get(half)) for half in HALVES}
    reading = labels_v2.read_labels_v2(file, file.name, SPORTS[sport], videos)
    if reading.faults and not reading.rows:
        raise reading.faults[0].why
    labels_by_file: dict[Path, list[Label]] = {part.frame_index.path: [] for part in match_parts}
    for label in reading.rows:
        if part := parts.get(label.video):
            start = label.start + part.start
            labels_by_file[part.frame_index.path].append(replace(label, start=start, end=start))
    return labels_by_file


def _half_as_video(half: str, part: MatchPart | None) -> Video:
    """What the reader must know of a half: how long it is; one that is not here is endless."""
    length = part.end - part.start if part else math.inf
    return Video(
        id=half,
        source="own",
        sport="",
        match="own",
        part=half,
        path="",
        sha256="",
        bytes=0,
        licence="own",
        terms="open",
        codec="",
        width=0,
        height=0,
        fps=0.0,
        frames=0,
        duration=length,
        start=0.0,
        longest_gap=0.0,
        edit_list=False,
        keyframes=[],
    )


def read_match_commentary(file: Path, film: Path) -> list[Speech]:
    """Read a transcript; times are in seconds of the video `film`.

    Raises `InputError` for the first line that cannot be read, because a partial transcript would
    mislead.
    """
    if not file.is_file():
        raise InputError(file, "there is no such file", "give the commentary of the video")
    length = index_video_frames(film).end
    video = Video(
        id="own",
        source="own",
        sport="",
        match="own",
        part="",
        path=film.name,
        sha256="",
        bytes=0,
        licence="own",
        terms="open",
        codec="",
        width=0,
        height=0,
        fps=0.0,
        frames=0,
        duration=length,
        start=0.0,
        longest_gap=0.0,
        edit_list=False,
        keyframes=[],
    )
    reading = echoes.read_echoes_transcript(file, video, file.name)
    if reading.faults:
        raise reading.faults[0].why
    return list(reading.rows)

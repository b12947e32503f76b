"""Labels of one's own match, in SoccerNet's layout: whose actions they were."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from touchline.errors import BadInput
from touchline.highlights.frame_index import shown
from touchline.highlights.match import Part
from touchline.records import Label, Speech, Video
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sports import SPORTS

HALVES = ("1", "2")


def labels(file: Path, whole: Sequence[Part], sport: str) -> dict[Path, list[Label]]:
    """The readable labels of the halves that are here, in seconds of their file.

    `whole`: the parts of the match before anything was left out of them. A label that is there
    twice or lies outside its half serves nobody and harms nobody. Raises `BadInput` when the
    file cannot be read, or nobody knows which half a video shows.
    """
    if not file.is_file():
        raise BadInput(f"--labels {file}", "there is no such file", "give a Labels-v2.json")
    if not all(part.period for part in whole):
        wrong, remedy = (
            "which half the video shows is not known",
            "say --kickoff2, or give --halves",
        )
        raise BadInput("--labels", wrong, remedy)
    parts = {str(part.period): part for part in whole}
    videos = {half: _video(half, parts.get(half)) for half in HALVES}
    reading = labels_v2.read(file, file.name, SPORTS[sport], videos)
    if reading.faults and not reading.rows:
        raise reading.faults[0].why
    found: dict[Path, list[Label]] = {part.shown.path: [] for part in whole}
    for label in reading.rows:
        if part := parts.get(label.video):
            start = label.start + part.start
            found[part.shown.path].append(replace(label, start=start, end=start))
    return found


def _video(half: str, part: Part | None) -> Video:
    """What the reader must know of a half: how long it is; one that is not here is endless."""
    length = part.end - part.start if part else math.inf
    return Video(
        *(half, "own", "", "own", half, "", "", 0, "own", "open", "", 0, 0),
        *(0.0, 0, length, 0.0, 0.0, False, []),
    )


def lines(file: Path, film: Path) -> list[Speech]:
    """The lines of a transcript by the clock of the film.

    Raises `BadInput` for the first line that cannot be read: half a transcript misleads.
    """
    if not file.is_file():
        raise BadInput(file, "there is no such file", "give the commentary of the video")
    length = shown(film).end
    of = Video(
        *("own", "own", "", "own", "", film.name, "", 0, "own", "open", "", 0, 0),
        *(0.0, 0, length, 0.0, 0.0, False, []),
    )
    reading = echoes.read(file, of, file.name)
    if reading.faults:
        raise reading.faults[0].why
    return list(reading.rows)

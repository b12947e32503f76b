"""The source `finediving`: the steps of dives, exact to the frame, and the judges' scores.

Xu et al., "FineDiving" (CVPR 2022), in the form that E2E-Spot gave it.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.chat.prompts import words
from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import e2e_spot, folder, ready_questions
from touchline.sources.e2e_spot import Entry, Set
from touchline.sources.folder import Folder
from touchline.sources.source import Found, Reading, Source
from touchline.sports.diving import DIVING

NAME = "finediving"
EVENT = re.compile(r"(.*\S)__\d+")  # competition__number
HIGHEST = 200.0  # points; the record stands well below
PARTS = e2e_spot.parts(
    "finediving",
    "The authors of FineDiving give them to those who sign their agreement "
    "(https://github.com/xujinglin/FineDiving).",
)


class Settings(Folder):
    fps: float = Field(ge=1, le=1000)  # the files state none; 25 fits the length of dives


def download(settings: Settings, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Settings, own: Path) -> Reading[Found]:
    return e2e_spot.videos(_dives(settings), own)


def labels(settings: Settings, own: Path, found: Sequence[Video]) -> Reading[Label]:
    """The steps as actions, and for every dive the question what score it got."""
    reading = e2e_spot.labels(_dives(settings), own, found)
    listed, _ = e2e_spot.rows(NAME, own)
    known = {video.id: video for video in found}
    for entry in e2e_spot.entries(_dives(settings), listed).rows:
        reading.take(f"{entry.id}/score", _score, entry, known.get(entry.video))
    return reading


def _dives(settings: Settings) -> Set:
    return Set(NAME, DIVING, EVENT, settings.fps)


def _score(entry: Entry, video: Video | None) -> Label:
    video = ready_questions.kept(entry.id, video)
    points: Any = entry.info.get("dive_score") if isinstance(entry.info, dict) else None
    if isinstance(points, bool) or not isinstance(points, int | float):
        raise BadInput(entry.id, f"its dive_score {points!r} is no number", "mend or remove it")
    if not 0 < points <= HIGHEST:
        raise BadInput(entry.id, f"its dive_score {points!r} is no score", "mend or remove it")
    answer = f"{points:.2f}"
    return ready_questions.question(
        f"{video.id}/score", video, "score", words("dive_score"), answer
    )


FINEDIVING = Source(
    name=NAME,
    licence="BSD-3-Clause and MIT (labels); the authors' agreement (videos)",
    terms="request",
    homepage=e2e_spot.HOME,
    sports=("diving",),
    tasks=("spotting", "open", "score"),
    parts=PARTS,
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)

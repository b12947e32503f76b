"""The source `e2e-tennis`: serves, swings and bounces of tennis rallies, exact to the frame."""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from touchline.records import Label, Video
from touchline.sources import e2e_spot, folder, ready_questions
from touchline.sources.e2e_spot import Set
from touchline.sources.folder import Folder
from touchline.sources.source import Found, Reading, Source
from touchline.sports.tennis import TENNIS

NAME = "e2e-tennis"
RALLIES = Set(NAME, TENNIS, re.compile(r"(\S.*)_\d+_\d+"), 0.0)  # match_first frame_last frame
PARTS = e2e_spot.parts(
    "tennis",
    "Broadcasts on YouTube, listed in the set's videos.csv; cut each rally out of its match, from "
    "the first to the last frame that the video's name in the labels ends with.",
)


def download(settings: Folder, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Folder, own: Path) -> Reading[Found]:
    return e2e_spot.videos(RALLIES, own)


def labels(settings: Folder, own: Path, found: Sequence[Video]) -> Reading[Label]:
    return e2e_spot.labels(RALLIES, own, found)


E2E_TENNIS = Source(
    name=NAME,
    licence="BSD-3-Clause (labels); broadcasters' own (videos)",
    terms="open",
    homepage=e2e_spot.HOME,
    sports=("tennis",),
    tasks=("spotting", "open"),
    parts=PARTS,
    settings=Folder,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)

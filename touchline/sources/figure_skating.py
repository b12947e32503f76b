"""The source `e2e-figure-skating`: take-offs and landings of short programs, frame by frame."""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from touchline.records import Label, Video
from touchline.sources import e2e_spot, folder, ready_questions
from touchline.sources.e2e_spot import Set
from touchline.sources.folder import Folder
from touchline.sources.source import Found, Reading, Source
from touchline.sports.figure_skating import FIGURE_SKATING

NAME = "e2e-figure-skating"
# competition_number_first frame_last frame: skaters of one competition stay together
PROGRAMS = Set(NAME, FIGURE_SKATING, re.compile(r"(\S.*)_\d+_\d+_\d+"), 0.0)
PARTS = e2e_spot.parts(
    "fs_comp",
    "Broadcasts on YouTube, listed in the set's videos.csv; cut each program out, from the first "
    "to the last frame that the video's name in the labels ends with, at 25 frames per second.",
)


def download(settings: Folder, own: Path, executor: Executor) -> None:
    folder.bring(NAME, settings.folder, PARTS, own)


def videos(settings: Folder, own: Path) -> Reading[Found]:
    return e2e_spot.videos(PROGRAMS, own)


def labels(settings: Folder, own: Path, found: Sequence[Video]) -> Reading[Label]:
    return e2e_spot.labels(PROGRAMS, own, found)


E2E_FIGURE_SKATING = Source(
    name=NAME,
    licence="BSD-3-Clause (labels); broadcasters' own (videos)",
    terms="open",
    homepage=e2e_spot.HOME,
    sports=("figure skating",),
    tasks=("spotting", "open"),
    parts=PARTS,
    settings=Folder,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
)

"""The source `e2e-tennis`: serves, swings and bounces in tennis rallies, labelled by frame
(E2E-Spot format).
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import e2e_spot, folder, ready_questions
from touchline.sources.e2e_spot import E2eDataset
from touchline.sources.folder import FolderSettings
from touchline.sources.source import ReadResult, Source, SourceVideo
from touchline.sports.tennis import TENNIS

TENNIS_NAME = "e2e-tennis"
TENNIS_DATASET = E2eDataset(
    TENNIS_NAME, TENNIS, re.compile(r"(\S.*)_\d+_\d+"), 0.0
)  # match_first frame_last frame
TENNIS_PARTS = e2e_spot.build_e2e_parts(
    "tennis",
    "Broadcasts on YouTube, listed in the set's videos.csv; cut each rally out of its match, from "
    "the first to the last frame that the video's name in the labels ends with.",
)


def download_tennis(settings: FolderSettings, source_folder: Path, executor: Executor) -> None:
    """Copy the label files and videos of E2E tennis from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(TENNIS_NAME, settings.folder, TENNIS_PARTS, source_folder)


def list_tennis_videos(settings: FolderSettings, source_folder: Path) -> ReadResult[SourceVideo]:
    """List every labelled rally clip."""
    return e2e_spot.list_e2e_videos(TENNIS_DATASET, source_folder)


def read_tennis_labels(
    settings: FolderSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read one label per serve, swing or bounce."""
    return e2e_spot.read_e2e_labels(TENNIS_DATASET, source_folder, videos)


E2E_TENNIS = Source(
    name=TENNIS_NAME,
    licence="BSD-3-Clause (labels); broadcasters' own (videos)",
    terms="open",
    homepage=e2e_spot.HOMEPAGE,
    sports=("tennis",),
    tasks=("spotting", "open"),
    parts=TENNIS_PARTS,
    settings=FolderSettings,
    download=download_tennis,
    videos=list_tennis_videos,
    labels=read_tennis_labels,
    speech=ready_questions.read_no_speech,
)

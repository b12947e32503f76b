"""The source `e2e-figure-skating`: take-offs and landings in short programs, labelled by frame
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
from touchline.sports.figure_skating import FIGURE_SKATING

FIGURE_SKATING_NAME = "e2e-figure-skating"
# competition_number_first frame_last frame: skaters of one competition stay together
FIGURE_SKATING_DATASET = E2eDataset(
    FIGURE_SKATING_NAME, FIGURE_SKATING, re.compile(r"(\S.*)_\d+_\d+_\d+"), 0.0
)
FIGURE_SKATING_PARTS = e2e_spot.build_e2e_parts(
    "fs_comp",
    "Broadcasts on YouTube, listed in the set's videos.csv; cut each program out, from the first "
    "to the last frame that the video's name in the labels ends with, at 25 frames per second.",
)


def download_figure_skating(
    settings: FolderSettings, source_folder: Path, executor: Executor
) -> None:
    """Copy the label files and videos of E2E figure skating from the configured folder or archive
    into `source_folder`.
    """
    folder.copy_source_files(
        FIGURE_SKATING_NAME, settings.folder, FIGURE_SKATING_PARTS, source_folder
    )


def list_figure_skating_videos(
    settings: FolderSettings, source_folder: Path
) -> ReadResult[SourceVideo]:
    """List every labelled program; one clip is one short program."""
    return e2e_spot.list_e2e_videos(FIGURE_SKATING_DATASET, source_folder)


def read_figure_skating_labels(
    settings: FolderSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read one label per take-off or landing."""
    return e2e_spot.read_e2e_labels(FIGURE_SKATING_DATASET, source_folder, videos)


E2E_FIGURE_SKATING = Source(
    name=FIGURE_SKATING_NAME,
    licence="BSD-3-Clause (labels); broadcasters' own (videos)",
    terms="open",
    homepage=e2e_spot.HOMEPAGE,
    sports=("figure skating",),
    tasks=("spotting", "open"),
    parts=FIGURE_SKATING_PARTS,
    settings=FolderSettings,
    download=download_figure_skating,
    videos=list_figure_skating_videos,
    labels=read_figure_skating_labels,
    speech=ready_questions.read_no_speech,
)

"""The source `finediving`: the steps of dives, labelled by frame, and the judges' scores.

Xu et al., "FineDiving" (CVPR 2022), in E2E-Spot's format.
"""

import re
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from pydantic import Field

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources import e2e_spot, folder, ready_questions
from touchline.sources.e2e_spot import E2eDataset, E2eVideoRow
from touchline.sources.folder import FolderSettings
from touchline.sources.source import ReadResult, Source, SourceVideo
from touchline.sports.diving import DIVING

NAME = "finediving"
VIDEO_NAME = re.compile(r"(.*\S)__\d+")  # competition__number
MAX_SCORE = 200.0  # points; the record stands well below
PARTS = e2e_spot.build_e2e_parts(
    "finediving",
    "The authors of FineDiving give them to those who sign their agreement "
    "(https://github.com/xujinglin/FineDiving).",
)


class FineDivingSettings(FolderSettings):
    """Settings of the source `finediving`; its label files state no frame rate."""

    fps: float = Field(ge=1, le=1000)  # the files state none; 25 fits the length of dives


def download_finediving(
    settings: FineDivingSettings, source_folder: Path, executor: Executor
) -> None:
    """Copy the label files and videos of FineDiving from the configured folder or archive into
    `source_folder`.
    """
    folder.copy_source_files(NAME, settings.folder, PARTS, source_folder)


def list_finediving_videos(
    settings: FineDivingSettings, source_folder: Path
) -> ReadResult[SourceVideo]:
    """List every labelled dive."""
    return e2e_spot.list_e2e_videos(_diving_dataset(settings), source_folder)


def read_finediving_labels(
    settings: FineDivingSettings, source_folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read the steps of each dive as actions, and one question per dive about its score."""
    reading = e2e_spot.read_e2e_labels(_diving_dataset(settings), source_folder, videos)
    numbered_rows, _ = e2e_spot.read_e2e_rows(NAME, source_folder)
    videos_by_id = {video.id: video for video in videos}
    for entry in e2e_spot.parse_e2e_rows(_diving_dataset(settings), numbered_rows).rows:
        reading.take(f"{entry.id}/score", _score_question, entry, videos_by_id.get(entry.video))
    return reading


def _diving_dataset(settings: FineDivingSettings) -> E2eDataset:
    return E2eDataset(NAME, DIVING, VIDEO_NAME, settings.fps)


def _score_question(entry: E2eVideoRow, video: Video | None) -> Label:
    video = ready_questions.require_video(entry.id, video)
    points: Any = entry.info.get("dive_score") if isinstance(entry.info, dict) else None
    if isinstance(points, bool) or not isinstance(points, int | float):
        raise InputError(
            entry.id, f"its dive_score {points!r} is not a number", "correct or remove it"
        )
    if not 0 < points <= MAX_SCORE:
        raise InputError(
            entry.id, f"its dive_score {points!r} is not a score", "correct or remove it"
        )
    answer = f"{points:.2f}"
    return ready_questions.build_ready_question(
        f"{video.id}/score",
        video,
        "score",
        ready_questions.read_source_prompt("dive_score"),
        answer,
    )


FINEDIVING = Source(
    name=NAME,
    licence="BSD-3-Clause and MIT (labels); the authors' agreement (videos)",
    terms="request",
    homepage=e2e_spot.HOMEPAGE,
    sports=("diving",),
    tasks=("spotting", "open", "score"),
    parts=PARTS,
    settings=FineDivingSettings,
    download=download_finediving,
    videos=list_finediving_videos,
    labels=read_finediving_labels,
    speech=ready_questions.read_no_speech,
)

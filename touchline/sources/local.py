"""The source `local`: a folder of the user's own videos, with labels in SoccerNet's
format or none.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.errors import InputError
from touchline.raw_data import describe_missing_folder, resolve_raw_path
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import own_videos
from touchline.sources.fetch import FileRequest, fetch_files
from touchline.sources.own_videos import OwnVideoSettings
from touchline.sources.source import ReadResult, Source, SourceVideo
from touchline.sports import SPORTS

COPY_WORKERS = 2  # files read at the same time: more only makes a disk seek


class LocalSettings(OwnVideoSettings):
    """Settings of the source `local`."""

    folder: str = Field(min_length=1)  # relative: below the raw data


def download_local(settings: LocalSettings, folder: Path, executor: Executor) -> None:
    """Copy videos, labels and transcripts; an interrupted copy is resumed. Raises InputError if the
    folder holds no video.
    """
    origin = resolve_raw_path(settings.folder)
    paths = list(own_videos.walk_own_files(origin))
    if not any(own_videos.is_video_file(path.name) for path in paths):
        key = "download.sources.local.folder"
        if not origin.is_dir():
            raise InputError(origin, "is missing", describe_missing_folder(key))
        raise InputError(origin, "holds no video", f"set {key} to the folder of videos")
    fetch_files(
        [_local_request(path, origin) for path in paths],
        folder,
        COPY_WORKERS,
        earlier_manifest=own_videos.locate_known_manifest(settings),
    )


def _local_request(path: Path, origin: Path) -> FileRequest:
    size = path.stat().st_size if path.is_file() else 0  # a dead link is told when it is copied
    own_videos.check_label_size(str(path), size)
    return FileRequest(
        path.relative_to(origin).as_posix(), (path.absolute().as_uri(),), "", size, ""
    )


def list_local_videos(settings: LocalSettings, folder: Path) -> ReadResult[SourceVideo]:
    """List the videos of the folder."""
    return own_videos.list_own_videos("local", settings, folder)


def read_local_labels(
    settings: LocalSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read the label files of the folder."""
    return own_videos.read_own_labels("local", settings, folder, videos)


def read_local_speech(
    settings: LocalSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Speech]:
    """Read the transcripts of the folder."""
    return own_videos.read_own_speech("local", settings, folder, videos)


LOCAL = Source(
    name="local",
    licence="as its owner says",
    terms="owner",
    homepage="",
    sports=tuple(SPORTS),
    tasks=own_videos.TASKS,
    parts=own_videos.build_own_parts(
        "a folder of your own", "Set download.sources.local.folder to it."
    ),
    settings=LocalSettings,
    download=download_local,
    videos=list_local_videos,
    labels=read_local_labels,
    speech=read_local_speech,
)

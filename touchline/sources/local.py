"""The source `local`: a folder of one's own videos, with labels in SoccerNet's format or none."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import own_videos
from touchline.sources.fetch import Wanted, fetch
from touchline.sources.folder import located
from touchline.sources.own_videos import Owned
from touchline.sources.source import Found, Reading, Source
from touchline.sports import SPORTS

WORKERS = 2  # files read at the same time: more only makes a disk seek


class Settings(Owned):
    folder: str = Field(min_length=1)  # relative: below $TOUCHLINE_ROOT, else the working folder


def download(settings: Settings, folder: Path, executor: Executor) -> None:
    """Copy videos, labels and commentary; a copy that broke off goes on where it was."""
    origin = located(settings.folder)
    found = list(own_videos.files(origin))
    if not any(own_videos.is_video(path.name) for path in found):
        wrong = "holds no video" if origin.is_dir() else "is missing"
        raise BadInput(origin, wrong, "set download.sources.local.folder to the folder of videos")
    fetch(
        [_wanted(path, origin) for path in found], folder, WORKERS, known=own_videos.known(settings)
    )


def _wanted(path: Path, origin: Path) -> Wanted:
    size = path.stat().st_size if path.is_file() else 0  # a dead link is told when it is copied
    own_videos.not_too_large(str(path), size)
    return Wanted(path.relative_to(origin).as_posix(), (path.absolute().as_uri(),), "", size, "")


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    return own_videos.videos("local", settings, folder)


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    return own_videos.labels("local", settings, folder, found)


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    return own_videos.speech("local", settings, folder, found)


LOCAL = Source(
    name="local",
    licence="as its owner says",
    terms="owner",
    homepage="",
    sports=tuple(SPORTS),
    tasks=own_videos.TASKS,
    parts=own_videos.parts("a folder of your own", "Set download.sources.local.folder to it."),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)

"""The source `s3`: videos and labels in a bucket, laid out like a folder of one's own."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import own_videos
from touchline.sources.fetch import Wanted, fetch
from touchline.sources.fetch.mirror import PATIENCE
from touchline.sources.fetch.s3 import listing, url
from touchline.sources.own_videos import Owned
from touchline.sources.source import Found, Reading, Source
from touchline.sports import SPORTS


class Settings(Owned):
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str  # a folder in the bucket, "" for all of it
    endpoint: str  # of another server than AWS; "" leaves it to AWS_ENDPOINT_URL
    connections: int = Field(ge=1)


def download(settings: Settings, folder: Path, executor: Executor) -> None:
    """Fetch what lies below the prefix; sizes, ETags and sha256 metadata are held against it."""
    prefix = settings.prefix.strip("/") + "/" if settings.prefix.strip("/") else ""
    place = url(settings.bucket, prefix)
    found = listing(settings.bucket, prefix, settings.endpoint, PATIENCE.timeout)
    wanted = [
        _wanted(settings.bucket, key, key.removeprefix(prefix), size)
        for key, size in found
        if own_videos.belongs(key.removeprefix(prefix))
    ]
    if not any(own_videos.is_video(one.path) for one in wanted):
        raise BadInput(place, "holds no video", "check download.sources.s3.bucket and .prefix")
    known = own_videos.known(settings)
    fetch(wanted, folder, settings.connections, settings.endpoint, known)


def _wanted(bucket: str, key: str, path: str, size: int) -> Wanted:
    own_videos.not_too_large(url(bucket, key), size)
    return Wanted(path, (url(bucket, key),), "", size, "")


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    return own_videos.videos("s3", settings, folder)


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    return own_videos.labels("s3", settings, folder, found)


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    return own_videos.speech("s3", settings, folder, found)


S3 = Source(
    name="s3",
    licence="as its owner says",
    terms="owner",
    homepage="",
    sports=tuple(SPORTS),
    tasks=own_videos.TASKS,
    parts=own_videos.parts(
        "a bucket of your own",
        "Its keys come from AWS's own variables; set download.sources.s3.bucket to it.",
    ),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)

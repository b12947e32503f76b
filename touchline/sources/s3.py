"""The source `s3`: videos and labels in a bucket, laid out like a folder of one's own."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.faults import BadInput
from touchline.fetch import Wanted, fetch
from touchline.fetch.mirror import PATIENCE
from touchline.fetch.s3 import listing, url
from touchline.records import Label, Speech, Video
from touchline.sources import owned
from touchline.sources.owned import Owned
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
        if owned.belongs(key.removeprefix(prefix))
    ]
    if not any(owned.is_video(one.path) for one in wanted):
        raise BadInput(place, "holds no video", "check download.sources.s3.bucket and .prefix")
    known = owned.known(settings)
    fetch(wanted, folder, settings.connections, settings.endpoint, known)


def _wanted(bucket: str, key: str, path: str, size: int) -> Wanted:
    owned.not_too_large(url(bucket, key), size)
    return Wanted(path, (url(bucket, key),), "", size, "")


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    return owned.videos("s3", settings, folder)


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    return owned.labels("s3", settings, folder, found)


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    return owned.speech("s3", settings, folder, found)


S3 = Source(
    name="s3",
    licence="as its owner says",
    terms="owner",
    homepage="",
    sports=tuple(SPORTS),
    tasks=owned.TASKS,
    parts=owned.parts(
        "a bucket of your own",
        "Its keys come from AWS's own variables; set download.sources.s3.bucket to it.",
    ),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
)

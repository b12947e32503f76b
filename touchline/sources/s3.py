"""The source `s3`: videos and labels in an S3 bucket, laid out like a folder of the user's own
videos.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from pydantic import Field

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import own_videos
from touchline.sources.fetch import FileRequest, fetch_files
from touchline.sources.fetch.mirror import DEFAULT_RETRY_POLICY
from touchline.sources.fetch.s3 import build_s3_url, list_s3_objects
from touchline.sources.own_videos import OwnVideoSettings
from touchline.sources.source import ReadResult, Source, SourceVideo
from touchline.sports import SPORTS


class S3Settings(OwnVideoSettings):
    """Settings of the source `s3`."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str  # a folder in the bucket, "" for all of it
    endpoint: str  # of another server than AWS; "" leaves it to AWS_ENDPOINT_URL
    connections: int = Field(ge=1)


def download_s3(settings: S3Settings, folder: Path, executor: Executor) -> None:
    """Download all objects below the prefix; sizes, ETags and sha256 metadata are verified. Raises
    InputError if there is no video.
    """
    prefix = settings.prefix.strip("/") + "/" if settings.prefix.strip("/") else ""
    place = build_s3_url(settings.bucket, prefix)
    objects = list_s3_objects(
        settings.bucket, prefix, settings.endpoint, DEFAULT_RETRY_POLICY.timeout
    )
    requests = [
        _s3_request(settings.bucket, key, key.removeprefix(prefix), size)
        for key, size, _ in objects
        if own_videos.is_own_source_file(key.removeprefix(prefix))
    ]
    if not any(own_videos.is_video_file(request.path) for request in requests):
        raise InputError(place, "holds no video", "check download.sources.s3.bucket and .prefix")
    manifest = own_videos.locate_known_manifest(settings)
    fetch_files(requests, folder, settings.connections, settings.endpoint, manifest)


def _s3_request(bucket: str, key: str, path: str, size: int) -> FileRequest:
    own_videos.check_label_size(build_s3_url(bucket, key), size)
    return FileRequest(path, (build_s3_url(bucket, key),), "", size, "")


def list_s3_videos(settings: S3Settings, folder: Path) -> ReadResult[SourceVideo]:
    """List the downloaded videos."""
    return own_videos.list_own_videos("s3", settings, folder)


def read_s3_labels(
    settings: S3Settings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read the downloaded label files."""
    return own_videos.read_own_labels("s3", settings, folder, videos)


def read_s3_speech(
    settings: S3Settings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Speech]:
    """Read the downloaded transcripts."""
    return own_videos.read_own_speech("s3", settings, folder, videos)


S3 = Source(
    name="s3",
    licence="as its owner says",
    terms="owner",
    homepage="",
    sports=tuple(SPORTS),
    tasks=own_videos.TASKS,
    parts=own_videos.build_own_parts(
        "a bucket of your own",
        "Its keys come from AWS's own variables; set download.sources.s3.bucket to it.",
    ),
    settings=S3Settings,
    download=download_s3,
    videos=list_s3_videos,
    labels=read_s3_labels,
    speech=read_s3_speech,
)

"""Types shared by the download sources (HTTP, S3, disk): the state of a partial file, a download,
and errors.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from touchline.errors import InputError

TRANSIENT_STATUSES = {
    408,
    425,
    429,
    500,
    502,
    503,
    504,
}  # statuses that may be gone on the next try
CHANGED_STATUSES = {412, 416}  # the file is no longer the one that a part of is here
NOT_MODIFIED = 304


@dataclass(frozen=True)
class PartState:
    """How much of a file is downloaded already. `mark` identifies the version of the content at the
    origin.
    """

    bytes: int
    mark: str  # ETag, date or the like; "" when the origin has none
    complete: bool


@dataclass(frozen=True)
class FileDownload:
    """An open download of a file's missing bytes, starting at byte `offset`."""

    offset: int
    total: int | None  # bytes of the whole file, None when the origin does not say
    mark: str
    chunks: Iterable[bytes]
    digests: dict[str, str] = field(default_factory=dict)  # algorithm -> hex, as stated


OpenDownload = Callable[
    [str, PartState, str], AbstractContextManager[FileDownload]
]  # URL, what is here, credential


class TransientFetchError(Exception):
    """A failure that may disappear on retry; the text is the end of a sentence."""

    def __init__(self, reason: str, wait: float = 0.0, restart: bool = False) -> None:
        super().__init__(reason)
        self.wait = wait  # seconds the origin asks to be left alone
        self.restart = restart  # what is here is of another file: begin anew


class MirrorError(InputError):
    """This mirror cannot deliver the file; another one may."""


def build_status_error(place: str, status: int, reason: str, token: str) -> Exception:
    """The exception for an HTTP (or S3) error status. `token` names the variable of
    the credential.
    """
    if status in CHANGED_STATUSES:
        return TransientFetchError("has changed meanwhile", restart=True)
    credential = f"set {token}" if token else "give its credential in the environment"
    errors_by_status = {
        401: ("asks for a credential, or takes the one given for wrong (401)", credential),
        403: ("refuses access (403)", f"ask its owner for access, then {credential}"),
        404: ("is not there (404)", "check the address, or take the file out of the list"),
        410: ("is not there any more (410)", "take the file out of the list"),
    }
    wrong, remedy = errors_by_status.get(
        status, (f"answers {status} {reason}".rstrip(), "ask its owner")
    )
    return MirrorError(place, wrong, remedy)


def build_unchanged_download(state: PartState) -> FileDownload:
    """An empty download: the local file is complete and unchanged at the origin."""
    return FileDownload(state.bytes, state.bytes, state.mark, ())


SCHEMES = ("https", "http", "s3", "file")
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}|")
MAX_NAME_BYTES = (
    200  # bytes of a name: a file system takes 255, a draft of the file needs some of them
)
FIX_LIST = "correct the list of files"


@dataclass(frozen=True)
class FileRequest:
    """One file to download.

    A URL that ends in `/` is a folder: `path` is looked for below it. A user name in a URL
    (`https://NAME@host/...`) makes the credential that user's password (Basic), else it is a bearer
    token. It is sent to the host of the first http(s) URL only, never to another mirror.
    """

    path: str  # below the source's folder; may not leave it
    urls: tuple[str, ...]  # mirrors in order: http(s)://, s3://bucket/key, file://
    sha256: str  # "" when the origin states none
    bytes: int  # 0 when unknown
    token: str  # name of the environment variable that holds the credential, "" for none


@dataclass(frozen=True)
class FetchedFile:
    """A downloaded and verified file. Codec, fps, frames and duration are empty if it is not a
    readable video.
    """

    path: str
    bytes: int
    sha256: str
    codec: str
    fps: float
    frames: int  # shown
    duration: float  # seconds


def check_file_requests(requests: Sequence[FileRequest]) -> None:
    """Raise `InputError` for a path that leaves the folder or collides with another, and for an
    invalid URL.
    """
    paths: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for request in requests:
        if wrong := explain_unsafe_path(request.path) or _find_request_fault(request):
            raise InputError(repr(request.path), wrong, FIX_LIST)
        path = PurePosixPath(request.path)
        if path in paths or path in folders or paths.intersection(path.parents):
            raise InputError(
                repr(request.path), "lies where another file of the list lies", FIX_LIST
            )
        paths.add(path)
        folders.update(path.parents)


def explain_unsafe_path(name: str) -> str:
    """Why this relative path must not be written, as the end of a sentence; "" if it is safe."""
    parts = name.split("/")
    if not name or name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        return "is not a relative path"
    if any(part in ("", ".", "..") for part in parts):
        return "could lead out of its folder"
    if "\0" in name or "\\" in name:
        return "has a zero byte or a backslash in its name"
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return f"has a name of {longest} bytes" if longest > MAX_NAME_BYTES else ""


def resolve_file_url(url: str, path: str) -> str:
    """The URL of the file: `path` appended if `url` is a folder (ends in `/`)."""
    return url + quote(path) if url.endswith("/") else url


def redact_url(url: str) -> str:
    """The URL for logs and errors: without user, password and query (which may be a signature)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _find_request_fault(request: FileRequest) -> str:
    if not request.urls:
        return "has no URL"
    if not SHA256_PATTERN.fullmatch(request.sha256):
        return "has a sha256 that is not 64 hexadecimal digits"
    return next(filter(None, map(_find_url_fault, request.urls)), "")


def _find_url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "has a URL that cannot be read"
    if parts.scheme not in SCHEMES:
        return f"has a URL of the kind {parts.scheme!r}, not one of {', '.join(SCHEMES)}"
    if parts.password is not None:
        return "has a password in its URL: put it into an environment variable"
    if parts.scheme != "file" and not parts.hostname:
        return "has a URL without a host"
    return ""

"""What is to be fetched, what came of it, and which names and addresses are refused."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from touchline.errors import InputError

PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be gone on the next try
CHANGED = {412, 416}  # the file is no longer the one that a part of is here
UNCHANGED = 304


@dataclass(frozen=True)
class Have:
    """What is here of a file already. `mark` is the origin's word for this very content."""

    bytes: int
    mark: str  # ETag, date or the like; "" when the origin has none
    whole: bool


@dataclass(frozen=True)
class Answer:
    """The rest of a file: its bytes from `at` on."""

    at: int
    total: int | None  # bytes of the whole file, None when the origin does not say
    mark: str
    chunks: Iterable[bytes]
    digests: dict[str, str] = field(default_factory=dict)  # algorithm -> hex, as stated


Ask = Callable[[str, Have, str], AbstractContextManager[Answer]]  # URL, what is here, credential


class Passing(Exception):
    """A failure that may be gone on the next try; the text is the end of a sentence."""

    def __init__(self, said: str, wait: float = 0.0, again: bool = False) -> None:
        super().__init__(said)
        self.wait = wait  # seconds the origin asks to be left alone
        self.again = again  # what is here is of another file: begin anew


class Unfit(InputError):
    """This mirror cannot give the file; another one may."""


def refused(place: str, status: int, said: str, token: str) -> Exception:
    """What an HTTP status (S3's too) means, as an exception; `token` names the credential."""
    if status in CHANGED:
        return Passing("has changed meanwhile", again=True)
    credential = f"set {token}" if token else "give its credential in the environment"
    known = {
        401: ("asks for a credential, or takes the one given for wrong (401)", credential),
        403: ("refuses access (403)", f"ask its owner for access, then {credential}"),
        404: ("is not there (404)", "check the address, or take the file out of the list"),
        410: ("is not there any more (410)", "take the file out of the list"),
    }
    wrong, remedy = known.get(status, (f"answers {status} {said}".rstrip(), "ask its owner"))
    return Unfit(place, wrong, remedy)


def unchanged(have: Have) -> Answer:
    """What is here is whole and still the same."""
    return Answer(have.bytes, have.bytes, have.mark, ())


SCHEMES = ("https", "http", "s3", "file")
SHA256 = re.compile(r"[0-9a-f]{64}|")
LONGEST = 200  # bytes of a name: a file system takes 255, a draft of the file needs some of them
MEND = "mend the list of files"


@dataclass(frozen=True)
class Wanted:
    """One file to fetch.

    A URL that ends in `/` is a folder: `path` is looked for below it. A user name in a URL
    (`https://NAME@host/...`) makes the credential that user's password (Basic), else it is a
    bearer token. It goes to the host of the first http(s) URL alone, never to another mirror.
    """

    path: str  # below the source's folder; may not leave it
    urls: tuple[str, ...]  # mirrors in order: http(s)://, s3://bucket/key, file://
    sha256: str  # "" when the origin states none
    bytes: int  # 0 when unknown
    token: str  # name of the environment variable that holds the credential, "" for none


@dataclass(frozen=True)
class Fetched:
    """A file that is here, checked; the media signature is empty for what is no readable video."""

    path: str
    bytes: int
    sha256: str
    codec: str
    fps: float
    frames: int  # shown
    duration: float  # seconds


def check(wanted: Sequence[Wanted]) -> None:
    """A `InputError` for a path that could leave the folder or meet another, or a strange URL."""
    seen: set[PurePosixPath] = set()
    above: set[PurePosixPath] = set()
    for one in wanted:
        if wrong := unsafe(one.path) or _faulty(one):
            raise InputError(repr(one.path), wrong, MEND)
        path = PurePosixPath(one.path)
        if path in seen or path in above or seen.intersection(path.parents):
            raise InputError(repr(one.path), "lies where another file of the list lies", MEND)
        seen.add(path)
        above.update(path.parents)


def unsafe(name: str) -> str:
    """Why nothing may be written under this relative name, "" when it may."""
    parts = name.split("/")
    if not name or name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        return "is no relative path"
    if any(part in ("", ".", "..") for part in parts):
        return "could lead out of its folder"
    if "\0" in name or "\\" in name:
        return "has a zero byte or a backslash in its name"
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    return f"has a name of {longest} bytes" if longest > LONGEST else ""


def address(url: str, path: str) -> str:
    """The URL of the file itself, where `url` names the folder it is in."""
    return url + quote(path) if url.endswith("/") else url


def shown(url: str) -> str:
    """The URL as it may be told: no user, no password, no query (it may be a signature)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _faulty(one: Wanted) -> str:
    if not one.urls:
        return "has no URL"
    if not SHA256.fullmatch(one.sha256):
        return "has a sha256 that is not 64 hexadecimal digits"
    return next(filter(None, map(_strange, one.urls)), "")


def _strange(url: str) -> str:
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

"""Unpack a zip or tar that nobody vouches for: plain files inside the folder, or nothing."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from touchline.atomic import atomic_folder
from touchline.errors import InputError
from touchline.sources.fetch.request import unsafe

PIECE = 2**20
HEADER = 2**24  # bytes at most that may be read at once: a tar header can claim any length
TRUST = "do not unpack it by hand either; ask its owner"
DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile
)  # fmt: skip
PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


@dataclass(frozen=True)
class Limits:
    """What an archive may become; a bomb is told by its ratio."""

    members: int
    bytes: int
    ratio: float  # unpacked to packed, looked at above `free` bytes
    free: int


LIMITS = Limits(members=500_000, bytes=2**40, ratio=100.0, free=2**27)


def unpack(archive: Path, folder: Path, token: str = "", limits: Limits = LIMITS) -> list[Path]:
    """Unpack into `folder`, which is made anew, and return the files below it in order.

    `token` names the environment variable that holds an encrypted zip's password. A path that
    leads out, a link, a device, a name that comes twice, a bomb or a damaged member is a
    `InputError` that names archive and member, and nothing is left.
    """
    if not archive.is_file():
        raise InputError(archive, "there is no such file", "fetch it again")
    with atomic_folder(folder) as draft:
        work = _Work(archive, draft, limits)
        with _reading(work):
            if _head(archive).startswith((b"PK\x03\x04", b"PK\x05\x06")):
                _unzip(work, os.environ.get(token, "").encode(), token)
            else:
                _untar(work)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@dataclass
class _Work:
    archive: Path
    folder: Path
    limits: Limits
    member: str = ""
    count: int = 0
    written: int = 0
    seen: set[str] = field(default_factory=set)

    def refuse(self, wrong: str, remedy: str = TRUST) -> InputError:
        place = f"{self.archive}: {self.member!r}" if self.member else str(self.archive)
        return InputError(place, wrong, remedy)

    def begin(self, name: str, plain: bool, folder: bool, size: int) -> bool:
        """Look at the next member before any byte of it; whether it is a file to write."""
        self.member, self.count = name.removeprefix("./").rstrip("/"), self.count + 1
        if self.count > self.limits.members:
            raise self.refuse(f"the archive has more than {self.limits.members} members")
        if folder and self.member in ("", "."):
            return False
        if wrong := unsafe(self.member):
            raise self.refuse(wrong)
        if folder:
            return False
        if not plain:
            raise self.refuse("is a link, a device or another thing that is no plain file")
        if self.member in self.seen:
            raise self.refuse("is in the archive twice")
        self.seen.add(self.member)
        self.room(size)
        return True

    def room(self, more: int) -> None:
        """So many bytes more would be unpacked: said beforehand, and again while they come."""
        total, packed = self.written + more, max(1, self.archive.stat().st_size)
        if total > self.limits.bytes:
            raise self.refuse(f"the archive unpacks to more than {self.limits.bytes} bytes")
        if total > self.limits.free and total > packed * self.limits.ratio:
            raise self.refuse(f"the archive unpacks to {total / packed:.0f} times its size: a bomb")

    def write(self, content: IO[bytes]) -> None:
        target = self.folder / self.member
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while piece := content.read(PIECE):
                self.room(len(piece))
                self.written += len(piece)
                file.write(piece)


@contextmanager
def _reading(work: _Work) -> Iterator[None]:
    """The border where a reader's error becomes a sentence."""
    try:
        yield
    except DAMAGE as error:
        raise work.refuse(f"is damaged ({type(error).__name__})", "fetch it again") from error
    except (FileExistsError, NotADirectoryError):
        raise work.refuse("lies where another member lies") from None
    except NotImplementedError:
        remedy = "unpack it with another program and give the folder"
        raise work.refuse("is packed or encrypted in a way not known here", remedy) from None


def _unzip(work: _Work, password: bytes, token: str) -> None:
    with zipfile.ZipFile(work.archive) as box:
        for one in box.infolist():
            kind = stat.S_IFMT(one.external_attr >> 16)
            plain, folder = kind in (0, stat.S_IFREG), one.is_dir() and kind in (0, stat.S_IFDIR)
            if not work.begin(one.filename, plain, folder, one.file_size):
                continue
            if one.flag_bits & 1 and not password:
                remedy = f"set {token}" if token else "ask its owner for an open one"
                raise work.refuse("is encrypted", remedy)
            try:
                content = box.open(one, pwd=password or None)
            except RuntimeError:
                raise work.refuse("does not open with the password given", f"set {token}") from None
            with content:
                work.write(content)


def _untar(work: _Work) -> None:
    with _stream(work.archive) as stream, _box(work, stream) as box:
        for one in box:
            if work.begin(one.name, one.isreg(), one.isdir(), one.size):
                content = box.extractfile(one)
                assert content is not None  # it is a plain file
                work.write(content)
        stream.seek(box.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile stops in silence
            raise work.refuse("is damaged (what follows is no member)", "fetch it again")


def _box(work: _Work, stream: "_Guard") -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode="r:")
    except tarfile.ReadError:
        raise work.refuse("is neither zip nor tar, or is damaged", "fetch it again") from None


class _Guard(io.BufferedIOBase):
    """A stream that refuses to read a header of any length into memory."""

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= HEADER:
            raise tarfile.ReadError("a header claims an absurd length")
        return self.inner.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()


@contextmanager
def _stream(archive: Path) -> Iterator[_Guard]:
    """The tar inside whatever packs it."""
    packer = next((p for magic, p in PACKED.items() if _head(archive).startswith(magic)), None)
    with packer(archive) if packer else archive.open("rb") as inner:
        yield _Guard(inner)


def _head(archive: Path) -> bytes:
    with archive.open("rb") as file:
        return file.read(6)

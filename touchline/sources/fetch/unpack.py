"""Unpack an untrusted zip or tar archive: regular files inside the target folder only, all or
nothing.
"""

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
from touchline.sources.fetch.request import explain_unsafe_path

READ_BYTES = 2**20
MAX_READ_BYTES = 2**24  # bytes at most that may be read at once: a tar header can claim any length
UNTRUSTED_REMEDY = "do not unpack it by hand either; ask its owner"
DAMAGE_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile
)  # fmt: skip
DECOMPRESSORS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


@dataclass(frozen=True)
class ArchiveLimits:
    """Upper limits for an unpacked archive, against decompression bombs."""

    members: int
    bytes: int
    ratio: float  # unpacked to packed, looked at above `free` bytes
    free: int


DEFAULT_ARCHIVE_LIMITS = ArchiveLimits(members=500_000, bytes=2**40, ratio=100.0, free=2**27)


def unpack_archive(
    archive: Path, folder: Path, token: str = "", limits: ArchiveLimits = DEFAULT_ARCHIVE_LIMITS
) -> list[Path]:
    """Unpack into `folder`, which is replaced; returns the relative paths of the files, sorted.

    `token` names the environment variable with the password of an encrypted zip. A path outside the
    folder, a link, a device, a duplicate name, a decompression bomb or a damaged member raises an
    `InputError` that names archive and member, and nothing is left behind.
    """
    if not archive.is_file():
        raise InputError(archive, "there is no such file", "fetch it again")
    with atomic_folder(folder) as draft:
        work = _ArchiveExtraction(archive, draft, limits)
        with _translate_read_errors(work):
            if _read_magic_bytes(archive).startswith((b"PK\x03\x04", b"PK\x05\x06")):
                _unzip(work, os.environ.get(token, "").encode(), token)
            else:
                _untar(work)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@dataclass
class _ArchiveExtraction:
    archive: Path
    folder: Path
    limits: ArchiveLimits
    member: str = ""
    count: int = 0
    written: int = 0
    member_names: set[str] = field(default_factory=set)

    def build_error(self, wrong: str, remedy: str = UNTRUSTED_REMEDY) -> InputError:
        place = f"{self.archive}: {self.member!r}" if self.member else str(self.archive)
        return InputError(place, wrong, remedy)

    def accept_member(self, name: str, plain: bool, folder: bool, size: int) -> bool:
        """Check the next member before reading it; returns whether it is a file to write."""
        self.member, self.count = name.removeprefix("./").rstrip("/"), self.count + 1
        if self.count > self.limits.members:
            raise self.build_error(f"the archive has more than {self.limits.members} members")
        if folder and self.member in ("", "."):
            return False
        if wrong := explain_unsafe_path(self.member):
            raise self.build_error(wrong)
        if folder:
            return False
        if not plain:
            raise self.build_error("is a link, a device or another thing that is not a plain file")
        if self.member in self.member_names:
            raise self.build_error("is in the archive twice")
        self.member_names.add(self.member)
        self.check_unpacked_size(size)
        return True

    def check_unpacked_size(self, extra_bytes: int) -> None:
        """Raise `InputError` if that many more bytes exceed the limits; checked for the stated size
        and again while writing.
        """
        total, packed = self.written + extra_bytes, max(1, self.archive.stat().st_size)
        if total > self.limits.bytes:
            raise self.build_error(f"the archive unpacks to more than {self.limits.bytes} bytes")
        if total > self.limits.free and total > packed * self.limits.ratio:
            raise self.build_error(
                f"the archive unpacks to {total / packed:.0f} times its size: a bomb"
            )

    def write_member(self, content: IO[bytes]) -> None:
        target = self.folder / self.member
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while chunk := content.read(READ_BYTES):
                self.check_unpacked_size(len(chunk))
                self.written += len(chunk)
                file.write(chunk)


@contextmanager
def _translate_read_errors(work: _ArchiveExtraction) -> Iterator[None]:
    """Context manager: turn errors of the archive libraries into `InputError`."""
    try:
        yield
    except DAMAGE_ERRORS as error:
        raise work.build_error(f"is damaged ({type(error).__name__})", "fetch it again") from error
    except (FileExistsError, NotADirectoryError):
        raise work.build_error("lies where another member lies") from None
    except NotImplementedError:
        remedy = "unpack it with another program and give the folder"
        raise work.build_error("is packed or encrypted in a way not known here", remedy) from None


def _unzip(work: _ArchiveExtraction, password: bytes, token: str) -> None:
    with zipfile.ZipFile(work.archive) as zip_archive:
        for entry in zip_archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            plain, folder = kind in (0, stat.S_IFREG), entry.is_dir() and kind in (0, stat.S_IFDIR)
            if not work.accept_member(entry.filename, plain, folder, entry.file_size):
                continue
            if entry.flag_bits & 1 and not password:
                remedy = f"set {token}" if token else "ask its owner for an open one"
                raise work.build_error("is encrypted", remedy)
            try:
                content = zip_archive.open(entry, pwd=password or None)
            except RuntimeError:
                raise work.build_error(
                    "does not open with the password given", f"set {token}"
                ) from None
            with content:
                work.write_member(content)


def _untar(work: _ArchiveExtraction) -> None:
    with _open_decompressed(work.archive) as stream, _open_tar(work, stream) as tar_archive:
        for entry in tar_archive:
            if work.accept_member(entry.name, entry.isreg(), entry.isdir(), entry.size):
                content = tar_archive.extractfile(entry)
                assert content is not None  # it is a plain file
                work.write_member(content)
        stream.seek(tar_archive.offset)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile stops in silence
            raise work.build_error("is damaged (what follows is not a member)", "fetch it again")


def _open_tar(work: _ArchiveExtraction, stream: "_BoundedReader") -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode="r:")
    except tarfile.ReadError:
        raise work.build_error("is neither zip nor tar, or is damaged", "fetch it again") from None


class _BoundedReader(io.BufferedIOBase):
    """A stream that refuses huge reads, because a tar header can claim any length."""

    def __init__(self, inner: IO[bytes]) -> None:
        self.inner = inner

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ_BYTES:
            raise tarfile.ReadError("a header claims an absurd length")
        return self.inner.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()


@contextmanager
def _open_decompressed(archive: Path) -> Iterator[_BoundedReader]:
    """Context manager: the tar stream, decompressed if it is gzip, bzip2 or xz."""
    packer = next(
        (p for magic, p in DECOMPRESSORS.items() if _read_magic_bytes(archive).startswith(magic)),
        None,
    )
    with packer(archive) if packer else archive.open("rb") as inner:
        yield _BoundedReader(inner)


def _read_magic_bytes(archive: Path) -> bytes:
    with archive.open("rb") as file:
        return file.read(6)

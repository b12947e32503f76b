"""Read files from a local folder or a mounted mirror."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from touchline.sources.fetch.request import (
    FileDownload,
    MirrorError,
    PartState,
    build_unchanged_download,
)

DISK_READ_BYTES = 2**20  # bytes per read


@contextmanager
def open_disk_download(url: str, state: PartState) -> Iterator[FileDownload]:
    """Context manager: open the missing rest of a local file. If its size and modification time
    changed since the last read, it starts from byte 0.

    Raises `MirrorError` if the file is missing or unreadable.
    """
    path = Path(unquote(urlsplit(url).path, errors="surrogateescape"))
    if not path.is_file():
        wrong = "is not a plain file" if path.exists() else "is not there"
        raise MirrorError(str(path), wrong, "check the folder")
    try:
        with path.open("rb") as file:
            status = path.stat()
            mark = f"{status.st_mtime_ns} {status.st_size}"
            unchanged_since = mark == state.mark
            if unchanged_since and state.complete:
                yield build_unchanged_download(state)
                return
            offset = file.seek(state.bytes if unchanged_since else 0)
            yield FileDownload(offset, status.st_size, mark, _read_chunks(path, file))
    except PermissionError:
        raise MirrorError(
            str(path), "may not be read by this user", "change its permissions"
        ) from None


def _read_chunks(path: Path, file: BinaryIO) -> Iterator[bytes]:
    try:
        while chunk := file.read(DISK_READ_BYTES):
            yield chunk
    except OSError as error:
        raise MirrorError(
            str(path), f"cannot be read ({error.strerror})", "check the disk"
        ) from error

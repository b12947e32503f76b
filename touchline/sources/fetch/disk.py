"""Fetch from a disk: a folder of one's own, or a mounted mirror."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from touchline.sources.fetch.request import Answer, Have, Unfit, unchanged

PIECE = 2**20  # bytes per read


@contextmanager
def answer(url: str, have: Have) -> Iterator[Answer]:
    """The rest of a file; size and time of change say whether it is still the same."""
    path = Path(unquote(urlsplit(url).path, errors="surrogateescape"))
    if not path.is_file():
        wrong = "is no plain file" if path.exists() else "is not there"
        raise Unfit(str(path), wrong, "check the folder")
    try:
        with path.open("rb") as file:
            known = path.stat()
            mark = f"{known.st_mtime_ns} {known.st_size}"
            same = mark == have.mark
            if same and have.whole:
                yield unchanged(have)
                return
            at = file.seek(have.bytes if same else 0)
            yield Answer(at, known.st_size, mark, _pieces(path, file))
    except PermissionError:
        raise Unfit(str(path), "may not be read by this user", "change its permissions") from None


def _pieces(path: Path, file: BinaryIO) -> Iterator[bytes]:
    try:
        while piece := file.read(PIECE):
            yield piece
    except OSError as error:
        raise Unfit(str(path), f"cannot be read ({error.strerror})", "check the disk") from error

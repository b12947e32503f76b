"""Raw data in a folder of the user's own: what is taken from it, and where a video is in it."""

import hashlib
import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from touchline.atomic import whole_file
from touchline.config import Params
from touchline.errors import BadInput
from touchline.progress import track
from touchline.sources import readers
from touchline.sources.fetch.unpack import unpack
from touchline.sources.source import Part

FILMS = tuple(f"**/*.{kind}" for kind in ("mp4", "mkv", "avi", "webm", "mov"))
LONGEST = 255  # bytes of a file name


class Folder(Params):
    """The settings of a source that reads a folder."""

    folder: str = Field(min_length=1)  # or a zip or tar; relative: below $TOUCHLINE_ROOT


def located(folder: str) -> Path:
    """A folder as the settings give it, as a path."""
    return Path(os.environ.get("TOUCHLINE_ROOT", "."), folder)


def matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The files below a folder that match any of the patterns, in order of their names."""
    return sorted({path for one in patterns for path in folder.glob(one) if path.is_file()})


def bring(source: str, folder: str, parts: Sequence[Part], target: Path) -> None:
    """Copy all files of the parts out of a folder, or out of a zip or tar that stands for it.

    A folder without any label file is a `BadInput`, and so is a copy that differs from its
    original. Videos may be missing: their labels are read.
    """
    remedy = f"set download.sources.{source}.folder to the data"
    with opened(located(folder), target, remedy) as origin:
        _bring(origin, parts, target, remedy)


@contextmanager
def opened(origin: Path, target: Path, remedy: str) -> Iterator[Path]:
    """The folder itself or, of an archive, what is in it for as long as the block lasts."""
    if origin.is_dir():
        yield origin
        return
    if not origin.is_file():
        raise BadInput(origin, "is missing", remedy)
    place = target.with_name(f".{target.name}.unpacked")
    unpack(origin, place)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _bring(origin: Path, parts: Sequence[Part], target: Path, remedy: str) -> None:
    needed = [pattern for part in parts if part.holds == "labels" for pattern in part.files]
    labels = matching(origin, needed)
    if not labels:
        raise BadInput(origin, f"holds no {' or '.join(needed)}", remedy)
    for file in labels:
        readers.not_too_large(file)
    files = matching(origin, [pattern for part in parts for pattern in part.files])
    for file in track(files, "copy"):
        _copy(file, target / file.relative_to(origin))


class Films:
    """The videos below a source's folder, by name; letters count alike in both cases."""

    def __init__(self, folder: Path) -> None:
        self.by_name: dict[str, list[Path]] = {}
        for path in matching(folder, FILMS):
            own = path.relative_to(folder)
            self.by_name.setdefault(_key(own.stem), []).append(own)

    def find(self, place: str, name: str) -> Path | None:
        """Where the video called `name` (no ending) is; None when it is not here.

        A name that is no file name, or that two videos have, is a `BadInput`.
        """
        found = self.by_name.get(_key(file_name(place, name)), [])
        if len(found) > 1:
            wrong = f"two videos have the name {name!r}: {found[0]} and {found[1]}"
            raise BadInput(place, wrong, "remove one of them")
        return found[0] if found else None


def file_name(place: str, name: object) -> str:
    """A name that can be a file's and leads to no other folder, as it is; else a `BadInput`."""
    good = isinstance(name, str) and name == name.strip() and name not in ("", ".", "..")
    if not isinstance(name, str) or not good or not name.isprintable() or set(name) & set("/\\"):
        raise BadInput(place, f"{name!r} cannot be a file name", "mend the row or remove it")
    if len(name.encode(errors="replace")) > LONGEST:
        raise BadInput(place, f"{name[:40]!r}... is too long for a file name", "shorten it")
    return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _copy(origin: Path, target: Path) -> None:
    with whole_file(target) as draft:
        shutil.copyfile(origin, draft)
        if _digest(draft) != _digest(origin):
            raise BadInput(origin, "its copy differs", "check the disks and run again")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

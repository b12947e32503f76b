"""Raw data in a folder or archive given by the user: copy a source's files from it and find videos
by name.
"""

import hashlib
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from touchline.atomic import atomic_file
from touchline.config import Params
from touchline.errors import InputError
from touchline.progress import track_progress
from touchline.raw_data import describe_missing_folder, resolve_raw_path
from touchline.sources import readers
from touchline.sources.fetch.unpack import unpack_archive
from touchline.sources.source import SourcePart

VIDEO_PATTERNS = tuple(f"**/*.{kind}" for kind in ("mp4", "mkv", "avi", "webm", "mov"))
MAX_NAME_BYTES = 255  # bytes of a file name


class FolderSettings(Params):
    """The settings of a source that reads a folder."""

    folder: str = Field(min_length=1)  # or a zip or tar; relative: below the raw data


def glob_files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """Return the files below `folder` that match any of the glob patterns, sorted by path."""
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def copy_source_files(source: str, folder: str, parts: Sequence[SourcePart], target: Path) -> None:
    """Copy the files of all parts from a folder, zip or tar into `target`.

    Raises InputError if there is no label file, or if a copy differs from its original. Videos may
    be missing.
    """
    key = f"download.sources.{source}.folder"
    with open_folder_or_archive(resolve_raw_path(folder), target, key) as origin:
        _copy_parts(origin, parts, target, f"set {key} to the data")


@contextmanager
def open_folder_or_archive(origin: Path, target: Path, key: str) -> Iterator[Path]:
    """Context manager: yield the folder itself, or a temporary folder with the archive's contents
    that is deleted afterwards. Raises InputError, which names the setting `key`, if it is missing.
    """
    if origin.is_dir():
        yield origin
        return
    if not origin.is_file():
        raise InputError(origin, "is missing", describe_missing_folder(key))
    place = target.with_name(f".{target.name}.unpacked")
    unpack_archive(origin, place)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _copy_parts(origin: Path, parts: Sequence[SourcePart], target: Path, remedy: str) -> None:
    needed = [pattern for part in parts if part.holds == "labels" for pattern in part.files]
    labels = glob_files(origin, needed)
    if not labels:
        raise InputError(origin, f"holds no {' or '.join(needed)}", remedy)
    for file in labels:
        readers.check_label_file_size(file)
    files = glob_files(origin, [pattern for part in parts for pattern in part.files])
    for file in track_progress(files, "copy"):
        _copy_verified(file, target / file.relative_to(origin))


class VideoFiles:
    """Index of the videos below a source's folder by file stem, ignoring case."""

    def __init__(self, folder: Path) -> None:
        self.by_name: dict[str, list[Path]] = {}
        for path in glob_files(folder, VIDEO_PATTERNS):
            relative = path.relative_to(folder)
            self.by_name.setdefault(_name_key(relative.stem), []).append(relative)

    def find(self, place: str, name: str) -> Path | None:
        """Return the relative path of the video with the stem `name`, or None if it is not present.

        Raises InputError if the name is not a valid file name or if two videos have it.
        """
        paths = self.by_name.get(_name_key(check_file_name(place, name)), [])
        if len(paths) > 1:
            wrong = f"two videos have the name {name!r}: {paths[0]} and {paths[1]}"
            raise InputError(place, wrong, "remove one of them")
        return paths[0] if paths else None


def check_file_name(place: str, name: object) -> str:
    """Return `name` if it is safe as a file name (printable, no path separators, at most
    MAX_NAME_BYTES); otherwise raise InputError.
    """
    is_plain_name = isinstance(name, str) and name == name.strip() and name not in ("", ".", "..")
    if (
        not isinstance(name, str)
        or not is_plain_name
        or not name.isprintable()
        or set(name) & set("/\\")
    ):
        raise InputError(place, f"{name!r} cannot be a file name", "correct the row or remove it")
    if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise InputError(place, f"{name[:40]!r}... is too long for a file name", "shorten it")
    return name


def _name_key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _copy_verified(origin: Path, target: Path) -> None:
    with atomic_file(target) as draft:
        shutil.copyfile(origin, draft)
        if _file_sha256(draft) != _file_sha256(origin):
            raise InputError(origin, "its copy differs", "check the disks and run again")


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

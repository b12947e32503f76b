"""Read a folder of anybody's videos: halves of matches as SoccerNet has them, or single files.

A folder whose videos are called `1_*` and `2_*` (or `1.*`, `2.*`) is one match of two halves. Any
other video is a match of its own. `Labels-v2.json` belongs to the one match of its folder,
`NAME.Labels-v2.json` to the video NAME, `1_asr.json` and `2_asr.json` to the parts of the folder's
match. Labels and commentary may be missing. Names that begin with a dot are left out.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

from pydantic import Field, field_validator

from touchline.config import Params
from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import readers, ready_questions
from touchline.sources.fetch.manifest import VIDEO
from touchline.sources.folder import located
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sources.source import Fault, Found, Part, Reading
from touchline.sports import SPORTS

HALF = re.compile(r"([12])(?:_.*)?\.[^.]+")
LABELS = "Labels-v2.json"
ASR = re.compile(r"([12])_asr\.json")
LONGEST = 220  # letters: the frame store writes a name in ASCII, and a file system takes 255


TASKS = ("spotting", "counting", "choice", "open")  # whatever its sport is asked


def parts(where: str, access: str) -> tuple[Part, ...]:
    """What the folder or bucket may hold."""
    return (
        Part("videos", tuple(f"**/*{ending}" for ending in sorted(VIDEO)), where, access),
        Part("labels", (f"**/*{LABELS}",), where, access),
        Part("commentary", ("**/[12]_asr.json",), where, access),
    )


class Owned(Params):
    """What the owner of a folder or bucket must say, because no file does."""

    sport: str
    licence: str = Field(min_length=1)
    terms: Literal["open", "request", "nda"]
    known: str  # fetched.json of an earlier fetch, which all files must equal; "" for none

    @field_validator("sport")
    @classmethod
    def known_sport(cls, name: str) -> str:
        if name not in SPORTS:
            raise ValueError(f"no sport is called {name!r}; choose among {', '.join(SPORTS)}")
        return name


def known(settings: Owned) -> Path | None:
    return located(settings.known) if settings.known else None


def belongs(path: str) -> bool:
    """Whether a file of this relative path is read by this source."""
    *above, name = path.split("/")
    if any(part.startswith(".") and part not in (".", "..") for part in (*above, name)):
        return False
    return is_video(name) or is_labels(name) or bool(ASR.fullmatch(name))


def is_video(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in VIDEO


def is_labels(name: str) -> bool:
    return name == LABELS or name.endswith(f".{LABELS}")


def not_too_large(place: str, size: int) -> None:
    """A `BadInput` for a JSON file that would fill the memory."""
    if place.endswith(".json") and size > readers.LARGEST:
        wrong = f"is a file of labels of {size / 2**20:.0f} MiB"
        raise BadInput(place, wrong, "mend it or take it out of the folder")


def videos(source: str, settings: Owned, folder: Path) -> Reading[Found]:
    """All videos; two that claim to be the same part of a match are a fault of the second."""
    reading: Reading[Found] = Reading()
    seen: dict[str, str] = {}
    for above, group in groupby(files(folder), key=lambda path: path.parent):
        paths = [path for path in group if is_video(path.name)]
        halves = all(HALF.fullmatch(path.name) for path in paths)
        for path in paths:
            match, part = _folder_match(source, above, folder), path.name[0]
            if not halves:
                match, part = f"{_name(source, above, folder)}/{path.stem}", "1"
            found = Found(f"{match}/{part}", path.relative_to(folder), settings.sport, match, part)
            reading.take(_name(source, path, folder), _checked, path, found, seen)
    return reading


def labels(source: str, settings: Owned, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    """Labels of all files of labels; those of a video that is not there are faults."""
    reading: Reading[Label] = Reading()
    matches, kind = Matches(source, settings, folder), SPORTS[settings.sport]
    videos_of = ready_questions.by_part(found)
    read: dict[str, Path] = {}
    for file in files(folder):
        if is_labels(file.name):
            try:
                match = matches.of(file)
                if read.setdefault(match, file) != file:
                    raise BadInput(file, f"labels what {read[match].name} labels", "remove one")
            except BadInput as why:
                reading.faults.append(Fault(_name(source, file, folder), why))
                continue
            reading.add(labels_v2.read(file, match, kind, videos_of.get(match, {})))
    return reading


def speech(source: str, settings: Owned, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    """Commentary of the parts that have any."""
    reading: Reading[Speech] = Reading()
    matches, readable = Matches(source, settings, folder), {video.id: video for video in found}
    for file in files(folder):
        if half := ASR.fullmatch(file.name):
            try:
                video = readable.get(f"{matches.of(file)}/{half[1]}")
                if video is None:
                    raise BadInput(file, "its part has no readable video", "fetch the video again")
            except BadInput as why:
                reading.faults.append(Fault(_name(source, file, folder), why))
                continue
            reading.add(echoes.read(file, video, file.name))
    return reading


class Matches:
    """Which match a file of labels or commentary belongs to."""

    def __init__(self, source: str, settings: Owned, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.beside: dict[Path, set[str]] = defaultdict(set)
        for one in videos(source, settings, folder).rows:
            if one.path:
                self.beside[folder / one.path.parent].add(one.match)

    def of(self, file: Path) -> str:
        """A `BadInput` when several matches lie beside a file that names none of them."""
        stem = file.name.removesuffix(LABELS).removesuffix(".")
        if is_labels(file.name) and stem:
            return f"{_name(self.source, file.parent, self.folder)}/{stem}"
        beside = sorted(self.beside[file.parent])
        if len(beside) > 1:
            wrong, remedy = f"{len(beside)} matches lie beside it", f"call it NAME.{LABELS}"
            raise BadInput(file, wrong, f"{remedy} after its video")
        return beside[0] if beside else _folder_match(self.source, file.parent, self.folder)


def files(folder: Path) -> Iterator[Path]:
    """All files that this source reads, folder by folder; links to folders are not followed."""
    for above, inner, names in os.walk(folder):
        inner.sort()
        for name in sorted(names):
            path = Path(above, name)
            if belongs(path.relative_to(folder).as_posix()):
                yield path


def _checked(path: Path, found: Found, seen: dict[str, str]) -> Found:
    if max(len(quote(part)) for part in found.id.split("/")) > LONGEST:
        wrong = f"has a name that takes more than {LONGEST} letters to write in ASCII"
        raise BadInput(path, wrong, "give it a shorter one")
    if seen.setdefault(found.id, path.name) != path.name:
        raise BadInput(path, f"is the same part as {seen[found.id]}", "remove or rename one")
    return found


def _name(source: str, path: Path, folder: Path) -> str:
    inner = path.relative_to(folder).as_posix()
    return source if inner == "." else f"{source}/{inner}"


def _folder_match(source: str, path: Path, folder: Path) -> str:
    """The match that a folder is, where it is one."""
    return f"{source}/match" if path == folder else _name(source, path, folder)

"""Read a folder of the user's own videos: halves of matches named as in SoccerNet, or single files.

A folder whose videos are called `1_*` and `2_*` (or `1.*`, `2.*`) is one match of two halves. Any
other video is a match of its own. `Labels-v2.json` belongs to the one match of its folder,
`NAME.Labels-v2.json` to the video NAME, `1_asr.json` and `2_asr.json` to the halves of the folder's
match. Labels and transcripts may be missing. Names that begin with a dot are ignored.
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
from touchline.errors import InputError
from touchline.raw_data import resolve_raw_path
from touchline.records.label import Label
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources import readers, ready_questions
from touchline.sources.fetch.manifest import VIDEO_SUFFIXES
from touchline.sources.soccernet import echoes, labels_v2
from touchline.sources.source import ReadResult, RowFault, SourcePart, SourceVideo
from touchline.sports import SPORTS

HALF_FILE = re.compile(r"([12])(?:_.*)?\.[^.]+")
LABELS = "Labels-v2.json"
TRANSCRIPT_FILE = re.compile(r"([12])_asr\.json")
MAX_NAME_LETTERS = (
    220  # letters: the frame store writes a name in ASCII, and a file system takes 255
)


TASKS = ("spotting", "counting", "choice", "open")  # whatever its sport is asked


def build_own_parts(where: str, access: str) -> tuple[SourcePart, ...]:
    """Build the videos, labels and commentary parts of a user's folder or bucket."""
    return (
        SourcePart(
            "videos", tuple(f"**/*{ending}" for ending in sorted(VIDEO_SUFFIXES)), where, access
        ),
        SourcePart("labels", (f"**/*{LABELS}",), where, access),
        SourcePart("commentary", ("**/[12]_asr.json",), where, access),
    )


class OwnVideoSettings(Params):
    """Settings that the owner of a folder or bucket must give, since no file states them."""

    sport: str
    licence: str = Field(min_length=1)
    terms: Literal["open", "request", "nda"]
    known: str  # fetched.json of an earlier fetch, which all files must equal; "" for none

    @field_validator("sport")
    @classmethod
    def check_sport(cls, name: str) -> str:
        """Validate that the sport is registered."""
        if name not in SPORTS:
            raise ValueError(f"no sport is called {name!r}; choose among {', '.join(SPORTS)}")
        return name


def locate_known_manifest(settings: OwnVideoSettings) -> Path | None:
    """Return the path of the manifest (fetched.json) that all files must match, or None if none is
    configured.
    """
    return resolve_raw_path(settings.known) if settings.known else None


def is_own_source_file(path: str) -> bool:
    """Return whether this source reads the file with this relative path."""
    *above, name = path.split("/")
    if any(part.startswith(".") and part not in (".", "..") for part in (*above, name)):
        return False
    return is_video_file(name) or is_label_file(name) or bool(TRANSCRIPT_FILE.fullmatch(name))


def is_video_file(name: str) -> bool:
    """Return whether the file name has a video extension."""
    return PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES


def is_label_file(name: str) -> bool:
    """Return whether the file name is Labels-v2.json or ends with .Labels-v2.json."""
    return name == LABELS or name.endswith(f".{LABELS}")


def check_label_size(place: str, size: int) -> None:
    """Raise InputError if a JSON file of `size` bytes is too large to load."""
    if place.endswith(".json") and size > readers.MAX_LABEL_FILE_BYTES:
        wrong = f"is a file of labels of {size / 2**20:.0f} MiB"
        raise InputError(place, wrong, "correct it or take it out of the folder")


def list_own_videos(
    source: str, settings: OwnVideoSettings, folder: Path
) -> ReadResult[SourceVideo]:
    """List all videos. If two have the same match and part, the second is a fault."""
    reading: ReadResult[SourceVideo] = ReadResult()
    file_by_id: dict[str, str] = {}
    for above, group in groupby(walk_own_files(folder), key=lambda path: path.parent):
        paths = [path for path in group if is_video_file(path.name)]
        halves = all(HALF_FILE.fullmatch(path.name) for path in paths)
        for path in paths:
            match, part = _folder_match(source, above, folder), path.name[0]
            if not halves:
                match, part = f"{_source_path(source, above, folder)}/{path.stem}", "1"
            video = SourceVideo(
                f"{match}/{part}", path.relative_to(folder), settings.sport, match, part
            )
            reading.take(
                _source_path(source, path, folder), _check_video_id, path, video, file_by_id
            )
    return reading


def read_own_labels(
    source: str, settings: OwnVideoSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Label]:
    """Read all label files. Labels of a video that is not in `videos` become faults."""
    reading: ReadResult[Label] = ReadResult()
    matches, kind = MatchFinder(source, settings, folder), SPORTS[settings.sport]
    videos_of = ready_questions.group_videos_by_match(videos)
    file_by_match: dict[str, Path] = {}
    for file in walk_own_files(folder):
        if is_label_file(file.name):
            try:
                match = matches.match_of(file)
                if file_by_match.setdefault(match, file) != file:
                    raise InputError(
                        file, f"labels what {file_by_match[match].name} labels", "remove one"
                    )
            except InputError as why:
                reading.faults.append(RowFault(_source_path(source, file, folder), why))
                continue
            reading.add(labels_v2.read_labels_v2(file, match, kind, videos_of.get(match, {})))
    return reading


def read_own_speech(
    source: str, settings: OwnVideoSettings, folder: Path, videos: Sequence[Video]
) -> ReadResult[Speech]:
    """Read the transcripts of all halves that have one. A transcript without a readable video
    becomes a fault.
    """
    reading: ReadResult[Speech] = ReadResult()
    matches, readable = MatchFinder(source, settings, folder), {video.id: video for video in videos}
    for file in walk_own_files(folder):
        if half := TRANSCRIPT_FILE.fullmatch(file.name):
            try:
                video = readable.get(f"{matches.match_of(file)}/{half[1]}")
                if video is None:
                    raise InputError(
                        file, "its part has no readable video", "fetch the video again"
                    )
            except InputError as why:
                reading.faults.append(RowFault(_source_path(source, file, folder), why))
                continue
            reading.add(echoes.read_echoes_transcript(file, video, file.name))
    return reading


class MatchFinder:
    """Finds the match that a label or transcript file belongs to."""

    def __init__(self, source: str, settings: OwnVideoSettings, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.matches_in_folder: dict[Path, set[str]] = defaultdict(set)
        for video in list_own_videos(source, settings, folder).rows:
            if video.path:
                self.matches_in_folder[folder / video.path.parent].add(video.match)

    def match_of(self, file: Path) -> str:
        """Return the match's id. Raises InputError if several matches lie in the file's folder and
        its name does not select one.
        """
        stem = file.name.removesuffix(LABELS).removesuffix(".")
        if is_label_file(file.name) and stem:
            return f"{_source_path(self.source, file.parent, self.folder)}/{stem}"
        beside = sorted(self.matches_in_folder[file.parent])
        if len(beside) > 1:
            wrong, remedy = f"{len(beside)} matches lie beside it", f"call it NAME.{LABELS}"
            raise InputError(file, wrong, f"{remedy} after its video")
        return beside[0] if beside else _folder_match(self.source, file.parent, self.folder)


def walk_own_files(folder: Path) -> Iterator[Path]:
    """Yield all files that this source reads, folder by folder in sorted order; links to folders
    are not followed.
    """
    for above, inner, names in os.walk(folder):
        inner.sort()
        for name in sorted(names):
            path = Path(above, name)
            if is_own_source_file(path.relative_to(folder).as_posix()):
                yield path


def _check_video_id(path: Path, video: SourceVideo, file_by_id: dict[str, str]) -> SourceVideo:
    if max(len(quote(part)) for part in video.id.split("/")) > MAX_NAME_LETTERS:
        wrong = f"has a name that takes more than {MAX_NAME_LETTERS} letters to write in ASCII"
        raise InputError(path, wrong, "give it a shorter one")
    if file_by_id.setdefault(video.id, path.name) != path.name:
        raise InputError(
            path, f"is the same part as {file_by_id[video.id]}", "remove or rename one"
        )
    return video


def _source_path(source: str, path: Path, folder: Path) -> str:
    inner = path.relative_to(folder).as_posix()
    return source if inner == "." else f"{source}/{inner}"


def _folder_match(source: str, path: Path, folder: Path) -> str:
    """The match that a folder is, where it is one."""
    return f"{source}/match" if path == folder else _source_path(source, path, folder)

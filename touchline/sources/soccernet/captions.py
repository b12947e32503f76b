"""The source `soccernet-captions`: what was written about the moments of SoccerNet's games."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources import ready_questions
from touchline.sources.readers import load
from touchline.sources.soccernet import PARTS, VIDEOS, half, lasting, provisional
from touchline.sources.soccernet.folder import (
    ACCESS,
    HOME,
    HUB,
    Games,
    copy,
    copy_splits,
    games_in,
    gathered,
    kept,
    stated,
)
from touchline.sources.soccernet.labels_v2 import MEND, half_of, moment
from touchline.sources.source import Found, Part, Reading, Source

NAME, CAPTIONS = "soccernet-captions", "Labels-caption.json"


def download(settings: Games, folder: Path, executor: Executor) -> None:
    """Fetch or copy captions and videos."""
    root, games = gathered(NAME, settings, CAPTIONS, folder)
    names = kept(settings, {"captions": (CAPTIONS,), "videos": VIDEOS})
    copy(executor, [(root / game, folder / game, names) for game in games])
    copy_splits(root, settings.splits, folder)


def videos(settings: Games, folder: Path) -> Reading[Found]:
    """Both halves of every game; without its video a half lasts as its captions demand."""
    reading: Reading[Found] = Reading()
    for game in games_in(folder):
        longest = provisional(f"{NAME}/{game}", settings.half_minutes)
        given = read(folder / game / CAPTIONS, f"{NAME}/{game}", longest).rows
        for part in PARTS:
            ends = [row.end for row in given if row.video.endswith(f"/{part}")]
            seconds = lasting(settings.half_minutes, ends)
            reading.rows.append(half(NAME, folder, game, part, seconds))
    return reading


def labels(settings: Games, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    """Every caption is a ready question of the task `open`: what happens around this moment?"""
    matches = ready_questions.by_part(found)
    reading: Reading[Label] = Reading()
    for game in games_in(folder):
        match = f"{NAME}/{game}"
        reading.add(read(folder / game / CAPTIONS, match, matches.get(match, {})))
    return reading


def splits(settings: Games, folder: Path) -> dict[str, str]:
    return stated(NAME, folder, dict(settings.names))


def read(file: Path, match: str, videos: Mapping[str, Video]) -> Reading[Label]:
    """The captions of a match; a file that cannot be read at all is one faulty row."""
    reading: Reading[Label] = Reading()
    whole = Reading[Any]()
    whole.take(f"{match}/{file.name}", load, file, "annotations", list)
    reading.faults += whole.faults
    seen: dict[tuple[str, int, str], int] = {}
    for annotations in whole.rows:
        for index, row in enumerate(annotations):
            id, place = f"{match}/captions/{index}", f"{file}: annotations[{index}]"
            reading.take(id, _label, id, place, row, index, videos, seen)
    return reading


def _label(
    id: str,
    place: str,
    row: Any,
    index: int,
    videos: Mapping[str, Video],
    seen: dict[tuple[str, int, str], int],
) -> Label:
    half, milliseconds = moment(place, row)
    said = row.get("description")
    if not isinstance(said, str) or not said.strip():
        raise BadInput(f"{place}.description", "says nothing", MEND)
    video, text = half_of(place, half, milliseconds, videos), " ".join(said.split())
    first = seen.setdefault((half, milliseconds, text), index)
    if first != index:
        raise BadInput(place, f"repeats annotations[{first}]", "remove one of the two")
    time = milliseconds / 1000
    return Label(id, video.id, "", time, time, "", "open", "", [], text)


SOCCERNET_CAPTIONS = Source(
    name=NAME,
    licence="SoccerNet NDA (video); none stated (captions)",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("open",),
    parts=(
        Part("labels", (f"*/*/*/{CAPTIONS}",), HUB, "Open on Hugging Face."),
        Part("videos", tuple(f"*/*/*/{video}" for video in VIDEOS), HUB, ACCESS),
    ),
    settings=Games,
    download=download,
    videos=videos,
    labels=labels,
    speech=ready_questions.silent,
    splits=splits,
)

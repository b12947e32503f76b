"""The source `soccernet`: SoccerNet's action labels, Echoes' commentary, and videos if any."""

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

from pydantic import Field

from touchline.errors import BadInput
from touchline.records import Label, Speech, Video
from touchline.sources import ready_questions
from touchline.sources.soccernet import echoes, labels_v2
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
    origin,
    stated,
)
from touchline.sources.soccernet.transcripts import FILES, Heard, choose
from touchline.sources.source import Fault, Found, Part, Reading, Source
from touchline.sports import SPORTS
from touchline.video.probe import unseen

PARTS = ("1", "2")
VIDEOS = ("1_224p.mkv", "2_224p.mkv", "1_720p.mkv", "2_720p.mkv")  # the first of a half is taken
Minutes = tuple[int, int]  # a half whose video is not here lasts at least, at most


def half(source: str, folder: Path, game: str, part: str, seconds: float) -> Found:
    """The half's video file or, without one, a half of `seconds`."""
    match = f"{source}/{game}"
    files = [name for name in VIDEOS if name[0] == part and (folder / game / name).is_file()]
    path = Path(game, files[0]) if files else None
    return Found(f"{match}/{part}", path, "soccer", match, part, seconds)


def lasting(minutes: Minutes, ends: Iterable[float]) -> float:
    """Seconds of a half: the last thing known to happen, up to the full minute, within `minutes`.

    A label at 45:00.0 lies in minute 46. Beyond the most, a time is a fault of its row.
    """
    last = math.floor(max(ends, default=0.0) / 60) + 1
    return 60.0 * min(max(last, minutes[0]), minutes[1])


def provisional(match: str, minutes: Minutes) -> dict[str, Video]:
    """Both halves at their longest: to read the times of rows before the halves are known."""
    seconds = 60.0 * minutes[1]
    return {part: _video(f"{match}/{part}", match, part, seconds) for part in PARTS}


def _video(id: str, match: str, part: str, seconds: float) -> Video:
    place = {"source": match.split("/")[0], "sport": "soccer", "match": match, "part": part}
    return Video(id=id, **place, path="", licence="", terms="", **unseen(seconds))


ECHOES = "https://github.com/SoccerNet/sn-echoes"
NAME, LABELS, SOCCER = "soccernet", "Labels-v2.json", SPORTS["soccer"]
Variant = Literal["whisper_v1", "whisper_v1_en", "whisper_v2", "whisper_v2_en", "whisper_v3"]


class Settings(Games):
    echoes: str  # folder of transcripts by variant; "" for none
    transcripts: list[Variant]  # of each half, the first that says anything is taken
    spoken_halves: int = Field(ge=0, le=2)  # a match with fewer transcribed halves is left out


def download(settings: Settings, folder: Path, executor: Executor) -> None:
    """Fetch or copy labels and videos, and copy the transcripts asked for."""
    root, games = gathered(NAME, settings, LABELS, folder)
    names = kept(settings, {"labels": (LABELS,), "videos": VIDEOS})
    jobs = [(root / game, folder / game, names) for game in games]
    if settings.echoes and settings.transcripts:
        heard = origin(settings.echoes, f"download.sources.{NAME}.echoes", "whisper_v*")
        jobs += [
            (heard / variant / game, folder / game / variant, FILES)
            for variant in settings.transcripts
            for game in games
        ]
    copy(executor, jobs)
    copy_splits(root, settings.splits, folder)


def videos(settings: Settings, folder: Path) -> Reading[Found]:
    """Both halves of every game; without its video a half lasts as its rows demand."""
    reading: Reading[Found] = Reading()
    for game in games_in(folder):
        heard, given = _heard(settings, folder, game), _labels(settings, folder, game).rows
        for part in PARTS:
            ends = [row.end for row in given if row.video.endswith(f"/{part}")]
            ends += [heard.by_part[part].end] if part in heard.by_part else []
            seconds = lasting(settings.half_minutes, ends)
            id = f"{NAME}/{game}/{part}"
            reading.take(id, _found, settings, folder, game, part, seconds, heard)
    return reading


def labels(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    """Labels of every match; those of a match that is left out are dropped for that reason."""
    matches = ready_questions.by_part(found)
    reading: Reading[Label] = Reading()
    for game in games_in(folder):
        match = f"{NAME}/{game}"
        heard = Heard() if match in matches else _heard(settings, folder, game)
        why = None if match in matches else _left_out(settings, folder / game, heard)
        if why:
            given = _labels(settings, folder, game)
            reading.faults += given.faults + [Fault(row.id, why) for row in given.rows]
        else:
            file = folder / game / LABELS
            reading.add(labels_v2.read(file, match, SOCCER, matches.get(match, {})))
    return reading


def speech(settings: Settings, folder: Path, found: Sequence[Video]) -> Reading[Speech]:
    """Of each half the lines of one transcript; the others are not read."""
    halves = {video.id: video for video in found}
    reading: Reading[Speech] = Reading()
    for game in games_in(folder):
        heard = _heard(settings, folder, game)
        why = _left_out(settings, folder / game, heard)
        reading.faults += heard.faults
        for part, transcript in heard.by_part.items():
            id = f"{NAME}/{game}/{part}"
            if id in halves:
                reading.add(echoes.read(transcript.file, halves[id], transcript.origin))
            else:
                lost = BadInput(transcript.file, "its half has no readable video", "mend that")
                reading.faults.append(Fault(f"{id}/{transcript.origin}", why or lost))
    return reading


def splits(settings: Settings, folder: Path) -> dict[str, str]:
    return stated(NAME, folder, dict(settings.names))


def _heard(settings: Settings, folder: Path, game: str) -> Heard:
    return choose(folder / game, f"{NAME}/{game}", settings.transcripts)


def _labels(settings: Settings, folder: Path, game: str) -> Reading[Label]:
    """The labels as far as they can be read before the halves are known."""
    match = f"{NAME}/{game}"
    halves = provisional(match, settings.half_minutes)
    return labels_v2.read(folder / game / LABELS, match, SOCCER, halves)


def _left_out(settings: Settings, place: Path, heard: Heard) -> BadInput | None:
    if len(heard.by_part) >= settings.spoken_halves:
        return None
    wrong = f"{len(heard.by_part)} of its halves have commentary in {settings.transcripts}"
    return BadInput(place, wrong, f"lower download.sources.{NAME}.spoken_halves")


def _found(
    settings: Settings, folder: Path, game: str, part: str, seconds: float, heard: Heard
) -> Found:
    why = _left_out(settings, folder / game, heard)
    if why:
        raise why
    return half(NAME, folder, game, part, seconds)


SOCCERNET = Source(
    name=NAME,
    licence="SoccerNet NDA (video); none stated (labels, commentary)",
    terms="nda",
    homepage=HOME,
    sports=("soccer",),
    tasks=("spotting", "open"),
    parts=(
        Part("labels", (f"*/*/*/{LABELS}",), HUB, "Open on Hugging Face."),
        Part("videos", tuple(f"*/*/*/{video}" for video in VIDEOS), HUB, ACCESS),
        Part("commentary", tuple(f"*/*/*/*/{file}" for file in FILES), ECHOES, "Open; see there."),
    ),
    settings=Settings,
    download=download,
    videos=videos,
    labels=labels,
    speech=speech,
    splits=splits,
)

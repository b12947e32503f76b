"""Read E2E-Spot's `train.json`, `val.json`, `test.json`: events of short videos by frame number.

Hong et al., "Spotting Temporally Precise, Fine-Grained Events in Video" (ECCV 2022).
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources.folder import FILMS, Films
from touchline.sources.readers import load
from touchline.sources.ready_questions import seconds
from touchline.sources.source import Found, Part, Reading
from touchline.sports.sport import Sport

HOME = "https://github.com/jhong93/spot"
FILES = ("train.json", "val.json", "test.json")
KEYS = ("video", "num_frames", "fps", "num_events", "events")
SLACK = 0.5  # seconds by which a video may differ from the length that the labels state
MEND = "mend the row or remove it"


@dataclass(frozen=True)
class Set:
    """One set in this format; `fps` stands in where the file has none (it says -1)."""

    name: str
    sport: Sport
    match: re.Pattern[str]  # its group 1 is what of a video's name is the match's
    fps: float


@dataclass(frozen=True)
class Entry:
    """One video as a file has it, checked; its events are not."""

    id: str
    video: str  # id
    match: str
    name: str  # of the video, and of its file without the ending
    frames: int
    fps: float
    info: Any  # what the set's makers took over from elsewhere


Rows = list[tuple[str, str, Any]]  # id of the row, place in words, the row


def parts(folder: str, videos: str) -> tuple[Part, ...]:
    """Where labels and videos come from; labels lie in `data/FOLDER` of the repository."""
    labels = f"Free for all: take the JSON files from data/{folder} of the repository."
    return (
        Part("labels", FILES, f"{HOME}/tree/main/data/{folder}", labels),
        Part("videos", FILMS, f"{HOME}/tree/main/data/{folder}", videos),
    )


def rows(name: str, folder: Path) -> tuple[Rows, Reading[Any]]:
    """All rows of all files; a file that cannot be read is one faulty row, named after it."""
    whole, found = Reading[Any](), []
    for file in (folder / one for one in FILES if (folder / one).is_file()):
        whole.rows = []
        whole.take(f"{name}/{file.name}", load, file, "", list)
        for content in whole.rows:
            found += [
                (f"{name}/{file.name}/{i}", f"{file}: [{i}]", row) for i, row in enumerate(content)
            ]
    return found, whole


def entries(kind: Set, listed: Rows) -> Reading[Entry]:
    """The checked rows; a video that stands in two of them is a fault the second time."""
    reading: Reading[Entry] = Reading()
    seen: dict[str, str] = {}
    for id, place, row in listed:
        reading.take(id, _entry, kind, id, place, row, seen)
    return reading


def videos(kind: Set, folder: Path) -> Reading[Found]:
    """Every video that a row labels, whether its file is here or not."""
    listed, whole = rows(kind.name, folder)
    good, films = entries(kind, listed), Films(folder)
    reading: Reading[Found] = Reading(faults=[*whole.faults, *good.faults])
    for entry in good.rows:
        reading.take(entry.id, _found, kind, entry, films)
    return reading


def labels(kind: Set, folder: Path, found: Sequence[Video]) -> Reading[Label]:
    """One label per event, at its frame; events of a video that was left out are faults, too."""
    listed, _ = rows(kind.name, folder)
    good = {entry.id: entry for entry in entries(kind, listed).rows}
    known = {video.id: video for video in found}
    reading: Reading[Label] = Reading()
    for id, place, row in listed:
        entry, seen = good.get(id), set()
        video = known.get(entry.video) if entry else None
        for i, event in _events(row):
            where = f"{place}.events[{i}]"
            reading.take(f"{id}/events/{i}", _label, kind, where, i, event, entry, video, seen)
    return reading


def _events(row: Any) -> Iterator[tuple[int, Any]]:
    events = row.get("events") if isinstance(row, dict) else None
    yield from enumerate(events if isinstance(events, list) else [])


def _entry(kind: Set, id: str, place: str, row: Any, seen: dict[str, str]) -> Entry:
    missing = [key for key in KEYS if not isinstance(row, dict) or key not in row]
    if missing:
        raise BadInput(place, f"lacks the key {missing[0]!r}", MEND)
    frames, fps = _count(f"{place}.num_frames", row["num_frames"]), _rate(kind, place, row["fps"])
    if not isinstance(row["events"], list) or len(row["events"]) != row["num_events"]:
        raise BadInput(f"{place}.events", f"are not the {row['num_events']!r} events stated", MEND)
    named = kind.match.fullmatch(str(row["video"]))
    if not named:
        raise BadInput(f"{place}.video", f"{row['video']!r} does not name its match", MEND)
    first = seen.setdefault(row["video"], place)
    if first != place:
        raise BadInput(place, f"is about the same video as {first}", "remove one of the two")
    match = f"{kind.name}/{named[1]}"
    video, info = f"{match}/{row['video']}", row.get("_source_info")
    return Entry(id, video, match, row["video"], frames, fps, info)


def _count(place: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**7:
        raise BadInput(place, f"{value!r} is no number of frames", MEND)
    return value


def _rate(kind: Set, place: str, value: Any) -> float:
    """Frames per second: the file's own, or the set's where the file has -1."""
    if value == -1 and kind.fps:
        return kind.fps
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{place}.fps", f"{value!r} is no frame rate", MEND)
    if not math.isfinite(value) or not 1 <= value <= 1000:
        raise BadInput(f"{place}.fps", f"{value!r} is no frame rate", MEND)
    return float(value)


def _found(kind: Set, entry: Entry, films: Films) -> Found:
    path = films.find(entry.id, entry.name)
    length = round(entry.frames / entry.fps, 6)
    return Found(entry.video, path, kind.sport.name, entry.match, entry.name, length)


def _label(
    kind: Set,
    place: str,
    index: int,
    event: Any,
    entry: Entry | None,
    video: Video | None,
    seen: set[tuple[int, str]],
) -> Label:
    if entry is None or video is None:
        raise BadInput(place, "its video was left out", "see the fault of the video")
    frame, name = _event(kind, place, event, entry)
    if (frame, name) in seen:
        raise BadInput(place, "stands here twice", "remove one of the two")
    seen.add((frame, name))
    time = _time(place, frame, entry, video)
    return Label(f"{video.id}/events/{index}", video.id, name, time, time, "", "", "", [], "")


def _event(kind: Set, place: str, event: Any, entry: Entry) -> tuple[int, str]:
    if not isinstance(event, dict) or not {"frame", "label"} <= set(event):
        raise BadInput(place, "is not an event with frame and label", MEND)
    frame, name = event["frame"], event["label"]
    if not isinstance(name, str) or name not in kind.sport.words:
        known = ", ".join(kind.sport.words)
        raise BadInput(place, f"{name!r} is no label of {kind.sport.name}", f"choose among {known}")
    if isinstance(frame, bool) or not isinstance(frame, int) or not 0 <= frame < entry.frames:
        raise BadInput(place, f"{frame!r} is no frame of the {entry.frames} stated", MEND)
    return frame, name


def _time(place: str, frame: int, entry: Entry, video: Video) -> float:
    """Seconds; a video of another length than stated was cut elsewhere, its frames mean nothing."""
    stated = entry.frames / entry.fps
    if video.frames not in (0, entry.frames) and abs(video.duration - stated) > SLACK:
        wrong = f"its labels cover {stated:.2f} s, the video lasts {video.duration:.2f} s"
        raise BadInput(place, wrong, "fetch the video that the labels were made on")
    if video.frames == entry.frames:  # then the frames agree, whatever rate the file states
        return round(frame / video.fps, 6)
    return seconds(frame, entry.fps, video)

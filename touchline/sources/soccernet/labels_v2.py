"""Read SoccerNet's `Labels-v2.json`: actions of a match, timed within the half."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.label import Label
from touchline.records.video import Video
from touchline.sources.readers import load_json_file
from touchline.sources.source import ReadResult
from touchline.sports.sport import Sport

GAME_TIME = re.compile(r"(\d+) - \d+:\d\d")
TEAMS = {"home": "home", "away": "away", "not applicable": ""}
FIX_ANNOTATION = "correct the row or remove it"

AnnotationKey = tuple[str, int, str, str]  # half, milliseconds, label, team


def read_labels_v2(
    file: Path, match: str, sport: Sport, videos: Mapping[str, Video]
) -> ReadResult[Label]:
    """Return the labels of a match, one per annotation; `name` is the class as in the file.

    `videos` maps the half ("1" or "2") to its readable video. A file that cannot be read becomes
    one fault, named after the file.
    """
    reading: ReadResult[Label] = ReadResult()
    file_result = ReadResult[Any]()
    file_result.take(f"{match}/{file.name}", load_json_file, file, "annotations", list)
    reading.faults += file_result.faults
    index_by_annotation: dict[AnnotationKey, int] = {}
    for annotations in file_result.rows:
        for index, row in enumerate(annotations):
            place = f"{file}: annotations[{index}]"
            id = f"{match}/labels/{index}"
            reading.take(id, _to_label, id, place, row, index, sport, videos, index_by_annotation)
    return reading


def _to_label(
    id: str,
    place: str,
    row: Any,
    index: int,
    sport: Sport,
    videos: Mapping[str, Video],
    index_by_annotation: dict[AnnotationKey, int],
) -> Label:
    half, milliseconds, name, team = _annotation_fields(place, row)
    if name not in sport.words:
        choices = ", ".join(sport.words)
        raise InputError(
            place, f"{name!r} is not a label of {sport.name}", f"choose among {choices}"
        )
    video = find_half_video(place, half, milliseconds, videos)
    first = index_by_annotation.setdefault((half, milliseconds, name, team), index)
    if first != index:
        raise InputError(place, f"repeats annotations[{first}]", "remove one of the two")
    time = milliseconds / 1000
    return Label(
        id=id,
        video=video.id,
        name=name,
        start=time,
        end=time,
        team=TEAMS[team],
        task="",
        asked="",
        options=[],
        answer="",
    )


def _annotation_fields(place: str, row: Any) -> AnnotationKey:
    """Return (half, milliseconds, label, team). Raises InputError if one is missing or malformed
    ("visibility" is not in every release and is ignored).
    """
    half, milliseconds = parse_annotation_time(place, row)
    _require_keys(place, row, ("label", "team"))
    if str(row["team"]) not in TEAMS:
        raise InputError(
            f"{place}.team", f"{row['team']!r} is not one of {list(TEAMS)}", FIX_ANNOTATION
        )
    return half, milliseconds, str(row["label"]), row["team"]


def parse_annotation_time(place: str, row: Any) -> tuple[str, int]:
    """Return (half, milliseconds) of a SoccerNet annotation. Raises InputError if its `gameTime` or
    `position` is malformed.
    """
    _require_keys(place, row, ("gameTime", "position"))
    time = GAME_TIME.fullmatch(str(row["gameTime"]))
    if not time:
        raise InputError(
            f"{place}.gameTime", f"{row['gameTime']!r} is not 'half - mm:ss'", FIX_ANNOTATION
        )
    if not re.fullmatch(r"-?\d{1,9}", str(row["position"])):
        raise InputError(
            f"{place}.position", f"{row['position']!r} is not milliseconds", FIX_ANNOTATION
        )
    return time[1], int(row["position"])


def _require_keys(place: str, row: Any, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if not isinstance(row, dict) or key not in row]
    if missing:
        raise InputError(place, f"lacks the key {missing[0]!r}", FIX_ANNOTATION)


def find_half_video(place: str, half: str, milliseconds: int, videos: Mapping[str, Video]) -> Video:
    """Return the video of a half. Raises InputError if there is none, or if `milliseconds` lies
    outside of it.
    """
    if half not in videos:
        raise InputError(place, f"half {half} has no readable video", "fetch the video again")
    if not 0 <= milliseconds < videos[half].duration * 1000:
        length = videos[half].duration
        wrong = f"{milliseconds} ms lies outside the video of {length:g} s"
        raise InputError(f"{place}.position", wrong, FIX_ANNOTATION)
    return videos[half]

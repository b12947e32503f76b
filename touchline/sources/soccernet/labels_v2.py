"""Read SoccerNet's `Labels-v2.json`: actions of a match, timed by half."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Label, Video
from touchline.sources.readers import load
from touchline.sources.source import Reading
from touchline.sports.sport import Sport

GAME_TIME = re.compile(r"(\d+) - \d+:\d\d")
TEAMS = {"home": "home", "away": "away", "not applicable": ""}
MEND = "mend the row or remove it"

Key = tuple[str, int, str, str]  # half, milliseconds, label, team


def read(file: Path, match: str, sport: Sport, videos: Mapping[str, Video]) -> Reading[Label]:
    """Labels of a match, one per annotation, `name` as in the file.

    `videos` are the match's readable videos by half, "1" and "2". A file that cannot be read at
    all is one faulty row, named after the file.
    """
    reading: Reading[Label] = Reading()
    whole = Reading[Any]()
    whole.take(f"{match}/{file.name}", load, file, "annotations", list)
    reading.faults += whole.faults
    seen: dict[Key, int] = {}
    for annotations in whole.rows:
        for index, row in enumerate(annotations):
            place = f"{file}: annotations[{index}]"
            id = f"{match}/labels/{index}"
            reading.take(id, _label, id, place, row, index, sport, videos, seen)
    return reading


def _label(
    id: str,
    place: str,
    row: Any,
    index: int,
    sport: Sport,
    videos: Mapping[str, Video],
    seen: dict[Key, int],
) -> Label:
    half, milliseconds, name, team = _fields(place, row)
    if name not in sport.words:
        known = ", ".join(sport.words)
        raise BadInput(place, f"{name!r} is no label of {sport.name}", f"choose among {known}")
    video = half_of(place, half, milliseconds, videos)
    first = seen.setdefault((half, milliseconds, name, team), index)
    if first != index:
        raise BadInput(place, f"repeats annotations[{first}]", "remove one of the two")
    time = milliseconds / 1000
    return Label(id, video.id, name, time, time, TEAMS[team], "", "", [], "")


def _fields(place: str, row: Any) -> Key:
    """The four fields in their types ("visibility" is not in every release), or a `BadInput`."""
    half, milliseconds = moment(place, row)
    _has(place, row, ("label", "team"))
    if str(row["team"]) not in TEAMS:
        raise BadInput(f"{place}.team", f"{row['team']!r} is not one of {list(TEAMS)}", MEND)
    return half, milliseconds, str(row["label"]), row["team"]


def moment(place: str, row: Any) -> tuple[str, int]:
    """Half and milliseconds of any SoccerNet annotation."""
    _has(place, row, ("gameTime", "position"))
    time = GAME_TIME.fullmatch(str(row["gameTime"]))
    if not time:
        raise BadInput(f"{place}.gameTime", f"{row['gameTime']!r} is not 'half - mm:ss'", MEND)
    if not re.fullmatch(r"-?\d{1,9}", str(row["position"])):
        raise BadInput(f"{place}.position", f"{row['position']!r} is not milliseconds", MEND)
    return time[1], int(row["position"])


def _has(place: str, row: Any, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if not isinstance(row, dict) or key not in row]
    if missing:
        raise BadInput(place, f"lacks the key {missing[0]!r}", MEND)


def half_of(place: str, half: str, milliseconds: int, videos: Mapping[str, Video]) -> Video:
    """The video of a half; a `BadInput` when there is none, or the moment lies outside of it."""
    if half not in videos:
        raise BadInput(place, f"half {half} has no readable video", "fetch the video again")
    if not 0 <= milliseconds < videos[half].duration * 1000:
        length = videos[half].duration
        wrong = f"{milliseconds} ms lies outside the video of {length:g} s"
        raise BadInput(f"{place}.position", wrong, MEND)
    return videos[half]

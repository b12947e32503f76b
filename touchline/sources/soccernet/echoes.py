"""Read SoccerNet-Echoes' `{half}_asr.json`: recognised commentary, timed by half."""

import math
from pathlib import Path
from typing import Any

from touchline.errors import BadInput
from touchline.records import Speech, Video
from touchline.sources.readers import load
from touchline.sources.source import Reading

ROUNDING = 0.001  # seconds: real lines touch as 1000.18 and 1000.1800000000001
MEND = "mend the segment or remove it"


def read(file: Path, video: Video, origin: str) -> Reading[Speech]:
    """Lines of one half in their order; a line that runs on after the video's end is cut there.

    A file that cannot be read at all is one faulty row, named after the file.
    """
    reading: Reading[Speech] = Reading()
    whole = Reading[Any]()
    whole.take(f"{video.id}/{file.name}", load, file, "segments", dict)
    reading.faults += whole.faults
    for segments in whole.rows:
        for index, key in enumerate(in_order(segments)):
            place, before = f"{file}: segments[{key!r}]", reading.rows[-1:]
            id = f"{video.id}/speech/{index}"
            reading.take(id, _line, id, place, segments[key], video, origin, before)
    return reading


def in_order(segments: dict[str, Any]) -> list[str]:
    """Keys sorted as numbers: as text, "10" comes before "2".

    The English variants went through a translator, keys and all ("8" became "8th", "34" became
    "3. 4"); such a file keeps the order it is written in, which is the same.
    """
    keys = list(segments)
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else keys


def _line(
    id: str, place: str, segment: Any, video: Video, origin: str, before: list[Speech]
) -> Speech:
    start, end, text = _fields(place, segment)
    if end <= start:
        raise BadInput(place, f"ends at {end:g} s, before it starts at {start:g} s", MEND)
    if not text:
        raise BadInput(place, "has no text", MEND)
    if not 0 <= start < video.duration:
        wrong = f"starts at {start:g} s, outside the video of {video.duration:g} s"
        raise BadInput(place, wrong, MEND)
    if before and start < before[0].end - ROUNDING:
        wrong = f"starts at {start:g} s, before the line before it ends at {before[0].end:g} s"
        raise BadInput(place, wrong, MEND)
    return Speech(id, video.id, start, min(end, video.duration), text, origin)


def _fields(place: str, segment: Any) -> tuple[float, float, str]:
    """Start and end in seconds, and the text without blanks around it."""
    if not isinstance(segment, list) or len(segment) != 3:
        raise BadInput(place, "is not [start, end, text]", MEND)
    start, end, text = segment
    for time in (start, end):
        if not isinstance(time, int | float) or not math.isfinite(time):
            raise BadInput(place, f"{time!r} is not a time in seconds", MEND)
    if not isinstance(text, str):
        raise BadInput(place, f"{text!r} is not text", MEND)
    return float(start), float(end), text.strip()

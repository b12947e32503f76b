"""Read SoccerNet-Echoes' `{half}_asr.json`: commentary transcribed by speech recognition, timed
within the half.
"""

import math
from pathlib import Path
from typing import Any

from touchline.errors import InputError
from touchline.records.speech import Speech
from touchline.records.video import Video
from touchline.sources.readers import load_json_file
from touchline.sources.source import ReadResult

ROUNDING = 0.001  # seconds: real lines touch as 1000.18 and 1000.1800000000001
FIX_SEGMENT = "correct the segment or remove it"


def read_echoes_transcript(file: Path, video: Video, origin: str) -> ReadResult[Speech]:
    """Return the transcript lines of one half, in order of time. A line that runs past the end of
    the video is cut there.

    A file that cannot be read becomes one fault, named after the file.
    """
    reading: ReadResult[Speech] = ReadResult()
    file_result = ReadResult[Any]()
    file_result.take(f"{video.id}/{file.name}", load_json_file, file, "segments", dict)
    reading.faults += file_result.faults
    for segments in file_result.rows:
        for index, key in enumerate(sort_segment_keys(segments)):
            place, previous = f"{file}: segments[{key!r}]", reading.rows[-1:]
            id = f"{video.id}/speech/{index}"
            reading.take(id, _parse_segment, id, place, segments[key], video, origin, previous)
    return reading


def sort_segment_keys(segments: dict[str, Any]) -> list[str]:
    """Sort the segment keys as numbers (as text, "10" would come before "2").

    The English variants were machine-translated, keys included ("8" became "8th"). Files with such
    keys keep their written order, which is the same.
    """
    keys = list(segments)
    return sorted(keys, key=int) if all(key.isdecimal() for key in keys) else keys


def _parse_segment(
    id: str, place: str, segment: Any, video: Video, origin: str, previous: list[Speech]
) -> Speech:
    start, end, text = _segment_fields(place, segment)
    if end <= start:
        raise InputError(place, f"ends at {end:g} s, before it starts at {start:g} s", FIX_SEGMENT)
    if not text:
        raise InputError(place, "has no text", FIX_SEGMENT)
    if not 0 <= start < video.duration:
        wrong = f"starts at {start:g} s, outside the video of {video.duration:g} s"
        raise InputError(place, wrong, FIX_SEGMENT)
    if previous and start < previous[0].end - ROUNDING:
        wrong = f"starts at {start:g} s, before the line before it ends at {previous[0].end:g} s"
        raise InputError(place, wrong, FIX_SEGMENT)
    return Speech(
        id=id, video=video.id, start=start, end=min(end, video.duration), text=text, origin=origin
    )


def _segment_fields(place: str, segment: Any) -> tuple[float, float, str]:
    """Start and end in seconds, and the text without blanks around it."""
    if not isinstance(segment, list) or len(segment) != 3:
        raise InputError(place, "is not [start, end, text]", FIX_SEGMENT)
    start, end, text = segment
    for time in (start, end):
        if not isinstance(time, int | float) or not math.isfinite(time):
            raise InputError(place, f"{time!r} is not a time in seconds", FIX_SEGMENT)
    if not isinstance(text, str):
        raise InputError(place, f"{text!r} is not text", FIX_SEGMENT)
    return float(start), float(end), text.strip()

"""Times in words: `m:ss` of the clip, with a decimal only where the time has one."""

import re

MAX_SECONDS = 1e6  # seconds: no clip lasts eleven days
CLOCK_PATTERN = r"(\d+):([0-5]\d(?:\.\d+)?)"


def format_time(seconds: float) -> str:
    """16 -> `0:16`, 75.5 -> `1:15.5`; rounded to a tenth of a second."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    whole, tenth = divmod(rest, 10)
    return f"{minutes}:{whole:02d}" + (f".{tenth}" if tenth else "")


def is_clip_time(seconds: float) -> bool:
    """Whether a clip may have this time: no NaN, nothing before its start, no age."""
    return 0 <= seconds < MAX_SECONDS


def parse_time(text: str) -> float:
    """`1:15.5` or plain seconds, as a model may write them -> seconds; ValueError otherwise."""
    match = re.fullmatch(CLOCK_PATTERN, text.strip())
    seconds = float(match[1]) * 60 + float(match[2]) if match else float(text)
    if not is_clip_time(seconds):
        raise ValueError(f"{text!r} is not a time of a clip")
    return seconds

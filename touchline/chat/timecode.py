"""Times as text: `m:ss` since the start of the clip (or half), with a tenth of a
second if needed.
"""

import re

MAX_SECONDS = 1e6  # seconds: no clip lasts eleven days
CLOCK_PATTERN = r"(\d+):([0-5]\d(?:\.\d+)?)"


def format_time(seconds: float) -> str:
    """Format seconds as m:ss, rounded to a tenth of a second: 16 -> '0:16', 75.5 -> '1:15.5'."""
    tenths = round(seconds * 10)
    minutes, remaining_tenths = divmod(tenths, 600)
    whole_seconds, tenth = divmod(remaining_tenths, 10)
    return f"{minutes}:{whole_seconds:02d}" + (f".{tenth}" if tenth else "")


def is_clip_time(seconds: float) -> bool:
    """True if `seconds` can be a time within a clip: finite, not negative, below MAX_SECONDS."""
    return 0 <= seconds < MAX_SECONDS


def parse_time(text: str) -> float:
    """Parse a time written by a model, 'm:ss', 'm:ss.s' or plain seconds, into seconds. Raises
    ValueError for anything else.
    """
    match = re.fullmatch(CLOCK_PATTERN, text.strip())
    seconds = float(match[1]) * 60 + float(match[2]) if match else float(text)
    if not is_clip_time(seconds):
        raise ValueError(f"{text!r} is not a time of a clip")
    return seconds

"""How an attempt ended, one kind for each: well, or by what was wrong with it."""

import re
from collections.abc import Sequence

from touchline.tools.choose_frames import NO_FRAMES, NO_MORE, REPEATED, UNREAD, Viewing, read_call
from touchline.tools.turns import parts, well_formed

WELL = ("looked", "direct")  # a valid answer, after a call or without any
REFUSED = {UNREAD: "bad_time", NO_FRAMES: "no_frames", REPEATED: "repeated", NO_MORE: "too_many"}
OUTSIDE = "outside"  # a window beyond the clip, or one that ends before it starts
ENDINGS = (
    *WELL,
    "empty",  # nothing said, or nothing after the last thought
    "markup",  # an HTML page
    "endless",  # the last turn still calls the tool
    *REFUSED.values(),
    OUTSIDE,
    "bad_call",  # no JSON, another tool, other arguments, or two calls at once
    "broken",  # a turn without one closed thought
)
MARKUP = re.compile(r"<\s*(!doctype|html|head|body|script|div|p|br)\b", re.IGNORECASE)
CALL = "<tool_call>"


def ending(turns: Sequence[str], viewing: Viewing) -> str:
    """One of `ENDINGS`, whatever the assistant's turns hold."""
    if well_formed(list(turns)) and not viewing.faults:
        return "looked" if viewing.windows else "direct"
    last = turns[-1] if turns else ""
    if not last.strip():
        return "empty"
    if MARKUP.search(last):
        return "markup"
    if read_call(last) is not None:
        return "endless"
    if viewing.faults:
        return REFUSED.get(viewing.faults[0], OUTSIDE)
    if any(CALL in turn and read_call(turn) is None for turn in turns):
        return "bad_call"
    then = parts(last)
    return "empty" if then is not None and not then[1] else "broken"

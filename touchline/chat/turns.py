"""How an attempt ended, one kind for each: well, or by what was wrong with it."""

import re
from collections.abc import Sequence

from touchline.chat.tools.choose_frames import (
    NO_FRAMES,
    NO_MORE,
    REPEATED,
    UNREAD,
    Viewing,
    read_call,
)

THOUGHT = re.compile(r"\s*<think>\n?(.*?)\n?</think>\s*(.*)", re.DOTALL)

MARKS = re.compile(r"</?(think|tool_call)>")


def thinking(thought: str, then: str) -> str:
    """A turn in words."""
    return f"<think>\n{thought}\n</think>\n\n{then}"


def parts(turn: str) -> tuple[str, str] | None:
    """(thought, what follows) of a turn; None when it does not open with one closed thought."""
    found = THOUGHT.fullmatch(turn)
    if not found or "<think>" in found[1] or "think>" in found[2]:
        return None
    return found[1].strip(), found[2].strip()


def answer(turn: str) -> str:
    """What stands after the thought of a last turn; "" for a call or a broken turn."""
    found = parts(turn)
    return "" if found is None or "<tool_call>" in found[1] else found[1]


def well_formed(turns: list[str]) -> bool:
    """DeepSport's format gate: thoughts everywhere, readable calls, and an answer at the end."""
    read = [parts(turn) for turn in turns]
    if not turns or any(part is None or not part[0] for part in read):
        return False
    calls = [read_call(turn) is not None for turn in turns]
    return all(calls[:-1]) and not calls[-1] and bool(answer(turns[-1]))


def bare(turns: list[str]) -> bool:
    """The format of a dialogue without thoughts: one turn, which is the answer."""
    return len(turns) == 1 and bool(turns[0].strip()) and not MARKS.search(turns[0])


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

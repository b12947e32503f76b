"""Format of an assistant turn (`<think>...</think>`, then one tool call or the answer), and the
kinds of ways in which an attempt can end.
"""

import re
from collections.abc import Sequence

from touchline.chat.tools.choose_frames import (
    NO_FRAMES_REPLY,
    NO_MORE_CALLS_REPLY,
    REPEATED_REPLY,
    UNREADABLE_REPLY,
    ToolSession,
    parse_tool_call,
)

THOUGHT_PATTERN = re.compile(r"\s*<think>\n?(.*?)\n?</think>\s*(.*)", re.DOTALL)

FORMAT_TAG_PATTERN = re.compile(r"</?(think|tool_call)>")


def format_thinking_turn(thought: str, following: str) -> str:
    """An assistant turn: the thought in think tags, then a tool call or an answer."""
    return f"<think>\n{thought}\n</think>\n\n{following}"


def split_thought(turn: str) -> tuple[str, str] | None:
    """(thought, text behind it) of a turn; None unless it begins with exactly one
    closed thought.
    """
    match = THOUGHT_PATTERN.fullmatch(turn)
    if not match or "<think>" in match[1] or "think>" in match[2]:
        return None
    return match[1].strip(), match[2].strip()


def extract_answer(turn: str) -> str:
    """The answer of a last turn (the text behind its thought); '' for a tool call or a malformed
    turn.
    """
    thought_and_rest = split_thought(turn)
    return (
        ""
        if thought_and_rest is None or "<tool_call>" in thought_and_rest[1]
        else thought_and_rest[1]
    )


def is_well_formed(turns: list[str]) -> bool:
    """True if every turn has a thought, all but the last have a readable call, and the last an
    answer (DeepSport's format gate).
    """
    turn_parts = [split_thought(turn) for turn in turns]
    if not turns or any(part is None or not part[0] for part in turn_parts):
        return False
    calls = [parse_tool_call(turn) is not None for turn in turns]
    return all(calls[:-1]) and not calls[-1] and bool(extract_answer(turns[-1]))


def is_bare_answer(turns: list[str]) -> bool:
    """True if there is one non-empty turn without think or tool tags: the format of dialogues
    without thinking.
    """
    return len(turns) == 1 and bool(turns[0].strip()) and not FORMAT_TAG_PATTERN.search(turns[0])


VALID_ENDINGS = ("looked", "direct")  # a valid answer, after a call or without any
REFUSAL_ENDINGS = {
    UNREADABLE_REPLY: "bad_time",
    NO_FRAMES_REPLY: "no_frames",
    REPEATED_REPLY: "repeated",
    NO_MORE_CALLS_REPLY: "too_many",
}
OUTSIDE_ENDING = "outside"  # a window beyond the clip, or one that ends before it starts
ENDINGS = (
    *VALID_ENDINGS,
    "empty",  # nothing said, or nothing after the last thought
    "markup",  # an HTML page
    "endless",  # the last turn still calls the tool
    *REFUSAL_ENDINGS.values(),
    OUTSIDE_ENDING,
    "bad_call",  # no JSON, another tool, other arguments, or two calls at once
    "broken",  # a turn without one closed thought
)
MARKUP_PATTERN = re.compile(r"<\s*(!doctype|html|head|body|script|div|p|br)\b", re.IGNORECASE)
TOOL_CALL_TAG = "<tool_call>"


def classify_ending(turns: Sequence[str], viewing: ToolSession) -> str:
    """The ending (one of ENDINGS) of a conversation, from the assistant's turns and its tool
    session.
    """
    if is_well_formed(list(turns)) and not viewing.faults:
        return "looked" if viewing.windows else "direct"
    last = turns[-1] if turns else ""
    if not last.strip():
        return "empty"
    if MARKUP_PATTERN.search(last):
        return "markup"
    if parse_tool_call(last) is not None:
        return "endless"
    if viewing.faults:
        return REFUSAL_ENDINGS.get(viewing.faults[0], OUTSIDE_ENDING)
    if any(TOOL_CALL_TAG in turn and parse_tool_call(turn) is None for turn in turns):
        return "bad_call"
    thought_and_rest = split_thought(last)
    return "empty" if thought_and_rest is not None and not thought_and_rest[1] else "broken"

"""The format of an assistant's turn: a thought, then one call of the tool or the answer."""

import re

from touchline.tools.choose_frames import read_call

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

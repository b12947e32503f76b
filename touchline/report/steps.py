"""One attempt step by step, read from the messages of its trajectory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.chat.timecode import possible, spoken
from touchline.chat.tools.choose_frames import read_call
from touchline.chat.turns import parts
from touchline.errors import BadInput
from touchline.records import Trajectory


@dataclass(frozen=True)
class Step:
    """What happened: kind is frames, thought, call, answer, note or unreadable."""

    kind: str
    text: str
    times: tuple[float, ...] = ()


def steps(attempt: Trajectory) -> list[Step]:
    """Frames, thoughts, calls and the answer in order; the question itself is left out."""
    try:  # what a trainer or an endpoint wrote
        messages = json.loads(attempt.messages)
    except ValueError:
        raise BadInput(attempt.id, "its messages are not JSON", "rerun the stage") from None
    found: list[Step] = []
    for message in messages:
        if message["role"] == "assistant":
            found.extend(_turn(_text(message["content"]), attempt.answer))
        elif message["role"] != "system":
            found.extend(_shown(message, first=not found))
    return found


def _shown(message: Mapping[str, Any], first: bool) -> list[Step]:
    """The pictures of a user or tool message; a refusal has none and is told in words."""
    blocks = message["content"] if isinstance(message["content"], list) else []
    times = tuple(block["time"] for block in blocks if block["type"] == "image")
    if times:
        return [Step("frames", "First look" if first else "Looked again", times)]
    return [] if first else [Step("note", _text(message["content"]))]


def _turn(text: str, answer: str) -> list[Step]:
    """A turn without a thought that was taken for the answer: its dialogue has no thoughts."""
    read = parts(text)
    if read is None:
        return [Step("answer" if text.strip() == answer else "unreadable", text)]
    thought, then = read
    call = read_call(then)
    if call is not None:
        said = Step("call", f"choose_frames {_time(call[0])} to {_time(call[1])}")
    else:
        said = Step("answer", then)
    return [Step("thought", thought), said]


def _time(given: Any) -> str:
    """In whatever form the model wrote it: numbers too large for a float are among them."""
    fine = isinstance(given, int | float) and possible(given)
    return spoken(given) if fine else str(given)[:20]


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content if block["type"] == "text")

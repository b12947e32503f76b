"""Split one attempt into steps, read from the messages of its trajectory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from touchline.chat.timecode import format_time, is_clip_time
from touchline.chat.tools.choose_frames import parse_tool_call
from touchline.chat.turns import split_thought
from touchline.errors import InputError
from touchline.records.trajectory import Trajectory


@dataclass(frozen=True)
class AttemptStep:
    """One step of an attempt; `kind` is frames, thought, call, answer, note or unreadable."""

    kind: str
    text: str
    times: tuple[float, ...] = ()


def parse_attempt_steps(attempt: Trajectory) -> list[AttemptStep]:
    """Frames, thoughts, tool calls and the answer in order, without the question. Raises
    `InputError` if the messages are not JSON.
    """
    try:  # what a trainer or an endpoint wrote
        messages = json.loads(attempt.messages)
    except ValueError:
        raise InputError(attempt.id, "its messages are not JSON", "rerun the stage") from None
    attempt_steps: list[AttemptStep] = []
    for message in messages:
        if message["role"] == "assistant":
            attempt_steps.extend(_turn_steps(_message_text(message["content"]), attempt.answer))
        elif message["role"] != "system":
            attempt_steps.extend(_frame_steps(message, first=not attempt_steps))
    return attempt_steps


def _frame_steps(message: Mapping[str, Any], first: bool) -> list[AttemptStep]:
    """The pictures of a user or tool message; a refusal has none and is told in words."""
    blocks = message["content"] if isinstance(message["content"], list) else []
    times = tuple(block["time"] for block in blocks if block["type"] == "image")
    if times:
        return [AttemptStep("frames", "First look" if first else "Looked again", times)]
    return [] if first else [AttemptStep("note", _message_text(message["content"]))]


def _turn_steps(text: str, answer: str) -> list[AttemptStep]:
    """A turn without a thought that was taken for the answer: its dialogue has no thoughts."""
    turn_parts = split_thought(text)
    if turn_parts is None:
        return [AttemptStep("answer" if text.strip() == answer else "unreadable", text)]
    thought, then = turn_parts
    call = parse_tool_call(then)
    if call is not None:
        step = AttemptStep(
            "call", f"choose_frames {_format_call_time(call[0])} to {_format_call_time(call[1])}"
        )
    else:
        step = AttemptStep("answer", then)
    return [AttemptStep("thought", thought), step]


def _format_call_time(value: Any) -> str:
    """In whatever form the model wrote it: numbers too large for a float are among them."""
    is_printable = isinstance(value, int | float) and is_clip_time(value)
    return format_time(value) if is_printable else str(value)[:20]


def _message_text(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in content if block["type"] == "text")

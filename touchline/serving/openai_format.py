"""Messages as the API has them, in our own form, and a turn of ours as the API has it."""

import base64
import binascii
import io
import json
from typing import Any

from PIL import Image

from touchline.chat.messages import Messages
from touchline.chat.tools.choose_frames import TOOL_CALL_PATTERN, TOOL_NAME, parse_tool_call
from touchline.chat.turns import split_thought
from touchline.serving.server import Unfit

MOST = 2**24  # pixels of a picture


def ours(messages: list[dict[str, Any]]) -> Messages:
    """Pictures come inside the message (data URLs): nothing is fetched for anybody."""
    return [_message(message) for message in messages]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content") or ""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    found = [_block(block) for block in blocks]
    calls = [_called(call["function"]) for call in message.get("tool_calls") or ()]
    if calls:
        text = "\n\n".join(["".join(block["text"] for block in found), *calls]).strip()
        found = [{"type": "text", "text": text}]
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise Unfit(f"unknown role {message['role']!r}")
    named = {"name": TOOL_NAME} if message["role"] == "tool" else {}
    return {"role": message["role"], **named, "content": found}


def _called(function: dict[str, Any]) -> str:
    arguments = json.dumps(json.loads(function["arguments"]))
    return f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>'


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": str(block["text"])}
    if block["type"] != "image_url":
        raise Unfit(f"unknown content {block['type']!r}")
    url = block["image_url"]["url"]
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise Unfit("pictures are taken as data:image/...;base64 only")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        if picture.width * picture.height > MOST:
            raise Unfit("a picture is too large")
        return {"type": "image", "image": picture.convert("RGB")}
    except (OSError, binascii.Error, Image.DecompressionBombError) as fault:
        raise Unfit("a picture cannot be read") from fault


def theirs(turn: str, body: dict[str, Any]) -> dict[str, Any]:
    """A turn as a message: the thought apart, the call as a call if the request knows tools."""
    if not body.get("tools"):
        return {"role": "assistant", "content": turn}
    thought, rest = split_thought(turn) or ("", turn)
    message: dict[str, Any] = {"role": "assistant", "content": rest, "reasoning_content": thought}
    call = parse_tool_call(rest)
    if call is not None:
        arguments = json.dumps(json.loads(TOOL_CALL_PATTERN.findall(rest)[0])["arguments"])
        function = {"name": TOOL_NAME, "arguments": arguments}
        message["content"] = None
        message["tool_calls"] = [{"id": "call_0", "type": "function", "function": function}]
    return message


def finish(message: dict[str, Any], cut: bool) -> str:
    """Why the turn ended."""
    return "length" if cut else "tool_calls" if message.get("tool_calls") else "stop"

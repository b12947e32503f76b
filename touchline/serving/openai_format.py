"""Convert OpenAI messages to our format, and our turns to OpenAI messages."""

import base64
import binascii
import io
import json
from typing import Any

from PIL import Image

from touchline.chat.messages import Messages
from touchline.chat.tools.choose_frames import TOOL_CALL_PATTERN, TOOL_NAME, parse_tool_call
from touchline.chat.turns import split_thought
from touchline.serving.server import UnsupportedRequestError

MAX_IMAGE_PIXELS = 2**24  # pixels of a picture


def parse_api_messages(messages: list[dict[str, Any]]) -> Messages:
    """Parse API messages into ours. Images must be data URLs; nothing is fetched. Raises
    `UnsupportedRequestError`.
    """
    return [_parse_message(message) for message in messages]


def _parse_message(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content") or ""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parsed_blocks = [_parse_content_block(block) for block in blocks]
    calls = [_format_call_text(call["function"]) for call in message.get("tool_calls") or ()]
    if calls:
        text = "\n\n".join(["".join(block["text"] for block in parsed_blocks), *calls]).strip()
        parsed_blocks = [{"type": "text", "text": text}]
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise UnsupportedRequestError(f"unknown role {message['role']!r}")
    tool_name = {"name": TOOL_NAME} if message["role"] == "tool" else {}
    return {"role": message["role"], **tool_name, "content": parsed_blocks}


def _format_call_text(function: dict[str, Any]) -> str:
    arguments = json.dumps(json.loads(function["arguments"]))
    return f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {arguments}}}\n</tool_call>'


def _parse_content_block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": str(block["text"])}
    if block["type"] != "image_url":
        raise UnsupportedRequestError(f"unknown content {block['type']!r}")
    url = block["image_url"]["url"]
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise UnsupportedRequestError("pictures are taken as data:image/...;base64 only")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        if picture.width * picture.height > MAX_IMAGE_PIXELS:
            raise UnsupportedRequestError("a picture is too large")
        return {"type": "image", "image": picture.convert("RGB")}
    except (OSError, binascii.Error, Image.DecompressionBombError) as fault:
        raise UnsupportedRequestError("a picture cannot be read") from fault


def build_assistant_message(turn: str, body: dict[str, Any]) -> dict[str, Any]:
    """An assistant turn as an API message; if the request offers tools, thought and tool call go
    into their own fields.
    """
    if not body.get("tools"):
        return {"role": "assistant", "content": turn}
    thought, remainder = split_thought(turn) or ("", turn)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": remainder,
        "reasoning_content": thought,
    }
    call = parse_tool_call(remainder)
    if call is not None:
        arguments = json.dumps(json.loads(TOOL_CALL_PATTERN.findall(remainder)[0])["arguments"])
        function = {"name": TOOL_NAME, "arguments": arguments}
        message["content"] = None
        message["tool_calls"] = [{"id": "call_0", "type": "function", "function": function}]
    return message


def get_finish_reason(message: dict[str, Any], cut: bool) -> str:
    """The `finish_reason` of a message: `length` if cut off, `tool_calls` or `stop`."""
    return "length" if cut else "tool_calls" if message.get("tool_calls") else "stop"

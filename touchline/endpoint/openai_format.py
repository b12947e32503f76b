"""Convert our messages to the OpenAI format, and a reply to one of our assistant turns."""

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from touchline.chat.prompts import read_prompt
from touchline.chat.tools.choose_frames import TOOL_CALL_PATTERN, choose_frames
from touchline.chat.turns import format_thinking_turn, split_thought
from touchline.endpoint.reply import ChatReply
from touchline.endpoint.settings import EndpointParams

ApiMessages = list[dict[str, Any]]
FRAMES_FOLLOW = "The frames follow."


def build_api_tools(endpoint: EndpointParams) -> ApiMessages:
    """The JSON schema of the frame tool in the API's format; [] if the endpoint takes calls as
    plain text.
    """
    if endpoint.calls == "text":
        return []
    from transformers.utils.chat_template_utils import get_json_schema

    schema = get_json_schema(choose_frames)
    schema["function"].pop("return", None)  # transformers' own
    return [schema]


def build_api_messages(
    messages: Sequence[Mapping[str, Any]], endpoint: EndpointParams
) -> ApiMessages:
    """Our messages in the API's format. Their images must be loaded already
    (`fetch_message_images`).
    """
    api_messages: ApiMessages = []
    for message in messages:
        if message["role"] == "assistant":
            api_messages.append(_build_assistant_message(message, endpoint, len(api_messages)))
        elif message["role"] == "tool":
            api_messages += _build_tool_messages(message, endpoint, len(api_messages) - 1)
        else:
            api_messages.append(
                {"role": message["role"], "content": _build_content(message, endpoint)}
            )
    if endpoint.calls == "text" and api_messages[0]["role"] == "system":
        api_messages[0]["content"] += f"\n\n{read_prompt('tool_call')}"
    return api_messages


def _build_assistant_message(
    message: Mapping[str, Any], endpoint: EndpointParams, place: int
) -> dict[str, Any]:
    text = "".join(block["text"] for block in message["content"])
    calls = TOOL_CALL_PATTERN.findall(text)
    if endpoint.calls == "text" or len(calls) != 1:
        return {"role": "assistant", "content": text}
    call = json.loads(calls[0])
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    tool_call = {"id": _make_call_id(place), "type": "function", "function": function}
    return {
        "role": "assistant",
        "content": TOOL_CALL_PATTERN.sub("", text).strip(),
        "tool_calls": [tool_call],
    }


def _build_tool_messages(
    message: Mapping[str, Any], endpoint: EndpointParams, place: int
) -> Iterator[dict[str, Any]]:
    """The messages for a tool result: images go into the tool's turn or a user turn, as the
    endpoint takes them.
    """
    content = _build_content(message, endpoint)
    if endpoint.calls == "text":
        yield {"role": "user", "content": content}
        return
    in_user_turn = endpoint.frames_in == "user" and not isinstance(content, str)
    answer = FRAMES_FOLLOW if in_user_turn else content
    yield {"role": "tool", "tool_call_id": _make_call_id(place), "content": answer}
    if in_user_turn:
        yield {"role": "user", "content": content}


def _make_call_id(place: int) -> str:
    return f"call_{place}"


def _build_content(message: Mapping[str, Any], endpoint: EndpointParams) -> Any:
    """The content as plain text if it has no image (some servers take nothing else), else as
    blocks.
    """
    blocks = message["content"]
    if all(block["type"] == "text" for block in blocks):
        return "".join(block["text"] for block in blocks)
    return [
        _encode_image(block["image"], endpoint.pictures) if block["type"] == "image" else block
        for block in blocks
    ]


def _encode_image(image: Any, kind: str) -> dict[str, Any]:
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 92} if kind == "jpeg" else {}))
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def format_reply_turn(reply: ChatReply) -> str:
    """The reply as an assistant turn: the thought, then tool calls or the answer.

    The thought is the server's reasoning field, or the text between think tags, or the text before
    a call. If the chat template opens the thought itself, only the end tag is present.
    """
    text = reply.text.strip()
    if "</think>" in text and "<think>" not in text:
        text = f"<think>\n{text}"
    thought, remainder = split_thought(text) or ("", text)
    thought = reply.thought.strip() or thought
    if reply.calls and not thought:
        thought, remainder = remainder, ""
    calls = "\n".join(_format_call_text(name, arguments) for name, arguments in reply.calls)
    turn_text = "\n".join(filter(None, [remainder, calls]))
    return format_thinking_turn(thought, turn_text) if thought else turn_text


def _format_call_text(name: str, arguments: str) -> str:
    """A tool call as our models write it; arguments that are not JSON stay as they are."""
    with suppress(ValueError, RecursionError):  # the border to model output
        arguments = json.dumps(json.loads(arguments))
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'

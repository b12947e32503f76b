"""Our messages in the words of the API, and a reply of the API as one of our turns."""

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from touchline.chat.prompts import read_prompt
from touchline.chat.tools.choose_frames import TOOL_CALL_PATTERN, choose_frames
from touchline.chat.turns import format_thinking_turn, split_thought
from touchline.endpoint.reply import Reply
from touchline.endpoint.settings import Endpoint

Said = list[dict[str, Any]]
FOLLOW = "The frames follow."


def tools(endpoint: Endpoint) -> Said:
    """The frame tool as the API wants to be told of it; nothing where calls are plain text."""
    if endpoint.calls == "text":
        return []
    from transformers.utils.chat_template_utils import get_json_schema

    schema = get_json_schema(choose_frames)
    schema["function"].pop("return", None)  # transformers' own
    return [schema]


def chat(messages: Sequence[Mapping[str, Any]], endpoint: Endpoint) -> Said:
    """Our messages, their pictures fetched (`with_pictures`), as the API has them."""
    said: Said = []
    for message in messages:
        if message["role"] == "assistant":
            said.append(_assistant(message, endpoint, len(said)))
        elif message["role"] == "tool":
            said += _tool(message, endpoint, len(said) - 1)
        else:
            said.append({"role": message["role"], "content": _content(message, endpoint)})
    if endpoint.calls == "text" and said[0]["role"] == "system":
        said[0]["content"] += f"\n\n{read_prompt('tool_call')}"
    return said


def _assistant(message: Mapping[str, Any], endpoint: Endpoint, place: int) -> dict[str, Any]:
    text = "".join(block["text"] for block in message["content"])
    found = TOOL_CALL_PATTERN.findall(text)
    if endpoint.calls == "text" or len(found) != 1:
        return {"role": "assistant", "content": text}
    call = json.loads(found[0])
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    one = {"id": _name(place), "type": "function", "function": function}
    return {
        "role": "assistant",
        "content": TOOL_CALL_PATTERN.sub("", text).strip(),
        "tool_calls": [one],
    }


def _tool(message: Mapping[str, Any], endpoint: Endpoint, place: int) -> Iterator[dict[str, Any]]:
    """What the tool returned, in its own turn or in the user's, as the endpoint takes pictures."""
    content = _content(message, endpoint)
    if endpoint.calls == "text":
        yield {"role": "user", "content": content}
        return
    aside = endpoint.frames_in == "user" and not isinstance(content, str)
    answer = FOLLOW if aside else content
    yield {"role": "tool", "tool_call_id": _name(place), "content": answer}
    if aside:
        yield {"role": "user", "content": content}


def _name(place: int) -> str:
    return f"call_{place}"


def _content(message: Mapping[str, Any], endpoint: Endpoint) -> Any:
    """Plain text where there is no picture: some servers take nothing else."""
    blocks = message["content"]
    if all(block["type"] == "text" for block in blocks):
        return "".join(block["text"] for block in blocks)
    return [
        _picture(block["image"], endpoint.pictures) if block["type"] == "image" else block
        for block in blocks
    ]


def _picture(image: Any, kind: str) -> dict[str, Any]:
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 92} if kind == "jpeg" else {}))
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{data}"}}


def turn(reply: Reply) -> str:
    """The reply as a turn of ours: a thought, then the calls or the answer.

    The thought is what the server gives apart, or stands between think tags, or is what was said
    before a call. A template that opens the thought itself leaves its end tag only.
    """
    text = reply.text.strip()
    if "</think>" in text and "<think>" not in text:
        text = f"<think>\n{text}"
    thought, rest = split_thought(text) or ("", text)
    thought = reply.thought.strip() or thought
    if reply.calls and not thought:
        thought, rest = rest, ""
    calls = "\n".join(_written(name, arguments) for name, arguments in reply.calls)
    then = "\n".join(filter(None, [rest, calls]))
    return format_thinking_turn(thought, then) if thought else then


def _written(name: str, arguments: str) -> str:
    """A call as a model of ours writes it; arguments that are no JSON stay as they are."""
    with suppress(ValueError, RecursionError):  # the border to model output
        arguments = json.dumps(json.loads(arguments))
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'

"""Parse the reply of a chat endpoint; anything malformed becomes a reply with a fault."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MAX_REPLY_BYTES = 32 * 2**20  # bytes of a reply that are read
LETTERS_PER_TOKEN = 4  # per token, where the server does not count
MAX_DETAIL_LETTERS = 200  # letters of a server's complaint that are kept
FINISH_LENGTH = "length"

# Faults that a model may be paid for, and which the same request would meet again: final.
EMPTY, REFUSED = "empty answer", "refusal"
# Faults of the way there: no reply was had, a later attempt may fare better.
HTML, BROKEN, STRANGE = "web page in place of a reply", "invalid JSON", "no chat completion"
VANISHED, UNFIT = "vanished model", "request refused"
BUSY, TIMEOUT, CUT_OFF = "server busy", "no reply in time", "connection lost"
BUDGET_SPENT = "budget spent"
FINAL_FAULTS = ("", EMPTY, REFUSED)


@dataclass(frozen=True)
class ChatReply:
    """A parsed reply. `fault` is "" for a good one. `paid` is false if it came from the cache."""

    fault: str = ""
    detail: str = ""  # of the fault, in the server's words, shortened
    text: str = ""
    thought: str = ""  # where the server gives the reasoning apart
    calls: tuple[tuple[str, str], ...] = ()  # (name, arguments as JSON, unread)
    finish: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    paid: bool = False

    def to_json(self) -> str:
        """All fields but `paid`, as JSON for the cache."""
        kept = {k: v for k, v in asdict(self).items() if k != "paid"}
        return json.dumps(kept, ensure_ascii=False)


def parse_stored_reply(text: str) -> ChatReply:
    """The reply from its cached JSON."""
    fields = json.loads(text)
    calls = tuple((name, arguments) for name, arguments in fields.pop("calls"))
    return ChatReply(**fields, calls=calls)


def build_fault_reply(fault: str, detail: str = "") -> ChatReply:
    """A reply with a fault and a shortened detail."""
    return ChatReply(fault=fault, detail=" ".join(detail.split())[:MAX_DETAIL_LETTERS])


def parse_completion_body(body: str) -> ChatReply:
    """Parse the body of a status 200. Never raises: whatever is not a chat completion becomes a
    fault.
    """
    if body.lstrip()[:1] == "<":
        return build_fault_reply(HTML, body)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return build_fault_reply(BROKEN, body)
    try:
        return _parse_completion(payload)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return build_fault_reply(STRANGE, body)


def _parse_completion(payload: Mapping[str, Any]) -> ChatReply:
    choice = payload["choices"][0]
    message, finish = choice["message"], str(choice.get("finish_reason") or "")
    text, thought = _join_text_parts(message.get("content")), _read_reasoning(message)
    calls = tuple(_parse_tool_call(call["function"]) for call in message.get("tool_calls") or ())
    tokens_in, tokens_out = _count_tokens(payload.get("usage") or {}, text + thought)
    fault = ""
    if message.get("refusal") or finish == "content_filter":
        fault = REFUSED
    elif not (text.strip() or calls or finish == FINISH_LENGTH):
        fault = EMPTY
    detail = str(message.get("refusal") or "")[:MAX_DETAIL_LETTERS]
    return ChatReply(
        fault=fault,
        detail=detail,
        text=text,
        thought=thought,
        calls=calls,
        finish=finish,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
    )


def _read_reasoning(message: Mapping[str, Any]) -> str:
    """vLLM and gateways give the reasoning under either name."""
    return _join_text_parts(message.get("reasoning_content") or message.get("reasoning"))


def _join_text_parts(content: Any) -> str:
    """The text of a content field: a string, or a list of parts; "" for None."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return "" if content is None else str(content)


def _parse_tool_call(function: Mapping[str, Any]) -> tuple[str, str]:
    arguments = function.get("arguments")
    return str(function["name"]), arguments if isinstance(arguments, str) else json.dumps(arguments)


def _count_tokens(usage: Mapping[str, Any], text: str) -> tuple[int, int]:
    """(prompt tokens, completion tokens); completion tokens are estimated from the letters if the
    server does not count.
    """
    tokens_out = usage.get("completion_tokens")
    out = len(text) // LETTERS_PER_TOKEN if tokens_out is None else int(tokens_out)
    return int(usage.get("prompt_tokens") or 0), out

"""What came back: a reply, or a fault in one word; whatever a server sends becomes one of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

LONGEST = 32 * 2**20  # bytes of a reply that are read
LETTERS = 4  # per token, where the server does not count
SAID = 200  # letters of a server's complaint that are kept
CUT = "length"

# Faults that a model may be paid for, and which the same request would meet again: final.
EMPTY, REFUSED = "empty answer", "refusal"
# Faults of the way there: no reply was had, a later attempt may fare better.
HTML, BROKEN, STRANGE = "web page in place of a reply", "invalid JSON", "no chat completion"
VANISHED, UNFIT = "vanished model", "request refused"
BUSY, TIMEOUT, CUT_OFF = "server busy", "no reply in time", "connection lost"
BUDGET = "budget spent"
FINAL = ("", EMPTY, REFUSED)


@dataclass(frozen=True)
class Reply:
    """`fault` is "" for a good reply. `paid` is false when it lay in the store already."""

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

    def as_json(self) -> str:
        kept = {k: v for k, v in asdict(self).items() if k != "paid"}
        return json.dumps(kept, ensure_ascii=False)


def from_json(text: str) -> Reply:
    """A stored reply."""
    known = json.loads(text)
    calls = tuple((name, arguments) for name, arguments in known.pop("calls"))
    return Reply(**known, calls=calls)


def failed(fault: str, detail: str = "") -> Reply:
    return Reply(fault=fault, detail=" ".join(detail.split())[:SAID])


def read(body: str) -> Reply:
    """The reply in the body of a 200: the border to model and server, nothing here raises."""
    if body.lstrip()[:1] == "<":
        return failed(HTML, body)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return failed(BROKEN, body)
    try:
        return _completion(found)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return failed(STRANGE, body)


def _completion(found: Mapping[str, Any]) -> Reply:
    choice = found["choices"][0]
    message, finish = choice["message"], str(choice.get("finish_reason") or "")
    text, thought = _words(message.get("content")), _thought(message)
    calls = tuple(_call(call["function"]) for call in message.get("tool_calls") or ())
    used = _used(found.get("usage") or {}, text + thought)
    fault = ""
    if message.get("refusal") or finish == "content_filter":
        fault = REFUSED
    elif not (text.strip() or calls or finish == CUT):
        fault = EMPTY
    detail = str(message.get("refusal") or "")[:SAID]
    return Reply(fault, detail, text, thought, calls, finish, *used)


def _thought(message: Mapping[str, Any]) -> str:
    """vLLM and gateways give the reasoning under either name."""
    return _words(message.get("reasoning_content") or message.get("reasoning"))


def _words(content: Any) -> str:
    """A text, or the text of its parts; None is no text."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    return "" if content is None else str(content)


def _call(function: Mapping[str, Any]) -> tuple[str, str]:
    arguments = function.get("arguments")
    return str(function["name"]), arguments if isinstance(arguments, str) else json.dumps(arguments)


def _used(usage: Mapping[str, Any], said: str) -> tuple[int, int]:
    """(tokens in, tokens out); a server that does not count is estimated by its letters."""
    tokens_out = usage.get("completion_tokens")
    out = len(said) // LETTERS if tokens_out is None else int(tokens_out)
    return int(usage.get("prompt_tokens") or 0), out

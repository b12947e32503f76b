"""One request: what is asked, apart from how it is sampled."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from touchline.endpoint.settings import Endpoint

LIMITS = ("max_tokens", "max_completion_tokens")  # a reply they do not cut off is the same reply
DATA = "data:"


@dataclass(frozen=True)
class Request:
    """`tag` says whose request it is; it is no part of the question."""

    tag: str
    model: str
    messages: Sequence[Mapping[str, Any]]  # as the API has them
    tools: Sequence[Mapping[str, Any]] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def what(self) -> str:
        """Digest of model, messages with their pictures' bytes, tools and metadata."""
        asked = [self.model, self.messages, list(self.tools), dict(self.metadata)]
        return _digest(_named(asked))

    @cached_property
    def how(self) -> str:
        """The sampling but for the limit of tokens, in one canonical text."""
        return _text({k: v for k, v in self.sampling.items() if k not in LIMITS})

    @property
    def limit(self) -> int:
        """Tokens of the reply, at most; 0 for no limit."""
        return int(next((self.sampling[name] for name in LIMITS if name in self.sampling), 0))

    @cached_property
    def key(self) -> str:
        """The row's id and its `Idempotency-Key`: the same request has the same one, always."""
        return _digest([self.what, self.how, self.limit])[:40]

    def body(self) -> bytes:
        """What is sent."""
        said = {"model": self.model, "messages": self.messages, **self.sampling}
        if self.tools:
            said["tools"] = list(self.tools)
        if self.metadata:
            said["metadata"] = dict(self.metadata)
        return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")


def request(
    endpoint: Endpoint,
    tag: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> Request:
    """A request with the endpoint's model and sampling."""
    metadata = {"question": tag} if endpoint.metadata else {}
    return Request(tag, endpoint.model, messages, tools, endpoint.sampling, metadata)


def _named(part: Any) -> Any:
    """The same with each picture's data in place of itself named by its digest."""
    if isinstance(part, str):
        return _digest(part) if part.startswith(DATA) else part
    if isinstance(part, Mapping):
        return {key: _named(value) for key, value in part.items()}
    return [_named(one) for one in part] if isinstance(part, list | tuple) else part


def _digest(part: Any) -> str:
    text = part if isinstance(part, str) else _text(part)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _text(part: Any) -> str:
    return json.dumps(part, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

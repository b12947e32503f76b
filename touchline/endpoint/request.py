"""A chat request and its cache keys: content and sampling apart."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from touchline.endpoint.settings import EndpointParams

TOKEN_LIMIT_KEYS = (
    "max_tokens",
    "max_completion_tokens",
)  # a reply they do not cut off is the same reply
DATA_URL_PREFIX = "data:"


@dataclass(frozen=True)
class ChatRequest:
    """A chat request. `tag` names the question it belongs to; it is not part of the prompt."""

    tag: str
    model: str
    messages: Sequence[Mapping[str, Any]]  # as the API has them
    tools: Sequence[Mapping[str, Any]] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def content_digest(self) -> str:
        """sha256 of model, messages (with image bytes), tools and metadata."""
        content = [self.model, self.messages, list(self.tools), dict(self.metadata)]
        return _hash_json(_replace_image_data(content))

    @cached_property
    def sampling_json(self) -> str:
        """The sampling settings except the token limit, as canonical JSON."""
        return _format_canonical_json(
            {k: v for k, v in self.sampling.items() if k not in TOKEN_LIMIT_KEYS}
        )

    @property
    def max_tokens(self) -> int:
        """Maximum number of reply tokens; 0 for no limit."""
        return int(
            next((self.sampling[name] for name in TOKEN_LIMIT_KEYS if name in self.sampling), 0)
        )

    @cached_property
    def key(self) -> str:
        """The cache key and `Idempotency-Key`; equal requests have equal keys."""
        return _hash_json([self.content_digest, self.sampling_json, self.max_tokens])[:40]

    def to_json_bytes(self) -> bytes:
        """The JSON body that is sent, as UTF-8 bytes."""
        payload = {"model": self.model, "messages": self.messages, **self.sampling}
        if self.tools:
            payload["tools"] = list(self.tools)
        if self.metadata:
            payload["metadata"] = dict(self.metadata)
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


def build_chat_request(
    endpoint: EndpointParams,
    tag: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
) -> ChatRequest:
    """A request with the endpoint's model and sampling."""
    metadata = {"question": tag} if endpoint.metadata else {}
    return ChatRequest(
        tag=tag,
        model=endpoint.model,
        messages=messages,
        tools=tools,
        sampling=endpoint.sampling,
        metadata=metadata,
    )


def _replace_image_data(part: Any) -> Any:
    """A copy in which each image data URL is replaced by its digest."""
    if isinstance(part, str):
        return _hash_json(part) if part.startswith(DATA_URL_PREFIX) else part
    if isinstance(part, Mapping):
        return {key: _replace_image_data(value) for key, value in part.items()}
    return [_replace_image_data(item) for item in part] if isinstance(part, list | tuple) else part


def _hash_json(part: Any) -> str:
    text = part if isinstance(part, str) else _format_canonical_json(part)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _format_canonical_json(part: Any) -> str:
    return json.dumps(part, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

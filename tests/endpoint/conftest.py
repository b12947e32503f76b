"""An endpoint's settings for the tests, and a way to ask it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from touchline.endpoint import (
    ChatReply,
    ChatRequest,
    EndpointClient,
    EndpointParams,
    PriceParams,
    SpendingLimit,
    build_chat_request,
    run_concurrently,
)

HERE = EndpointParams(
    url="",
    model="m",
    key="",
    in_flight=8,
    timeout=5.0,
    tries=4,
    patience=20.0,
    calls="api",
    frames_in="tool",
    pictures="png",
    metadata=False,
    price=PriceParams(input=2.0, output=10.0),
    sampling={"temperature": 0.5, "max_tokens": 64},
)


def at(url: str, **changes: Any) -> EndpointParams:
    return HERE.model_copy(update={"url": url} | changes)


def questions(endpoint: EndpointParams, count: int) -> list[ChatRequest]:
    return [
        build_chat_request(endpoint, f"q{n}", [{"role": "user", "content": f"say {n}"}])
        for n in range(count)
    ]


def asked(
    endpoint: EndpointParams,
    folder: Path,
    requests: Sequence[ChatRequest],
    purse: SpendingLimit | None = None,
) -> list[ChatReply]:
    """The replies, in the order of the requests."""

    async def ask() -> list[ChatReply]:
        async with EndpointClient(endpoint, folder, purse) as client:
            got = [
                pair
                async for pair in run_concurrently(requests, client.ask, client.max_conversations)
            ]
        replies = {one.tag: answer for one, answer in got}
        return [replies[one.tag] for one in requests]

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchline.endpoint.concurrency.FIRST", 0.02)
    monkeypatch.setattr("touchline.endpoint.concurrency.LONGEST", 0.2)

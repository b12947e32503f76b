"""An endpoint's settings for the tests, and a way to ask it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from touchline.endpoint import Client, Endpoint, Price, Purse, Reply, Request, each, request

HERE = Endpoint(
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
    price=Price(input=2.0, output=10.0),
    sampling={"temperature": 0.5, "max_tokens": 64},
)


def at(url: str, **changes: Any) -> Endpoint:
    return HERE.model_copy(update={"url": url} | changes)


def questions(endpoint: Endpoint, count: int) -> list[Request]:
    return [
        request(endpoint, f"q{n}", [{"role": "user", "content": f"say {n}"}]) for n in range(count)
    ]


def asked(
    endpoint: Endpoint, folder: Path, requests: Sequence[Request], purse: Purse | None = None
) -> list[Reply]:
    """The replies, in the order of the requests."""

    async def ask() -> list[Reply]:
        async with Client(endpoint, folder, purse) as client:
            got = [pair async for pair in each(requests, client.ask, client.at_once)]
        replies = {one.tag: answer for one, answer in got}
        return [replies[one.tag] for one in requests]

    return asyncio.run(ask())


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchline.endpoint.concurrency.FIRST", 0.02)
    monkeypatch.setattr("touchline.endpoint.concurrency.LONGEST", 0.2)

"""A real OpenAI-compatible server for the network's side alone: it misbehaves as told, and bills.

`python -m tests.endpoint.stand_in --slots 8` prints its port and serves until it is ended;
`GET /counts` says what it has done, `GET /limit/N` makes it hold back replies beyond N bills.
"""

import argparse
import asyncio
import json
import math
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

JSON = "application/json"


@dataclass
class StandIn:
    """How the server behaves; `billed` counts generations by Idempotency-Key."""

    latency: float = 0.0  # seconds per reply
    slots: int = 10_000  # requests at the same time; one more is answered 429
    retry_after: str = ""  # header of a 429
    drop: float = 0.0  # share of the requests whose connection is cut before the reply
    fail: float = 0.0  # share that is answered 500
    heeds: bool = True  # Idempotency-Key
    password: str = ""
    script: Any = None  # (body, number of the request) -> web.Response, dict, text or None
    keep: bool = True  # the bodies, in `seen`
    seen: list[dict] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    billed: Counter = field(default_factory=Counter)
    replies: dict = field(default_factory=dict)
    active: int = 0
    limit: float = math.inf  # bills; replies to those beyond it wait until it is raised
    port: int = 0

    def __post_init__(self) -> None:
        self.random = Random(7)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def build_app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self.answer)
        app.router.add_get("/counts", self.tell)
        app.router.add_get("/limit/{bills}", self.set_limit)
        return app

    async def tell(self, _: web.Request) -> web.Response:
        told = {**self.counts, "bills": self.billed.total(), "keys": len(self.billed)}
        return web.json_response(told)

    async def set_limit(self, request: web.Request) -> web.Response:
        self.limit = float(request.match_info["bills"])
        return web.json_response({"limit": request.match_info["bills"]})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.counts["requests"] += 1
        if self.keep:
            self.seen.append(body)
        told = request.headers.get("Authorization")
        if self.password and told != f"Bearer {self.password}":
            return web.json_response({"error": {"message": f"wrong key {told}"}}, status=401)
        key = request.headers.get("Idempotency-Key", "")
        if self.heeds and key in self.replies:
            self.counts["repeats"] += 1
            known = await asyncio.shield(self.replies[key])
            return web.Response(body=known, content_type=JSON)
        if self.active >= self.slots:
            self.counts["refused"] += 1
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.json_response({"error": "busy"}, status=429, headers=headers)
        return await self._work(request, body, key)

    async def _work(self, request: web.Request, body: dict, key: str) -> web.StreamResponse:
        luck = self.random.random()
        if luck < self.fail:
            self.counts["failed"] += 1
            return web.json_response({"error": "oops"}, status=500)
        number = self.counts["answered"]
        self.counts["answered"] += 1
        given = self.script(body, number) if self.script else None
        if isinstance(given, web.Response):
            return given
        self.active += 1
        work = asyncio.ensure_future(self._generate(body, key, given))
        if self.heeds:
            self.replies[key] = work
        reply = await asyncio.shield(work)
        if luck > 1 - self.drop and request.transport is not None:
            self.counts["dropped"] += 1
            request.transport.abort()
        return web.Response(body=reply, content_type=JSON)

    async def _generate(self, body: dict, key: str, given: Any) -> bytes:
        self.billed[key] += 1
        number = self.billed.total()
        try:
            await asyncio.sleep(self.latency)
            while number > self.limit:
                await asyncio.sleep(0.01)
        finally:
            self.active -= 1
        if isinstance(given, str):
            return given.encode()
        return json.dumps(given or completion(f"echo {body['messages'][-1]['content']}")).encode()


def completion(
    text: str | None, calls: list[tuple[str, str]] | None = None, finish: str = "stop", **more: Any
) -> dict:
    """A chat completion as OpenAI's API has it."""
    message: dict[str, Any] = {"role": "assistant", "content": text, **more}
    if calls:
        message["tool_calls"] = [
            {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for i, (name, arguments) in enumerate(calls)
        ]
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}


@contextmanager
def standing_in(server: Any) -> Iterator[Any]:
    """A server with an `app` and a `port`, in a thread with a loop of its own."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(server.build_app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", server.port).start()
        server.port = runner.addresses[0][1]
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--retry-after", default="")
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--fail", type=float, default=0.0)
    parser.add_argument("--ignores-keys", action="store_true")
    given = parser.parse_args()
    server = StandIn(
        given.latency, given.slots, given.retry_after, given.drop, given.fail,
        not given.ignores_keys, keep=False,
    )  # fmt: skip
    ear = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(ear.getsockname()[1], flush=True)
    web.run_app(server.build_app(), sock=ear, access_log=None, print=None)


if __name__ == "__main__":
    main()

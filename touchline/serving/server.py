"""Chat completions over HTTP as OpenAI's API has them, answered by whoever has a mind."""

import asyncio
import json
import sys
import time
from collections import OrderedDict
from typing import Any, Protocol

from aiohttp import web

LARGEST = 64 * 2**20  # bytes of a request
REMEMBERED = 20_000  # replies that are given again for the same Idempotency-Key
Body = dict[str, Any]


class Unfit(ValueError):
    """A request that cannot be answered, in words for whoever sent it."""


class Mind(Protocol):
    """Whoever answers."""

    name: str

    async def answer(self, body: Body) -> Body:
        """`message`, `finish_reason` and `usage`; raises `Unfit`."""
        ...


class Server:
    """The routes; a reply is thought of once for each Idempotency-Key."""

    def __init__(self, mind: Mind) -> None:
        self.mind = mind
        self.known: OrderedDict[str, asyncio.Future[Body]] = OrderedDict()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/health", self.health)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def models(self, _: web.Request) -> web.Response:
        one = {"id": self.mind.name, "object": "model", "owned_by": "touchline"}
        return web.json_response({"object": "list", "data": [one]})

    async def complete(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
            if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
                raise Unfit("no messages")
            if body.get("stream"):
                raise Unfit("this server does not stream")
            if body.get("model") != self.mind.name:
                return _wrong(404, f"there is no model {body.get('model')!r}: {self.mind.name}")
            return web.json_response(await self._once(request, body))
        except (Unfit, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            return _wrong(400, str(fault) or type(fault).__name__)

    async def _once(self, request: web.Request, body: Body) -> Body:
        key = request.headers.get("Idempotency-Key", "")
        if key and key in self.known:
            return await asyncio.shield(self.known[key])
        work = asyncio.ensure_future(self._thought(body))
        if key:
            self.known[key] = work
            work.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(work)

    def _forget(self, key: str, done: asyncio.Future[Body]) -> None:
        """Failures at once, the oldest replies when there are many."""
        if done.cancelled() or done.exception():
            self.known.pop(key, None)
        while len(self.known) > REMEMBERED:
            self.known.popitem(last=False)

    async def _thought(self, body: Body) -> Body:
        found = await self.mind.answer(body)
        choice = {"index": 0, "message": found["message"], "finish_reason": found["finish_reason"]}
        return {
            "id": f"chatcmpl-{time.time_ns():x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.mind.name,
            "choices": [choice],
            "usage": found["usage"],
        }


def _wrong(status: int, words: str) -> web.Response:
    kind = "invalid_request_error"
    return web.json_response({"error": {"message": words, "type": kind}}, status=status)


def serve(mind: Mind, host: str, port: int) -> None:
    """Answer until Ctrl-C or SIGTERM."""
    said = f"{mind.name} answers at http://{host}:{port}/v1; Ctrl-C ends it"
    web.run_app(
        Server(mind).app(), host=host, port=port, access_log=None, print=lambda _: _say(said)
    )


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()

"""Chat completions over HTTP in OpenAI's format, answered by a `ChatBackend`."""

import asyncio
import json
import sys
import time
from collections import OrderedDict
from typing import Any, Protocol

from aiohttp import web

MAX_REQUEST_BYTES = 64 * 2**20  # bytes of a request
MAX_REMEMBERED_REPLIES = 20_000  # replies that are given again for the same Idempotency-Key
JsonBody = dict[str, Any]


class UnsupportedRequestError(ValueError):
    """A request that cannot be answered; the text is sent to the client with status 400."""


class ChatBackend(Protocol):
    """Something that answers chat completions."""

    name: str

    async def complete_chat(self, body: JsonBody) -> JsonBody:
        """Returns {message, finish_reason, usage}; raises `UnsupportedRequestError`."""
        ...


class ChatServer:
    """The HTTP routes. Requests with the same Idempotency-Key are answered once and get the same
    reply.
    """

    def __init__(self, backend: ChatBackend) -> None:
        self.backend = backend
        self.replies_by_key: OrderedDict[str, asyncio.Future[JsonBody]] = OrderedDict()

    def build_app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_post("/v1/chat/completions", self.handle_completion)
        app.router.add_get("/v1/models", self.handle_models)
        app.router.add_get("/health", self.handle_health)
        return app

    async def handle_health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def handle_models(self, _: web.Request) -> web.Response:
        model = {"id": self.backend.name, "object": "model", "owned_by": "touchline"}
        return web.json_response({"object": "list", "data": [model]})

    async def handle_completion(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
            if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
                raise UnsupportedRequestError("no messages")
            if body.get("stream"):
                raise UnsupportedRequestError("this server does not stream")
            if body.get("model") != self.backend.name:
                return _build_error_response(
                    404, f"there is no model {body.get('model')!r}: {self.backend.name}"
                )
            return web.json_response(await self._complete_once(request, body))
        except (
            UnsupportedRequestError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as fault:
            return _build_error_response(400, str(fault) or type(fault).__name__)

    async def _complete_once(self, request: web.Request, body: JsonBody) -> JsonBody:
        key = request.headers.get("Idempotency-Key", "")
        if key and key in self.replies_by_key:
            return await asyncio.shield(self.replies_by_key[key])
        task = asyncio.ensure_future(self._build_completion(body))
        if key:
            self.replies_by_key[key] = task
            task.add_done_callback(lambda done: self._forget_replies(key, done))
        return await asyncio.shield(task)

    def _forget_replies(self, key: str, done: asyncio.Future[JsonBody]) -> None:
        """Forget a failed reply at once, and the oldest replies beyond the maximum."""
        if done.cancelled() or done.exception():
            self.replies_by_key.pop(key, None)
        while len(self.replies_by_key) > MAX_REMEMBERED_REPLIES:
            self.replies_by_key.popitem(last=False)

    async def _build_completion(self, body: JsonBody) -> JsonBody:
        completion = await self.backend.complete_chat(body)
        choice = {
            "index": 0,
            "message": completion["message"],
            "finish_reason": completion["finish_reason"],
        }
        return {
            "id": f"chatcmpl-{time.time_ns():x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.backend.name,
            "choices": [choice],
            "usage": completion["usage"],
        }


def _build_error_response(status: int, message: str) -> web.Response:
    kind = "invalid_request_error"
    return web.json_response({"error": {"message": message, "type": kind}}, status=status)


def serve_chat_backend(backend: ChatBackend, host: str, port: int) -> None:
    """Serve the backend until Ctrl-C or SIGTERM."""
    notice = f"{backend.name} answers at http://{host}:{port}/v1; Ctrl-C ends it"
    web.run_app(
        ChatServer(backend).build_app(),
        host=host,
        port=port,
        access_log=None,
        print=lambda _: _print_line(notice),
    )


def _print_line(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()

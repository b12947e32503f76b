"""Asynchronous client of a chat endpoint with a reply cache, retries, adaptive concurrency and a
budget.
"""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Self

from touchline.endpoint import reply
from touchline.endpoint.budget import SpendingLimit
from touchline.endpoint.concurrency import RequestWindow, compute_backoff_seconds
from touchline.endpoint.http import (
    EndpointTransport,
    EndpointUnavailableError,
    TransientEndpointError,
)
from touchline.endpoint.reply import ChatReply, build_fault_reply
from touchline.endpoint.reply_cache import ReplyCache
from touchline.endpoint.request import ChatRequest
from touchline.endpoint.settings import UNLIMITED_SPEND, EndpointParams

CONVERSATIONS_PER_REQUEST = (
    1.5  # conversations per request in flight: some are being written down, some wait
)
FATAL_FIRST_FAULTS = (
    reply.CUT_OFF,
    reply.VANISHED,
)  # before the first good reply: nobody, or no model, is there
RESUME_REMEDY = "run again when it is back: what was answered is kept"


class EndpointClient:
    """Use as `async with EndpointClient(endpoint, folder) as client: reply = await
    client.ask(request)`.

    `folder` caches every reply (see `ReplyCache`); one process at a time. With a server that
    honours `Idempotency-Key` nothing is paid twice, whenever the process is killed; with others, a
    request that was in flight at the kill is sent and paid again.
    """

    def __init__(
        self, endpoint: EndpointParams, folder: Path, spending_limit: SpendingLimit | None = None
    ) -> None:
        self.endpoint, self.folder, self.spending_limit = (
            endpoint,
            folder,
            spending_limit or SpendingLimit(UNLIMITED_SPEND),
        )
        self.request_window = RequestWindow(endpoint.in_flight)
        self.fault_counts = Counter[str]()  # replies that were none, by fault
        self._first_request_lock, self._has_answered, self._failing_since = (
            asyncio.Lock(),
            False,
            0.0,
        )
        self._tasks_by_key = dict[str, asyncio.Task[ChatReply]]()

    async def __aenter__(self) -> Self:
        self._transport = EndpointTransport(self.endpoint)
        try:
            self.cache = ReplyCache(self.folder)
        except BaseException:  # the connections must be closed at any end; it is raised again
            await self._transport.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.close()
        await self.cache.flush()
        self.cache.close()

    @property
    def max_conversations(self) -> int:
        """How many conversations to run at the same time so that all request slots stay busy."""
        return int(self.endpoint.in_flight * CONVERSATIONS_PER_REQUEST) + 2

    async def ask(self, request: ChatRequest) -> ChatReply:
        """The reply from the cache or the server; a failed request gives a reply with `fault` set.

        Raises `InputError` if the endpoint is unusable: key refused, server or model not found at
        the first request, or no good reply for `patience` seconds.
        """
        running = self._tasks_by_key.get(request.key)
        if running is not None:  # equal requests at the same time are one
            return self._reuse_reply(await asyncio.shield(running))
        cached = self.cache.find_reply(request)
        if cached is not None:
            return self._reuse_reply(cached)
        task = self._tasks_by_key[request.key] = asyncio.ensure_future(self._ask_uncached(request))
        try:
            return await task
        finally:
            del self._tasks_by_key[request.key]

    def _reuse_reply(self, cached: ChatReply) -> ChatReply:
        cached = replace(cached, paid=False)
        if cached.fault in reply.FINAL_FAULTS:
            self.spending_limit.add_reply(cached)
        return cached

    async def _ask_uncached(self, request: ChatRequest) -> ChatReply:
        if not self.spending_limit.allows_request():
            return build_fault_reply(reply.BUDGET_SPENT)
        if self._has_answered:
            return await self._send_with_retries(request)
        async with (
            self._first_request_lock
        ):  # the first one goes alone: it may be that nobody is there
            if not self._has_answered:
                return await self._send_with_retries(request)
        return await self._send_with_retries(request)

    async def _send_with_retries(self, request: ChatRequest) -> ChatReply:
        failures = 0
        self.cache.record_attempt(request)
        await self.cache.flush()
        while True:
            try:
                answered = await self._send_once(request)
            except TransientEndpointError as fault:
                failures += not fault.overloaded
                self._record_fault(fault.fault, fault.detail, fault.wait)
                if failures < self.endpoint.tries:
                    await asyncio.sleep(compute_backoff_seconds(failures, fault.wait))
                    self.cache.record_attempt(request)
                    continue
                answered = build_fault_reply(fault.fault, fault.detail)
                self.cache.record_reply(request, answered)
            await self.cache.flush()
            return answered

    async def _send_once(self, request: ChatRequest) -> ChatReply:
        async with self.request_window.slot() as position:
            if not self.spending_limit.allows_request():
                answered = build_fault_reply(reply.BUDGET_SPENT)
                self.cache.record_reply(request, answered)
                return answered
            with self.spending_limit.count_pending():
                answered = await self._send_in_slot(request, position)
                self.cache.record_reply(request, answered)  # before anything else can happen
                self.spending_limit.add_reply(answered)
        if answered.fault in reply.FINAL_FAULTS:
            self._has_answered, self._failing_since = True, 0.0
            self.request_window.record_reply()
        else:
            self._record_fault(answered.fault, answered.detail)
        return answered

    async def _send_in_slot(self, request: ChatRequest, position: int) -> ChatReply:
        try:
            return await self._transport(request)
        except TransientEndpointError as fault:
            if fault.overloaded:
                self.request_window.record_refusal(position, compute_backoff_seconds(0, fault.wait))
            raise

    def _record_fault(self, fault: str, detail: str, wait: float = 0.0) -> None:
        """Count a fault. Raises `EndpointUnavailableError` if it makes no sense to go on."""
        self.fault_counts[fault] += 1
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        description = f"{fault} ({detail})" if detail else fault
        if not self._has_answered and (
            fault in FATAL_FIRST_FAULTS or self.fault_counts.total() >= self.endpoint.tries
        ):
            remedy = "check url and model, and that the server runs"
            raise EndpointUnavailableError(
                f"endpoint {self.endpoint.host}", f"{self.endpoint.model}: {description}", remedy
            )
        if max(now - self._failing_since, wait) > self.endpoint.patience:
            wrong = (
                f"gave no good reply for {max(now - self._failing_since, wait):.0f} s: "
                f"{description}"
            )
            raise EndpointUnavailableError(f"endpoint {self.endpoint.host}", wrong, RESUME_REMEDY)

"""Ask an endpoint: each request at most once, whatever the way there is like."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Self

from touchline.endpoint import reply
from touchline.endpoint.budget import Purse
from touchline.endpoint.concurrency import Pace, back_off
from touchline.endpoint.http import Exchange, Passing, Shut
from touchline.endpoint.reply import Reply, failed
from touchline.endpoint.reply_cache import ReplyStore
from touchline.endpoint.request import Request
from touchline.endpoint.settings import FREE, Endpoint

AHEAD = 1.5  # conversations per request in flight: some are being written down, some wait
ATONCE = (
    reply.CUT_OFF,
    reply.VANISHED,
)  # before the first good reply: nobody, or no model, is there
KEPT = "run again when it is back: what was answered is kept"


class Client:
    """Use as `async with Client(endpoint, folder) as client: reply = await client.ask(request)`.

    `folder` keeps every reply (see `ReplyStore`); one process at a time. A server that heeds
    `Idempotency-Key` is never paid twice, whenever the process is killed; at any other, a reply
    that was under way at the kill is asked for, and paid for, again.
    """

    def __init__(self, endpoint: Endpoint, folder: Path, purse: Purse | None = None) -> None:
        self.endpoint, self.folder, self.purse = endpoint, folder, purse or Purse(FREE)
        self.pace = Pace(endpoint.in_flight)
        self.troubles = Counter[str]()  # replies that were none, by fault
        self._door, self._open, self._since = asyncio.Lock(), False, 0.0
        self._asking = dict[str, asyncio.Task[Reply]]()

    async def __aenter__(self) -> Self:
        self._exchange = Exchange(self.endpoint)
        try:
            self.store = ReplyStore(self.folder)
        except BaseException:
            await self._exchange.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.close()
        await self.store.durable()
        self.store.close()

    @property
    def at_once(self) -> int:
        """Conversations to have open, so that no place in flight is ever empty."""
        return int(self.endpoint.in_flight * AHEAD) + 2

    async def ask(self, asked: Request) -> Reply:
        """The reply, from the store or the server; a fault is a reply with its name.

        Raises `InputError` when the endpoint is shut to us: a refused key, a first request that
        finds nobody or no model, or no good reply for `patience` seconds.
        """
        going = self._asking.get(asked.key)
        if going is not None:  # equal requests at the same time are one
            return self._again(await asyncio.shield(going))
        known = self.store.known(asked)
        if known is not None:
            return self._again(known)
        task = self._asking[asked.key] = asyncio.ensure_future(self._first(asked))
        try:
            return await task
        finally:
            del self._asking[asked.key]

    def _again(self, known: Reply) -> Reply:
        known = replace(known, paid=False)
        if known.fault in reply.FINAL:
            self.purse.take(known)
        return known

    async def _first(self, asked: Request) -> Reply:
        if not self.purse.allows():
            return failed(reply.BUDGET)
        if self._open:
            return await self._through(asked)
        async with self._door:  # the first one goes alone: it may be that nobody is there
            if not self._open:
                return await self._through(asked)
        return await self._through(asked)

    async def _through(self, asked: Request) -> Reply:
        failures = 0
        self.store.begin(asked)
        await self.store.durable()
        while True:
            try:
                found = await self._try(asked)
            except Passing as why:
                failures += not why.full
                self._trouble(why.fault, why.detail, why.wait)
                if failures < self.endpoint.tries:
                    await asyncio.sleep(back_off(failures, why.wait))
                    self.store.begin(asked)
                    continue
                found = failed(why.fault, why.detail)
                self.store.end(asked, found)
            await self.store.durable()
            return found

    async def _try(self, asked: Request) -> Reply:
        async with self.pace.slot() as place:
            if not self.purse.allows():
                found = failed(reply.BUDGET)
                self.store.end(asked, found)
                return found
            with self.purse.pending():
                found = await self._sent(asked, place)
                self.store.end(asked, found)  # before anything else can happen
                self.purse.take(found)
        if found.fault in reply.FINAL:
            self._open, self._since = True, 0.0
            self.pace.accepted()
        else:
            self._trouble(found.fault, found.detail)
        return found

    async def _sent(self, asked: Request, place: int) -> Reply:
        try:
            return await self._exchange(asked)
        except Passing as why:
            if why.full:
                self.pace.refused(place, back_off(0, why.wait))
            raise

    def _trouble(self, fault: str, detail: str, wait: float = 0.0) -> None:
        """Count it; a `InputError` when there is no point in going on."""
        self.troubles[fault] += 1
        now = time.monotonic()
        self._since = self._since or now
        said = f"{fault} ({detail})" if detail else fault
        if not self._open and (fault in ATONCE or self.troubles.total() >= self.endpoint.tries):
            remedy = "check url and model, and that the server runs"
            raise Shut(f"endpoint {self.endpoint.host}", f"{self.endpoint.model}: {said}", remedy)
        if max(now - self._since, wait) > self.endpoint.patience:
            wrong = f"gave no good reply for {max(now - self._since, wait):.0f} s: {said}"
            raise Shut(f"endpoint {self.endpoint.host}", wrong, KEPT)

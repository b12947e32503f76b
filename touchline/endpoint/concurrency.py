"""How many requests are on their way: as many as the server takes, found out by asking.

Additive increase, and on a refusal back to what the server is still working on: that number is
what it has just shown to be its capacity (after congestion control in TCP).
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

FIRST, LONGEST = 0.5, 60.0  # seconds of back-off: at first, and at most without the server's word
LEAST = 8  # refusals in a row, from which nothing at all is sent for a while


class Pace:
    """A window of requests that are under way; rows that wait to be sent again are not in it."""

    def __init__(self, most: int) -> None:
        self.most, self.window, self.active = most, float(most), 0
        self.refusals, self.opens = 0, 0.0
        self._room = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Wait for a place among those under way; yields how many there are with this one."""
        await self._enter()
        try:
            yield self.active
        finally:
            self.active -= 1
            async with self._room:
                self._room.notify(max(1, int(self.window) - self.active))

    async def _enter(self) -> None:
        while (rest := self.opens - time.monotonic()) > 0:
            await asyncio.sleep(rest * random.uniform(1, 1.1))
        async with self._room:
            await self._room.wait_for(lambda: self.active < self.window)
            self.active += 1

    def accepted(self) -> None:
        """A reply came: one more per round trip of the whole window."""
        self.window = min(self.most, self.window + 1 / self.window)
        self.refusals = 0

    def refused(self, place: int, wait: float) -> None:
        """The server had no room for the request that was the `place`-th under way.

        How many are under way by now would mislead: replies and refusals come in bursts. If
        nothing passes at all, all wait.
        """
        self.window = max(1.0, min(self.window, place - 1))
        self.refusals += 1
        if self.refusals >= max(LEAST, self.window):
            self.opens = time.monotonic() + wait


def back_off(failures: int, asked: float) -> float:
    """Seconds before the next try: what the server asks for, else doubling, spread by chance."""
    pause = min(LONGEST, FIRST * 2 ** min(failures, 16))
    return asked * random.uniform(1, 1.1) if asked else pause * random.uniform(0.5, 1)


Item = TypeVar("Item")
Made = TypeVar("Made")


async def each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Made]], at_once: int
) -> AsyncIterator[tuple[Item, Made]]:
    """(item, what `work` made of it), in the order in which they end; items are drawn as needed.

    When one raises, the others are cancelled and its exception goes on.
    """
    left, going = iter(items), dict[asyncio.Task, Item]()

    def fill() -> None:
        while len(going) < at_once:
            for item in left:
                going[asyncio.ensure_future(_whole(work, item))] = item
                break
            else:
                return

    try:
        fill()
        while going:
            done, _ = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield going.pop(task), task.result()
            fill()
    finally:
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def _whole(work: Callable[[Item], Awaitable[Made]], item: Item) -> Made:
    return await work(item)

"""Adaptive concurrency: how many requests are in flight at the same time, and many conversations
run side by side.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

FIRST, LONGEST = 0.5, 60.0  # seconds of back-off: at first, and at most without the server's word
REFUSALS_BEFORE_PAUSE = 8  # refusals in a row, from which nothing at all is sent for a while


class RequestWindow:
    """The window of requests in flight. Requests waiting for a retry are not counted."""

    def __init__(self, max_active: int) -> None:
        self.max_active, self.window, self.active = max_active, float(max_active), 0
        self.refusals, self.paused_until = 0, 0.0
        self._slot_freed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[int]:
        """Async context manager: wait for a free slot; yields the number of requests in flight,
        including this one.
        """
        await self._acquire_slot()
        try:
            yield self.active
        finally:
            self.active -= 1
            async with self._slot_freed:
                self._slot_freed.notify(max(1, int(self.window) - self.active))

    async def _acquire_slot(self) -> None:
        while (pause := self.paused_until - time.monotonic()) > 0:
            await asyncio.sleep(pause * random.uniform(1, 1.1))
        async with self._slot_freed:
            await self._slot_freed.wait_for(lambda: self.active < self.window)
            self.active += 1

    def record_reply(self) -> None:
        """Record a reply: the window grows by one per round trip of the whole window."""
        self.window = min(self.max_active, self.window + 1 / self.window)
        self.refusals = 0

    def record_refusal(self, position: int, wait: float) -> None:
        """Record that the server was overloaded by the request that was the `position`-th in
        flight.

        The current number in flight would mislead, because replies and refusals come in bursts.
        After many refusals in a row, all requests pause for `wait` seconds.
        """
        self.window = max(1.0, min(self.window, position - 1))
        self.refusals += 1
        if self.refusals >= max(REFUSALS_BEFORE_PAUSE, self.window):
            self.paused_until = time.monotonic() + wait


def compute_backoff_seconds(failures: int, requested_wait: float) -> float:
    """Seconds before the next try: the server's Retry-After if given, else exponential, both with
    jitter.
    """
    pause = min(LONGEST, FIRST * 2 ** min(failures, 16))
    return (
        requested_wait * random.uniform(1, 1.1)
        if requested_wait
        else pause * random.uniform(0.5, 1)
    )


Item = TypeVar("Item")
WorkResult = TypeVar("WorkResult")


async def run_concurrently(
    items: Iterable[Item], work: Callable[[Item], Awaitable[WorkResult]], at_once: int
) -> AsyncIterator[tuple[Item, WorkResult]]:
    """Yield (item, result of `work(item)`) in the order of completion, at most `at_once` at a time;
    items are taken as needed.

    If one raises, the others are cancelled and the exception propagates.
    """
    remaining_items, item_by_task = iter(items), dict[asyncio.Task, Item]()

    def start_tasks() -> None:
        while len(item_by_task) < at_once:
            for item in remaining_items:
                item_by_task[asyncio.ensure_future(_await_work(work, item))] = item
                break
            else:
                return

    try:
        start_tasks()
        while item_by_task:
            done, _ = await asyncio.wait(item_by_task, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield item_by_task.pop(task), task.result()
            start_tasks()
    finally:
        for task in item_by_task:
            task.cancel()
        await asyncio.gather(*item_by_task, return_exceptions=True)


async def _await_work(work: Callable[[Item], Awaitable[WorkResult]], item: Item) -> WorkResult:
    return await work(item)

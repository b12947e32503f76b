"""Many conversations at once, in bounded number, handed on as they end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

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

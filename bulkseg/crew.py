"""A few workers over one iterator, for requests that may each be made again; a stop lets them finish."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from bulkseg.errors import BulksegError, Stopped
from bulkseg.stop import Stop

T = TypeVar("T")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, hands: int, stop: Stop) -> None:
    """Does `work` for every item, `hands` of them at a time; after a stop, for no further one.

    What is under way then is not broken off. A Stopped that work raises stops the others in that way.

    Raises:
        BulksegError: the first other one that work raised.
    """
    shared = iter(items)

    async def hand() -> None:
        try:
            for item in shared:
                if stop.requested:
                    return
                await work(item)
        except Stopped as error:
            stop.fail(error)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(hands):
                group.create_task(hand())
    except BaseExceptionGroup as raised:
        # Not `except*`: what is raised in one comes out in a group again on the first releases of 3.11.
        known = raised.subgroup(BulksegError)
        if known is None:
            raise
        raise _first(known) from None


def _first(raised: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = raised.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner

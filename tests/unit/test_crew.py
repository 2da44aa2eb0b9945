"""A few workers over one iterator."""

from __future__ import annotations

import asyncio

import pytest

from bulkseg.crew import each
from bulkseg.errors import CheckpointError, ServerGone, StorageFull
from bulkseg.stop import Stop


async def test_every_item_is_done_once_and_no_more_than_so_many_at_a_time():
    done, under_way, most = [], 0, 0

    async def work(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(item)

    await each(range(20), work, hands=3, stop=Stop())
    assert (sorted(done), most) == (list(range(20)), 3)


async def test_after_a_stop_what_is_under_way_is_finished_and_nothing_else_begun():
    stop, begun, finished = Stop(), [], []

    async def work(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(0.01)
        stop.request(15)
        finished.append(item)

    await each(range(20), work, hands=3, stop=stop)
    assert begun == finished == [0, 1, 2]


async def test_a_full_disk_stops_the_others_without_breaking_off_what_they_do():
    stop, finished = Stop(), []

    async def work(item: int) -> None:
        if item == 0:
            await asyncio.sleep(0)
            raise StorageFull("no room")
        await asyncio.sleep(0.01)
        finished.append(item)

    await each(range(20), work, hands=3, stop=stop)
    assert (stop.why, finished) == ("no room", [1, 2])


async def test_the_first_wish_to_stop_is_the_one_that_is_told():
    stop = Stop()
    stop.request(15)

    async def work(_item: int) -> None:
        raise ServerGone("gone")

    await each([1], work, hands=1, stop=stop)
    assert stop.why == "stopped by SIGTERM"


async def test_another_error_comes_out_as_it_is_and_not_in_a_group():
    async def work(_item: int) -> None:
        raise CheckpointError("contradicts")

    with pytest.raises(CheckpointError, match="contradicts"):
        await each([1, 2], work, hands=2, stop=Stop())

"""Outcomes are written in groups; each is told once it is on disk, and a full disk loses none."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from bulkseg.clock import Clock
from bulkseg.errors import CheckpointLost, StorageFull
from bulkseg.model import Record, State
from bulkseg.recorder import WRITE_TRIES, WRITE_WAIT, Recorder
from bulkseg.stop import Stop


def record(number):
    return Record(number, State.CREATED, 1, 1.0, segment_id=f"id {number}")


class Ledger:
    """Has a group on disk only once it is let; `full` says of a try (from 0) whether there is no room."""

    def __init__(self, *, held=False, full=lambda _try, _ids: False, error=StorageFull("no room")):  # noqa: B008
        self.tries, self.written = [], []
        self.full, self.error = full, error
        self.let = asyncio.Event()
        if not held:
            self.let.set()

    async def intend(self, intents):
        raise AssertionError(f"the recorder intends nothing: {intents}")

    async def record(self, records):
        ids = [one.id for one in records]
        self.tries.append(ids)
        number = len(self.tries) - 1
        await self.let.wait()
        if self.full(number, ids):
            raise self.error
        self.written.append(ids)


class Bench:
    def __init__(self, **ledger):
        self.ledger, self.stop, self.waits = Ledger(**ledger), Stop(), []
        self.given, self.told = [], []
        self.recorder = Recorder(self.ledger, stop=self.stop, clock=Clock(sleep=self.sleep))

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await settled()

    def put(self, *numbers):
        for number in numbers:
            given, told = partial(self.given.append, number), partial(self.told.append, number)
            self.recorder.put(record(number), given, told)

    @asynccontextmanager
    async def working(self):
        going = asyncio.create_task(self.recorder.work())
        try:
            yield
        finally:
            self.ledger.let.set()
            self.recorder.close()
            await asyncio.wait_for(going, 1)


async def settled():
    """Lets everybody come to where only something from outside gets them further."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nobody_is_told_before_the_record_is_on_disk():
    bench = Bench(held=True)
    async with bench.working():
        bench.put(1, 2)
        await settled()
        assert (bench.ledger.tries, bench.given, bench.told) == ([[1, 2]], [1, 2], [])
        bench.ledger.let.set()
        await settled()
        assert bench.told == [1, 2]


async def test_what_follows_from_a_record_being_given_to_the_ledger_comes_to_the_ledger_after_it():
    bench = Bench(held=True)

    def next_to_the_ledger():
        asyncio.create_task(bench.ledger.record([record(2)]))  # noqa: RUF006  # it ends with the test

    async with bench.working():
        bench.recorder.put(record(1), next_to_the_ledger, lambda: None)
        await settled()
        assert bench.ledger.tries == [[1], [2]]


async def test_what_has_gathered_is_one_group_and_does_not_wait_for_the_one_before():
    bench = Bench(held=True)
    async with bench.working():
        for numbers in ((1,), (2, 3, 4)):
            bench.put(*numbers)
            await settled()
        assert bench.ledger.tries == [[1], [2, 3, 4]]
    assert bench.told == [1, 2, 3, 4]


async def test_what_was_put_before_the_end_is_written_before_it():
    bench = Bench()
    async with bench.working():
        bench.put(1, 2, 3)
    assert (bench.ledger.written, bench.told) == ([[1, 2, 3]], [1, 2, 3])


async def test_without_anything_to_write_it_ends_at_once():
    bench = Bench()
    async with bench.working():
        pass
    assert bench.ledger.tries == []


async def test_a_full_disk_stops_the_run_and_the_group_is_written_once_there_is_room():
    bench = Bench(full=lambda number, _: number < 3)
    async with bench.working():
        bench.put(1, 2)
    assert isinstance(bench.stop.error, StorageFull)
    assert bench.ledger.tries == [[1, 2]] * 4
    assert bench.waits == [WRITE_WAIT] * 3
    assert (bench.ledger.written, bench.told) == ([[1, 2]], [1, 2])


async def test_a_checkpoint_that_is_lost_stops_the_run_and_is_not_tried_again():
    bench = Bench(error=CheckpointLost("taken over"), full=lambda _try, ids: ids == [1])
    async with bench.working():
        bench.put(1)
        await settled()
        bench.put(2)
    assert isinstance(bench.stop.error, CheckpointLost)
    assert (bench.ledger.tries, bench.told, bench.waits) == ([[1], [2]], [2], [])


async def test_a_group_that_waits_for_room_does_not_hold_up_another():
    bench = Bench(full=lambda number, ids: number < 3 and 1 in ids)
    async with bench.working():
        bench.put(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        bench.put(2)
    assert bench.told == [2, 1]


async def test_a_disk_that_stays_full_ends_the_work_after_so_many_tries_and_nobody_is_told():
    bench = Bench(full=lambda *_: True)
    async with bench.working():
        bench.put(1)
    assert len(bench.ledger.tries) == WRITE_TRIES
    assert (bench.ledger.written, bench.told) == ([], [])

"""What may be sent has a durable, fresh intent, and few specs have one at a time."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from bulkseg.clock import Clock
from bulkseg.errors import CheckpointLost, StorageFull
from bulkseg.intake import INTENT_HOLDS, Intake
from bulkseg.stop import Stop
from tests.dispatching import source, tasks

MOST = 4


class Ledger:
    """Keeps each group that it is given, and has it on disk only once it is let."""

    def __init__(self, *, held=False, error=None):
        self.groups = []
        self.let = asyncio.Event()
        self.error = error
        if not held:
            self.let.set()

    async def intend(self, intents):
        self.groups.append(list(intents))
        await self.let.wait()
        if self.error is not None:
            raise self.error

    async def record(self, records):
        raise AssertionError(f"the intake records nothing: {records}")


class Bench:
    def __init__(self, *, admit=lambda _: True, **ledger):
        self.ledger, self.stop, self.now = Ledger(**ledger), Stop(), 1_000.0
        clock = Clock(now=lambda: self.now + 1e9, monotonic=lambda: self.now)
        self.intake = Intake(self.ledger, most=MOST, admit=admit, stop=self.stop, clock=clock)

    @property
    def intended(self):
        return [intent.id for group in self.ledger.groups for intent in group]

    @asynccontextmanager
    async def working(self, *batches):
        """The intake at work on these batches, until the end."""
        going = [
            asyncio.create_task(self.intake.work()),
            asyncio.create_task(self.intake.read(source(*batches))),
        ]
        await settled()
        try:
            async with asyncio.timeout(5):
                yield self.intake
        finally:
            self.ledger.let.set()
            self.intake.close()
            going[1].cancel()
            async with asyncio.timeout(1):
                await going[0]
                with suppress(asyncio.CancelledError):
                    await going[1]


async def settled():
    """Lets everybody come to where only something from outside gets them further."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_has_aged_is_not_ready_until_it_has_a_new_intent():
    bench = Bench()
    async with bench.working(tasks(2)) as intake:
        assert intake.ready
        bench.now += INTENT_HOLDS + 0.1
        assert not intake.ready
        assert intake.pick() is None
        await settled()
        assert intake.ready
        assert intake.pick() is not None
    assert bench.intended == [1, 2, 1, 2]


async def test_what_comes_out_counts_the_attempt_and_knows_when_it_was_intended():
    bench = Bench()
    async with bench.working(tasks(1)) as intake:
        task = await intake.take()
    assert (task.id, task.attempts, task.intended_at) == (1, 1, 1_000.0 + 1e9)
    assert [(one.id, one.attempts, one.at) for one in bench.ledger.groups[0]] == [(1, 1, 1_000.0 + 1e9)]


async def test_nothing_comes_out_whose_intent_is_on_its_way_to_the_disk():
    bench = Bench(held=True)
    async with bench.working(tasks(2)) as intake:
        taking = asyncio.create_task(intake.take())
        await settled()
        assert bench.intended == [1, 2]
        assert not taking.done()
        bench.ledger.let.set()
        assert (await taking).id == 1


async def test_what_was_taken_holds_its_place_until_it_is_settled():
    bench = Bench()
    async with bench.working(tasks(10)) as intake:
        for _ in range(MOST):
            await intake.take()
        await settled()
        assert bench.intended == [1, 2, 3, 4]
        intake.settle()
        assert (await intake.take()).id == 5
        await settled()
        assert bench.intended == [1, 2, 3, 4, 5]


async def test_intents_on_their_way_to_the_disk_hold_their_places_too():
    bench = Bench(held=True)
    async with bench.working(tasks(1), tasks(10)[1:]) as intake:
        assert bench.intended == [1, 2, 3, 4]
        intake.settle()
        await settled()
        assert bench.intended == [1, 2, 3, 4, 5]


async def test_a_group_does_not_wait_for_the_one_before_it_to_be_on_disk():
    bench = Bench(held=True)
    async with bench.working(tasks(1)[:1], tasks(2)[1:]):
        assert [[intent.id for intent in group] for group in bench.ledger.groups] == [[1], [2]]


async def test_what_is_to_be_sent_anew_goes_before_the_fresh_ones():
    bench = Bench()
    async with bench.working(tasks(10)) as intake:
        first = await intake.take()
        for _ in range(MOST - 1):
            await intake.take()
        intake.again(first)
        intake.settle()
        again = await intake.take()
    assert (again.id, again.attempts) == (1, 2)


@pytest.mark.parametrize(("waited", "intents"), [(INTENT_HOLDS, [1]), (INTENT_HOLDS + 0.01, [1, 1])])
async def test_an_intent_holds_so_long_and_then_a_new_one_is_written_first(waited, intents):
    bench = Bench()
    async with bench.working(tasks(1)) as intake:
        bench.now += waited
        task = await intake.take()
    assert bench.intended == intents
    assert task.attempts == 1
    assert task.intended_at == bench.ledger.groups[-1][0].at


async def test_all_that_have_aged_are_renewed_and_none_is_lost():
    bench = Bench()
    async with bench.working(tasks(6)) as intake:
        bench.now += INTENT_HOLDS + 1
        taken = []
        for _ in range(6):
            taken.append(await intake.take())
            intake.settle()
    assert sorted(task.id for task in taken) == [1, 2, 3, 4, 5, 6]
    assert {task.attempts for task in taken} == {1}


async def test_what_is_not_admitted_gets_no_intent_and_takes_no_place():
    bench = Bench(admit=lambda task: task.id % 2 == 0)
    async with bench.working(tasks(8)) as intake:
        assert [(await intake.take()).id for _ in range(4)] == [2, 4, 6, 8]
    assert bench.intended == [2, 4, 6, 8]


async def test_what_is_left_at_the_end_is_as_it_was_before_its_intent():
    bench = Bench()
    async with bench.working(tasks(3)) as intake:
        await intake.take()
    assert [(task.id, task.attempts) for task in intake.leftover()] == [(2, 0), (3, 0)]


async def test_a_group_that_is_being_written_at_the_end_is_left_over_and_not_forgotten():
    bench = Bench(held=True)
    async with bench.working(tasks(3)) as intake:
        assert intake.leftover() == []
    assert [task.id for task in intake.leftover()] == [1, 2, 3]


@pytest.mark.parametrize("error", [StorageFull("no room"), CheckpointLost("taken over")])
async def test_an_intent_that_is_not_taken_stops_the_run_and_lets_nothing_out(error):
    bench = Bench(error=error)
    async with bench.working(tasks(3)) as intake:
        assert bench.stop.error is error
    assert intake.leftover() == []


async def test_the_source_is_read_one_batch_ahead_of_what_there_is_room_for():
    bench, read = Bench(), []

    async def batches():
        for number in range(5):
            read.append(number)
            yield tasks(10)[2 * number : 2 * number + 2]

    async def reading():
        await bench.intake.read(batches())

    async with bench.working() as intake, asyncio.TaskGroup() as group:
        going = group.create_task(reading())
        await settled()
        assert (bench.intended, read) == ([1, 2, 3, 4], [0, 1, 2])
        await intake.take()
        intake.settle()
        await settled()
        assert read == [0, 1, 2]
        going.cancel()

"""The dispatcher and its parts: intents first, one outcome each, bounded, drained by a stop."""

import asyncio
import signal

import pytest

from bulkseg import intake, recorder
from bulkseg.clock import Clock
from bulkseg.errors import StorageFull
from bulkseg.model import InDoubt, Intent, NotSent, Record, Refused, SourceMissing, State, Throttled
from bulkseg.outcome import Retry, unknown
from bulkseg.pace import Pace
from tests.dispatching import CLOCK, Bench, Ledger, Site, made, source, tasks


async def test_every_task_is_sent_once_and_ends_on_record():
    bench = Bench()
    await bench.run(tasks(50))
    assert sorted(one.name for one in bench.site.sent) == sorted(f"s {n}" for n in range(1, 51))
    assert {record.id: record.segment_id for record in bench.ledger.records} == {
        n: f"id of s {n}" for n in range(1, 51)
    }
    assert bench.tally.created == bench.tally.done == 50


async def test_nothing_leaves_before_its_intent_is_durable():
    bench = Bench(ledger=Ledger(delay=0.005))

    def check(one):
        assert one.line - 1 in {intent.id for intent in bench.ledger.intents}

    bench.site.before = check
    await bench.run(tasks(40))
    assert len(bench.site.sent) == 40


async def test_no_more_are_under_way_than_the_concurrency():
    bench = Bench(site=Site(delay=0.002), concurrency=3)
    await bench.run(tasks(30))
    assert bench.site.most == 3


async def test_no_more_would_be_in_doubt_after_a_crash_than_twice_the_concurrency():
    bench = Bench(site=Site(delay=0.002), ledger=Ledger(delay=0.001), concurrency=5)
    seen = []
    bench.ledger.fault = lambda _: seen.append(bench.ledger.open())
    await bench.run(tasks(80))
    assert 5 <= max(seen) <= 10


async def test_the_next_intents_do_not_wait_for_the_outcomes_that_made_room_to_be_on_disk():
    bench = Bench(ledger=Ledger(delay=0.005), concurrency=1)
    intend, not_on_disk = bench.ledger.intend, []

    async def asked(intents):
        not_on_disk.append(len(bench.site.sent) - len(bench.ledger.records))
        await intend(intents)

    bench.ledger.intend = asked
    await bench.run(tasks(12))
    assert max(not_on_disk) == 2


async def test_an_intent_that_has_aged_is_renewed_before_the_request_leaves(monkeypatch):
    monkeypatch.setattr(intake, "INTENT_HOLDS", 0.02)
    bench = Bench(concurrency=2)
    first = True

    async def turn():
        nonlocal first
        if first:
            first = False
            await asyncio.sleep(0.05)

    bench.site.turn = turn
    await bench.run(tasks(3))
    assert len(bench.site.sent) == 3
    assert len(bench.ledger.intents) > 3
    assert {record.attempts for record in bench.ledger.records} == {1}


@pytest.mark.parametrize("free", [True, False])
async def test_a_worker_takes_its_next_turn_itself_only_where_it_need_not_wait_for_it(free):
    bench = Bench(site=Site(free=free), concurrency=2)
    waited_for = 0

    async def turn():
        nonlocal waited_for
        waited_for += 1

    bench.site.turn = turn
    await bench.run(tasks(30))
    assert sorted(record.id for record in bench.ledger.records) == [*range(1, 31)]
    assert waited_for + bench.site.turns == 30
    assert bool(bench.site.turns) == free


async def test_a_turn_is_taken_only_for_what_can_leave(monkeypatch):
    """Answers are slower here than intents hold: none that is ready has one that is still good."""
    monkeypatch.setattr(intake, "INTENT_HOLDS", 0.01)
    bench = Bench(site=Site(delay=0.03), concurrency=2)
    await bench.run(tasks(20))
    assert len(bench.site.sent) == 20
    assert bench.site.turns == 20


async def test_a_stop_does_not_wait_out_the_pause_that_the_server_asked_for():
    pace, paused = Pace(10_000.0, clock=CLOCK), asyncio.Event()

    def asks_to_wait(one):
        pace.pause(3600.0, "the server asked to wait")
        paused.set()
        return made(one)

    bench = Bench(site=Site(answer=asks_to_wait), concurrency=4)
    bench.site.turn, bench.site.try_turn = pace.turn, pace.try_turn
    searches = [asyncio.create_task(pace.turn()) for _ in range(2)]
    running = asyncio.create_task(bench.run(tasks(40)))
    await paused.wait()
    await asyncio.sleep(0.01)
    bench.stop.request(2)
    await asyncio.wait_for(running, 5)
    assert bench.tally.created == len(bench.site.sent)
    for one in searches:
        one.cancel()


async def test_after_a_stop_no_worker_goes_on_to_what_is_ready():
    bench = Bench(site=Site(delay=0.01), concurrency=2)

    def sent(_):
        if len(bench.site.sent) == 4:
            bench.stop.request(signal.SIGTERM)

    bench.site.before = sent
    await bench.run(tasks(30))
    assert len(bench.site.sent) <= 6
    assert bench.ledger.open() == 0


async def test_a_stop_waits_for_no_worker_whose_next_task_has_aged(monkeypatch):
    bench = Bench(concurrency=2)

    def sent(_):
        monkeypatch.setattr(intake, "INTENT_HOLDS", -1.0)
        asyncio.get_running_loop().call_later(0.05, bench.stop.request, signal.SIGTERM)

    bench.site.before = sent
    await bench.run(tasks(30))
    assert 1 <= len(bench.site.sent) < 30
    assert {record.state for record in bench.ledger.records} == {State.CREATED, State.PENDING}
    assert bench.ledger.open() == 0


@pytest.mark.parametrize("outcome", [NotSent("refused"), Throttled()])
async def test_what_was_not_done_is_taken_back_on_disk_before_it_is_intended_anew(outcome):
    answers = iter([outcome])
    bench = Bench(site=Site(answer=lambda one: next(answers, None) or made(one)))
    await bench.run(tasks(1))
    kinds = [(type(event), getattr(event, "state", None)) for event in bench.ledger.events]
    assert kinds == [(Intent, None), (Record, State.PENDING), (Intent, None), (Record, State.CREATED)]
    assert bench.ledger.records[-1].attempts == 1
    assert bench.tally.waiting == 0


async def test_what_is_in_doubt_is_held_and_not_sent_again_by_itself():
    bench = Bench(site=Site(answer=lambda _: InDoubt("lost")))
    dispatcher = bench.dispatcher()
    running = asyncio.create_task(dispatcher.run(source(tasks(3))))
    while len(bench.held) < 3:
        await asyncio.sleep(0.001)
    assert len(bench.site.sent) == 3
    assert bench.tally.waiting == 3
    for step in bench.held:
        dispatcher.settle(unknown(step.task, "gone", 1.0, step.outcome), step.task)
    await running
    assert bench.tally.unknown == 3
    assert len(bench.site.sent) == 3


async def test_a_doubt_that_is_settled_as_not_made_is_sent_again_and_counts_as_an_attempt():
    answers = iter([InDoubt("lost")])
    bench = Bench(site=Site(answer=lambda one: next(answers, None) or made(one)))
    dispatcher = bench.dispatcher(lambda step: dispatcher.settle(Retry(step.task, 0.0), step.task))
    await dispatcher.run(source(tasks(1)))
    assert [intent.attempts for intent in bench.ledger.intents] == [1, 2]
    assert bench.ledger.records[-1].attempts == 2


async def test_a_doubt_from_an_earlier_run_keeps_the_run_open():
    bench = Bench()
    dispatcher = bench.dispatcher()
    dispatcher.expect()
    (task,) = tasks(1)
    running = asyncio.create_task(dispatcher.run(source()))
    await asyncio.sleep(0.02)
    assert not running.done()
    dispatcher.settle(Record(1, State.UNKNOWN, 1, 1.0, error="x"), task)
    await running


async def test_a_source_that_is_missing_is_asked_for_by_those_under_way_and_no_more():
    bench = Bench(site=Site(answer=lambda _: SourceMissing(404, "no such"), delay=0.002), concurrency=2)
    await bench.run(tasks(30, source_id="9"))
    assert bench.tally.failed == 30
    assert len(bench.site.sent) <= 4
    assert {error for _, _, error in bench.watching.failures} == {"no such"}


async def test_a_stop_finishes_what_is_under_way_and_takes_back_what_is_not():
    bench = Bench(site=Site(delay=0.03), concurrency=3)
    running = asyncio.create_task(bench.dispatcher().run(source(tasks(30))))
    while bench.site.under_way < 3:
        await asyncio.sleep(0.001)
    bench.stop.request(signal.SIGTERM)
    await running
    last = {event.id: event for event in bench.ledger.events}
    assert len(bench.site.sent) <= 6
    assert bench.tally.created == len(bench.site.sent)
    assert not [event for event in last.values() if isinstance(event, Intent)]
    assert {event.attempts for event in last.values() if event.state is State.PENDING} <= {0}


async def test_a_disk_that_is_full_when_an_intent_is_to_be_written_sends_nothing():
    bench = Bench()

    def full(_):
        raise StorageFull("no room")

    bench.ledger.fault = full
    await bench.run(tasks(10))
    assert bench.site.sent == []
    assert isinstance(bench.stop.error, StorageFull)


async def test_outcomes_are_written_again_when_there_is_room_and_nothing_more_is_sent():
    waits = []

    async def sleep(seconds):
        waits.append(seconds)
        await asyncio.sleep(0)

    bench = Bench(clock=Clock(sleep=sleep), concurrency=2)
    tries = iter(range(100))

    def full(items):
        if isinstance(items[0], Record) and next(tries) < 3:
            raise StorageFull("no room")

    bench.ledger.fault = full
    await bench.run(tasks(40))
    assert isinstance(bench.stop.error, StorageFull)
    created = {record.id for record in bench.ledger.records if record.state is State.CREATED}
    assert len(created) == len(bench.site.sent) < 40
    assert waits.count(recorder.WRITE_WAIT) >= 3


async def test_nothing_counts_as_done_that_could_not_be_written():
    async def sleep(_seconds):
        await asyncio.sleep(0)

    bench = Bench(clock=Clock(sleep=sleep), concurrency=2)

    def full(items):
        if isinstance(items[0], Record) and items[0].state is State.CREATED:
            raise StorageFull("no room")

    bench.ledger.fault = full
    await bench.run(tasks(5))
    assert bench.site.sent
    assert bench.tally.done == 0


async def test_a_failure_is_told_and_counted_once_it_is_on_record():
    bench = Bench(site=Site(answer=lambda _: Refused(400, "name: bad", "r1")))
    await bench.run(tasks(3))
    assert bench.watching.failures == [(f"s {n}", "failed", "name: bad") for n in (1, 2, 3)]
    assert bench.tally.failed == 3


async def test_whoever_asks_is_told_how_a_task_ended():
    bench = Bench()
    dispatcher = bench.dispatcher()
    (task,) = tasks(1)
    end = dispatcher.end_of(task)
    await asyncio.sleep(0)
    await dispatcher.run(source([task]))
    assert (await end).segment_id == "id of s 1"


async def test_the_source_is_read_as_it_is_needed_and_not_ahead():
    bench = Bench(site=Site(delay=0.001), concurrency=2)
    taken = []

    async def batches():
        for number in range(10):
            taken.append((number, len(bench.site.sent)))
            yield [task for task in tasks(100) if (task.id - 1) // 10 == number]

    await asyncio.wait_for(bench.dispatcher().run(batches()), 20)
    assert bench.tally.created == 100
    assert all(sent >= 10 * (number - 1) - 4 for number, sent in taken if number > 1)

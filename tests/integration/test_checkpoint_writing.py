"""Intents and records: what they leave on disk, in which groups, and what happens when they contradict."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from bulkseg.checkpoint import Checkpoint, Doubt, SpecRow, read
from bulkseg.checkpoint.facts import NO_BODY
from bulkseg.errors import CheckpointError, StorageFull
from bulkseg.location import Location
from bulkseg.model import Action, Intent, Record, Spec, State, Task
from tests.checkpoints import NOW, created, opened, source, take_in


@pytest.fixture
def checkpoint(place: Location):
    made = opened(place)
    take_in(made, source("abcdefgh"))
    yield made
    made.close()


@pytest.fixture
def in_a_file(tmp_path: Path):
    made = opened(tmp_path / "x.checkpoint")
    take_in(made, source("abcdefgh"))
    yield made
    made.close()


def rows(checkpoint: Checkpoint) -> dict[str, SpecRow]:
    with read(checkpoint.place) as reader:
        return {row.key: row for row in reader.specs()}


async def test_an_intent_leaves_everything_that_is_needed_to_find_out(checkpoint):
    run = checkpoint.begin_run(NOW, date(2026, 1, 1))
    await checkpoint.intend([Intent(2, 3, NOW + 1)])
    spec = Spec("b", "gold", Action.CREATE, "b", "b", "", NO_BODY, "hash of b", "s.csv", 3)
    task = Task(2, spec, 3, intended_at=NOW + 1)
    assert checkpoint.facts.in_doubt() == [Doubt(task, 2, True, run, False, None)]  # noqa: FBT003
    assert rows(checkpoint)["b"].sent_at == NOW + 1


async def test_a_record_leaves_all_that_it_says(checkpoint):
    run = checkpoint.begin_run(NOW, date(2026, 1, 1))
    await checkpoint.intend([Intent(1, 2, NOW)])
    await checkpoint.record(
        [
            Record(1, State.CREATED, 2, NOW + 2, "17", 201, None, "folder", reconciled=True, request_id="r",
                   created_by="me", created_at="99"),
        ]
    )  # fmt: skip
    assert rows(checkpoint)["a"] == SpecRow(
        "a", "gold", Action.CREATE, "a", "", State.CREATED, "17", 201, None, "folder", 2, True, "s.csv", 2,  # noqa: FBT003
        "r", NOW, NOW + 2, run, "me", "99", None, None, 1, "hash of a",
    )  # fmt: skip
    assert checkpoint.facts.in_doubt() == []


async def test_what_goes_back_to_waiting_is_open_and_not_done(checkpoint):
    await checkpoint.intend([Intent(1, 1, NOW)])
    await checkpoint.record([Record(1, State.PENDING, 0, NOW, error="429")])
    assert checkpoint.count_open() == 8
    assert (rows(checkpoint)["a"].done_at, rows(checkpoint)["a"].run) == (None, None)


async def test_nothing_to_write_is_written_at_once(checkpoint):
    await checkpoint.intend([])
    await checkpoint.record([])


async def test_what_gathers_while_a_commit_is_written_is_one_commit(in_a_file):
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    blocker = sqlite3.connect(in_a_file.place, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    in_a_file._writer._journal.connection.set_trace_callback(count)
    waiting = [asyncio.create_task(in_a_file.intend([Intent(number, 1, NOW)])) for number in range(1, 9)]
    await asyncio.sleep(0.05)
    blocker.execute("ROLLBACK")
    blocker.close()
    await asyncio.gather(*waiting)
    assert commits <= 2
    assert len(in_a_file.facts.in_doubt()) == 8


async def test_what_was_given_up_on_is_written_all_the_same(checkpoint):
    task = asyncio.create_task(checkpoint.record([created(1, "17")]))
    await asyncio.sleep(0)
    task.cancel()
    checkpoint.close()
    assert rows(checkpoint)["a"].segment_id == "17"


# --- Contradictions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", [State.CREATED, State.ADOPTED, State.UNDONE, State.FAILED, State.UNKNOWN, State.SKIPPED]
)
async def test_what_is_at_an_end_cannot_be_sent(checkpoint, state):
    await checkpoint.record([Record(1, state, 1, NOW)])
    with pytest.raises(CheckpointError, match=f"a is {state} .* cannot become sending"):
        await checkpoint.intend([Intent(1, 2, NOW)])
    assert rows(checkpoint)["a"].state is state


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.UNKNOWN, State.SKIPPED])
async def test_no_record_takes_an_id_away(checkpoint, state):
    await checkpoint.record([created(1, "17")])
    with pytest.raises(CheckpointError, match=f"with the id 17 and cannot become {state}"):
        await checkpoint.record([Record(1, state, 1, NOW)])
    assert (rows(checkpoint)["a"].state, rows(checkpoint)["a"].segment_id) == (State.CREATED, "17")


async def test_undone_keeps_the_id_on_record(checkpoint):
    await checkpoint.record([created(1, "17")])
    await checkpoint.record([Record(1, State.UNDONE, 1, NOW)])
    assert (rows(checkpoint)["a"].state, rows(checkpoint)["a"].segment_id) == (State.UNDONE, "17")


async def test_an_id_that_another_spec_has_makes_this_one_unknown_and_fails_nothing_else(checkpoint):
    await asyncio.gather(
        checkpoint.record([created(1, "17")]),
        checkpoint.record([created(2, "17")]),
        checkpoint.record([created(3, "18")]),
    )
    now = rows(checkpoint)
    assert [now[key].state for key in "abc"] == [State.CREATED, State.UNKNOWN, State.CREATED]
    assert now["b"].segment_id is None
    assert "id 17, which a has already" in now["b"].error


async def test_an_id_may_come_again_after_it_was_undone(checkpoint):
    await checkpoint.record([created(1, "17")])
    await checkpoint.record([Record(1, State.UNDONE, 1, NOW)])
    await checkpoint.record([created(2, "17")])
    assert rows(checkpoint)["b"].state is State.CREATED


async def test_what_is_skipped_may_name_a_segment_that_another_spec_has(checkpoint):
    await checkpoint.record([created(1, "17")])
    await checkpoint.record([Record(2, State.SKIPPED, 0, NOW, segment_id="17")])
    assert (rows(checkpoint)["b"].state, rows(checkpoint)["b"].segment_id) == (State.SKIPPED, "17")


async def test_a_second_id_for_one_spec_is_told_beside_the_first(checkpoint):
    await checkpoint.record([created(1, "17")])
    await checkpoint.record([created(1, "18", warning="folder")])
    now = rows(checkpoint)["a"]
    assert (now.state, now.segment_id) == (State.CREATED, "17")
    assert now.warning.startswith("folder; made twice: the server has the segments 17 and 18")


async def test_work_that_must_not_be_fails_alone(checkpoint):
    results = await asyncio.gather(
        checkpoint.intend([Intent(1, 1, NOW)]),
        checkpoint.intend([Intent(2, 1, NOW), Intent(99, 1, NOW)]),
        checkpoint.record([created(3, "17")]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), CheckpointError, type(None)]
    assert "no spec number 99" in str(results[1])
    now = rows(checkpoint)
    assert [now[key].state for key in "abc"] == [State.SENDING, State.PENDING, State.CREATED]


# --- A disk that is full --------------------------------------------------------------------------------


def fill(checkpoint: Checkpoint) -> None:
    """From here on, SQLite gets no page more: what a full disk gives it, without filling one."""
    connection = checkpoint._writer._journal.connection
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")


def make_room(checkpoint: Checkpoint) -> None:
    checkpoint._writer._journal.connection.execute("PRAGMA max_page_count = 1000000")


async def test_a_full_disk_fails_the_whole_group_and_the_writer_lives_on(in_a_file):
    fill(in_a_file)
    long = Record(1, State.FAILED, 1, NOW, error="x" * 1_000_000)
    results = await asyncio.gather(
        in_a_file.record([created(2, "17")]),
        in_a_file.record([long]),
        in_a_file.intend([Intent(3, 1, NOW)]),
        return_exceptions=True,
    )
    assert type(results[1]) is StorageFull
    assert "x.checkpoint could not be written (database or disk is full)" in str(results[1])
    for key, result in (("b", results[0]), ("c", results[2])):
        written = rows(in_a_file)[key].state is not State.PENDING
        assert written == (result is None)
    make_room(in_a_file)
    await in_a_file.record([long])
    assert rows(in_a_file)["a"].state is State.FAILED


async def test_an_error_that_nobody_waited_for_comes_at_the_close(in_a_file):
    fill(in_a_file)
    task = asyncio.create_task(in_a_file.record([Record(1, State.FAILED, 1, NOW, error="x" * 1_000_000)]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    with pytest.raises(StorageFull):
        in_a_file.close()  # at once: the loop has not been told by then
    assert rows(in_a_file)["a"].state is State.PENDING


def test_an_error_is_not_lost_with_the_loop_that_it_was_for(in_a_file):
    fill(in_a_file)

    async def start() -> None:
        task = asyncio.create_task(in_a_file.record([Record(1, State.FAILED, 1, NOW, error="x" * 1_000_000)]))
        await asyncio.sleep(0)
        task.cancel()

    blocker = sqlite3.connect(in_a_file.place, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")  # holds the writer up until the loop is closed
    asyncio.run(start())
    blocker.execute("ROLLBACK")
    blocker.close()
    with pytest.raises(StorageFull):
        in_a_file.close()

"""A source into its checkpoint: keys decide, whatever is made stays, and only what is open is sent."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from bulkseg.checkpoint import Checkpoint, OpenSpec, SpecRow, read
from bulkseg.errors import CheckpointError
from bulkseg.location import Location
from bulkseg.model import Action, Intent, Record, State
from tests.checkpoints import NOW, created, ids, opened, source, spec, take_in


@pytest.fixture
def checkpoint(place: Location):
    with opened(place) as made:
        yield made


def row(checkpoint: Checkpoint, key: str) -> SpecRow:
    with read(checkpoint.place) as reader:
        return next(each for each in reader.specs() if each.key == key)


def test_open_specs_come_in_the_order_of_the_source_page_by_page(checkpoint):
    take_in(checkpoint, source("cab"))
    assert checkpoint.open_specs(0, 2) == [
        OpenSpec(1, 1, "c", "s.csv", 2, 0),
        OpenSpec(2, 2, "a", "s.csv", 3, 0),
    ]
    assert [each.key for each in checkpoint.open_specs(2, 2)] == ["b"]
    assert checkpoint.open_specs(3, 2) == []
    assert checkpoint.count_open() == 3


async def test_only_what_is_not_done_is_open(checkpoint):
    take_in(checkpoint, source("abcd"))
    number = ids(checkpoint)
    await checkpoint.record([created(number["a"], "1"), Record(number["c"], State.FAILED, 1, NOW)])
    await checkpoint.intend([Intent(number["d"], 1, NOW)])
    assert list(ids(checkpoint)) == ["b"]
    take_in(checkpoint, source("abcd"))
    assert list(ids(checkpoint)) == ["b"]


async def test_rows_in_another_order_keep_their_state_and_get_their_new_place(checkpoint):
    take_in(checkpoint, source("abc"))
    await checkpoint.record([created(ids(checkpoint)["b"], "1")])
    take_in(checkpoint, [spec("c", line=2, file="new.csv"), spec("b", line=3), spec("a", line=4)])
    assert [(each.key, each.source, each.line) for each in checkpoint.open_specs(0, 9)] == [
        ("c", "new.csv", 2),
        ("a", "s.csv", 4),
    ]
    assert row(checkpoint, "b").line == 3


async def test_a_key_that_goes_and_comes_back_is_not_sent_twice(checkpoint):
    take_in(checkpoint, source("ab"))
    await checkpoint.record([created(ids(checkpoint)["a"], "1")])
    take_in(checkpoint, source("b"))
    assert checkpoint.counts()[State.CREATED] == 0
    with read(checkpoint.place) as reader:
        assert reader.gone() == 1
        assert {each.key for each in reader.specs()} == {"a", "b"}
    take_in(checkpoint, source("ab"))
    assert checkpoint.counts()[State.CREATED] == 1
    assert list(ids(checkpoint)) == ["b"]


def test_a_waiting_key_that_has_gone_is_not_sent(checkpoint):
    take_in(checkpoint, source("ab"))
    take_in(checkpoint, source("b"))
    assert list(ids(checkpoint)) == ["b"]


def test_what_waits_is_sent_as_the_source_has_it_now(checkpoint):
    take_in(checkpoint, [spec("a", name="old")])
    take_in(checkpoint, [spec("a", name="new", action=Action.COPY, source_id="7")])
    now = row(checkpoint, "a")
    assert (now.name, now.action, now.source_id) == ("new", Action.COPY, "7")


@pytest.mark.parametrize("state", [State.CREATED, State.ADOPTED, State.UNKNOWN, State.SENDING])
async def test_what_is_or_may_be_made_keeps_what_was_sent_on_record(checkpoint, state):
    take_in(checkpoint, [spec("a", name="old")])
    await checkpoint.intend([Intent(1, 1, NOW)])
    if state is not State.SENDING:
        await checkpoint.record([Record(1, state, 1, NOW)])
    take_in(checkpoint, [spec("a", name="new", line=9)], retry_failed=True, redo=True)
    now = row(checkpoint, "a")
    assert (now.name, now.state, now.line) == ("old", state, 9)
    assert checkpoint.count_open() == 0


REFUSED = Record(1, State.FAILED, 3, NOW, http_status=400, error="no", warning="w", request_id="r")
TEMPORARY = Record(1, State.FAILED, 5, NOW, error="no answer", temporary=True)
SKIPPED = Record(1, State.SKIPPED, 0, NOW, segment_id="12")


@pytest.mark.parametrize(
    ("record", "options", "again"),
    [
        (REFUSED, {}, False),
        (REFUSED, {"retry_failed": True}, True),
        (TEMPORARY, {}, True),
        (SKIPPED, {}, True),
    ],
    ids=["refused", "refused, and asked for", "temporary", "skipped"],
)
@pytest.mark.parametrize("way", ["merge", "reopen"])
async def test_what_is_sent_again_starts_anew(checkpoint, record, options, again, way):
    take_in(checkpoint, source("a"))
    await checkpoint.record([record])
    if way == "merge":
        take_in(checkpoint, source("a"), **options)
    else:
        checkpoint.reopen_failed(**options)
    assert checkpoint.count_open() == again
    if again:
        now = row(checkpoint, "a")
        assert (now.state, now.attempts, now.segment_id, now.error) == (State.PENDING, 0, None, None)
        assert (now.http_status, now.warning, now.request_id, now.sent_at, now.done_at) == (None,) * 5


async def test_a_refused_spec_is_sent_when_it_was_mended_and_only_then(checkpoint):
    take_in(checkpoint, source("ab"))
    await checkpoint.record([Record(1, State.FAILED, 1, NOW), Record(2, State.FAILED, 1, NOW)])
    take_in(checkpoint, [spec("a", name="mended"), spec("b")])
    assert list(ids(checkpoint)) == ["a"]
    assert row(checkpoint, "a").name == "mended"


async def test_a_failure_whose_key_has_gone_stays_on_record(checkpoint):
    take_in(checkpoint, source("a"))
    await checkpoint.record([TEMPORARY])
    take_in(checkpoint, source("b"), retry_failed=True)
    assert row(checkpoint, "a").error == "no answer"


async def test_what_was_undone_is_made_again_only_when_asked_for(checkpoint):
    take_in(checkpoint, source("a"))
    await checkpoint.record([created(1, "17", created_by="me", created_at="1")])
    await checkpoint.record([Record(1, State.UNDONE, 1, NOW)])
    take_in(checkpoint, [spec("a", name="new")], retry_failed=True)
    assert (row(checkpoint, "a").state, row(checkpoint, "a").segment_id) == (State.UNDONE, "17")
    take_in(checkpoint, [spec("a", name="new")], redo=True)
    now = row(checkpoint, "a")
    assert (now.state, now.segment_id, now.created_by, now.name) == (State.PENDING, None, None, "new")


async def test_what_was_undone_stays_so_when_its_id_has_come_again(checkpoint):
    take_in(checkpoint, source("ab"))
    await checkpoint.record([created(1, "17")])
    await checkpoint.record([Record(1, State.UNDONE, 1, NOW)])
    await checkpoint.record([created(2, "17")])
    with pytest.raises(CheckpointError, match="a is undone with the id 17 and cannot become unknown"):
        await checkpoint.record([Record(1, State.UNKNOWN, 1, NOW)])
    assert row(checkpoint, "a").state is State.UNDONE


async def test_what_waits_keeps_the_attempts_it_has_cost(checkpoint):
    take_in(checkpoint, source("a"))
    await checkpoint.record([Record(1, State.PENDING, 2, NOW)])
    take_in(checkpoint, source("a"))
    assert checkpoint.open_specs(0, 1)[0].attempts == 2


def test_a_merge_that_fails_changes_nothing(checkpoint):
    take_in(checkpoint, source("ab"))
    with pytest.raises((sqlite3.ProgrammingError, psycopg.ProgrammingError)):
        take_in(checkpoint, source("xyz"), retry_failed=object())
    assert list(ids(checkpoint)) == ["a", "b"]
    take_in(checkpoint, source("bc"))
    assert list(ids(checkpoint)) == ["b", "c"]

"""A person settles a spec whose answer was lost; the next run, verify and undo go by it."""

from __future__ import annotations

from typing import Any

import pytest

from bulkseg.errors import CheckpointBusy, CheckpointError, ConfigError
from bulkseg.model import Intent, State
from bulkseg.readback import verify
from bulkseg.settle import resolve
from bulkseg.stop import Stop
from bulkseg.takeback import Asking, undo
from tests.checkpoints import NOW, opened
from tests.integration.provisioned import provisioned

KEY = '["segment","b"]'


@pytest.fixture
async def place(tmp_path: Any):
    """Two of three specs were answered; the third one's request took effect, and the process died."""
    async with provisioned(tmp_path, "acb", limit=2) as made:
        made.sandbox.store.add("b")
        with opened(made.job.checkpoint, job=made.job.name) as checkpoint:
            await checkpoint.intend([Intent(made.row("b").number, 2, NOW)])
        yield made


async def test_what_was_made_is_created_with_its_id_and_never_sent_again(place):
    segment_id = str(place.asset("b").id)
    settled = await resolve(place.job.checkpoint, KEY, segment_id)
    assert (settled.state, settled.segment_id) == (State.CREATED, segment_id)
    row = place.row("b")
    assert (row.state, row.segment_id, row.reconciled, row.attempts) == (State.CREATED, segment_id, True, 2)
    summary = await place.run()
    assert (summary.requests.sent, summary.exit) == (0, 0)


async def test_what_was_not_made_is_sent_by_the_next_run(place):
    place.sandbox.store.delete(place.asset("b"))
    settled = await resolve(place.job.checkpoint, "b", None)
    assert (settled.key, settled.state) == (KEY, State.PENDING)
    summary = await place.run()
    assert (summary.requests.sent, summary.exit, place.row("b").state) == (1, 0, State.CREATED)


async def test_an_id_that_was_given_by_hand_is_checked_by_verify(place):
    await resolve(place.job.checkpoint, KEY, str(place.asset("b").id + 1000))
    done = await verify(place.case(), place.site, observer=place.observer, stop=Stop())
    assert [finding.expected.name for finding in done.report.gone] == ["b"]


async def test_an_undo_asks_apart_for_what_was_settled_by_hand(place):
    await resolve(place.job.checkpoint, KEY, str(place.asset("b").id))
    asked: list[Asking] = []

    async def yes(asking: Asking) -> bool:
        asked.append(asking)
        return True

    done = await undo(
        place.case(), place.site, confirm=yes, force=False, observer=place.observer, stop=Stop()
    )
    assert done is not None
    assert [(asking.count, asking.reconciled) for asking in asked] == [(2, False), (1, True)]
    assert (place.names(), done.exit) == ([], 0)


@pytest.mark.parametrize("segment_id", ["0", "-5", "x", ""])
async def test_an_id_that_is_none_is_refused(place, segment_id):
    with pytest.raises(ConfigError, match="a whole number above 0"):
        await resolve(place.job.checkpoint, KEY, segment_id)
    assert place.row("b").state is State.SENDING


async def test_the_id_of_another_spec_is_refused(place):
    with pytest.raises(ConfigError, match=r'that is the segment of \["segment","a"\]'):
        await resolve(place.job.checkpoint, KEY, place.row("a").segment_id)
    assert place.row("b").state is State.SENDING


async def test_while_a_process_holds_the_checkpoint_nothing_is_settled(place):
    with opened(place.job.checkpoint, job=place.job.name), pytest.raises(CheckpointBusy):
        await resolve(place.job.checkpoint, KEY, None)
    assert place.row("b").state is State.SENDING


async def test_a_checkpoint_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CheckpointError, match="there is no checkpoint here"):
        await resolve(tmp_path / "x.checkpoint", KEY, None)
    assert list(tmp_path.iterdir()) == []

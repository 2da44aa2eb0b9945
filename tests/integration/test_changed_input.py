"""A job whose source changes between two runs: keys decide, what is made stays, what was mended is sent."""

import pytest

from bulkseg.checkpoint import read
from bulkseg.errors import CheckpointError
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, plan
from bulkseg.sandbox import Settings
from tests.integration.provisioned import provisioned, write_source


def write(made, *lines):
    made.job.path.write_text("\n".join(lines) + "\n")


def names(made):
    return sorted(segment.name for segment in made.sandbox.store.segments())


async def test_rows_that_were_added_removed_and_moved_are_told_by_their_keys(tmp_path):
    async with provisioned(tmp_path, ["a", "b", "c"]) as made:
        write_source(made.job.path, ["d", "c", "a"])
        summary = await made.run()
        assert (summary.requests.sent, summary.states[State.CREATED], summary.specs) == (1, 3, 3)
        assert names(made) == ["a", "b", "c", "d"]
        with read(made.job.checkpoint) as reader:
            assert reader.gone() == 1
            assert {row.key for row in reader.specs()} == {f'["segment","{name}"]' for name in "abcd"}


async def test_a_row_that_comes_back_is_the_one_that_was_made(tmp_path):
    async with provisioned(tmp_path, ["a", "b"]) as made:
        write_source(made.job.path, ["a"])
        await made.run()
        write_source(made.job.path, ["a", "b"])
        assert (await made.run()).requests.sent == 0


async def test_a_spec_that_changed_after_it_was_made_is_told_and_not_sent(tmp_path):
    async with provisioned(tmp_path, ["a", "b"]) as made:
        write(made, "name,description", "a,new", "b,")
        found = plan(load_job(made.job.path), RunOptions())
        assert found.changed_total == 2
        assert [changed.name for changed in found.changed] == ["a", "b"]
        assert (await made.run()).requests.sent == 0


def failing(rows):
    """Rows of which the server refuses one: what it has for a folder is no id."""
    return ["name,folderId", *rows]


@pytest.fixture
async def half_failed(tmp_path):
    async with provisioned(tmp_path, ["good"], Settings()) as made:
        write(made, *failing(["good,", "bad,not-a-folder"]))
        await made.run()
        assert made.row("bad").state is State.FAILED
        yield made


async def test_what_failed_is_not_tried_again_unasked_and_is_told_not_counted(half_failed):
    summary = await half_failed.run()
    assert (summary.exit, summary.requests.sent, summary.states[State.FAILED]) == (0, 0, 1)


async def test_retry_failed_tries_it_again(half_failed):
    summary = await half_failed.run(retry_failed=True)
    assert (summary.exit, summary.requests.sent, summary.states[State.FAILED]) == (1, 1, 1)


async def test_what_failed_and_was_mended_in_the_source_is_sent_and_nothing_else(half_failed):
    write(half_failed, *failing(["good,", "bad,1"]))
    summary = await half_failed.run()
    assert (summary.exit, summary.requests.sent, summary.states[State.CREATED]) == (0, 1, 2)
    assert names(half_failed) == ["bad", "good"]


async def test_a_plan_for_another_job_over_the_same_checkpoint_is_refused(tmp_path):
    async with provisioned(tmp_path, ["a"]) as made:
        other = tmp_path / "other.csv"
        other.write_text("name\na\n")
        with pytest.raises(CheckpointError, match=r"of the job segments\.csv, not of other\.csv"):
            plan(load_job(other), RunOptions(checkpoint=made.job.checkpoint))


async def test_a_limit_sends_so_many_and_the_next_run_sends_the_rest(tmp_path):
    async with provisioned(tmp_path, [f"s {number}" for number in range(9)], limit=4) as made:
        assert made.sandbox.store.count() == 4
        assert len(made.rows(State.PENDING)) == 5
        await made.run()
        assert made.sandbox.store.count() == 9


async def test_fresh_puts_the_old_checkpoint_aside_and_finds_what_stands(tmp_path):
    async with provisioned(tmp_path, ["a"]) as made:
        summary = await made.run(fresh=True)
        assert (summary.states[State.FAILED], made.sandbox.store.count()) == (1, 1)
        assert "exists already" in made.row("a").error
        (old,) = tmp_path.glob("*.old")
        with read(old) as reader:
            assert reader.counts()[State.CREATED] == 1

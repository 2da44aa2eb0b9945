"""A job whose source changes between two runs: keys decide, what is made stays, what was mended is sent."""

import asyncio

import pytest

from bulkseg.checkpoint import read
from bulkseg.errors import CheckpointError
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, plan
from bulkseg.sandbox import Settings
from bulkseg.sandbox.faults import Fault, FaultKind
from tests.integration.beside import beside, end_of, relayed, write_names
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
    """Rows of which the server refuses one: no folder can have an id as long as that."""
    return ["name,folderId", *rows]


@pytest.fixture
async def half_failed(tmp_path):
    async with provisioned(tmp_path, ["good"], Settings()) as made:
        write(made, *failing(["good,", "bad,1234567890123456789"]))
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


async def test_the_commands_tell_what_changed_after_it_was_made_each_time_they_are_asked(tmp_path):
    async with beside(tmp_path) as place:
        job = tmp_path / "s.csv"
        job.write_text("name,key,description\na,1,old\nb,2,old\nc,3,old\n")
        await place.here(job)
        job.write_text("name,key,description\nb,2,new\nanother,1,old\nc,3,old\n")
        planned = (await place.command("plan", job, "--json")).document
        assert [(one["name"], one["line"]) for one in planned["changed"]] == [("b", 2), ("another", 3)]
        assert (planned["to_send"], planned["changed_total"]) == (0, 2)
        for _ in range(2):
            ended = await place.run(job)
            assert (ended.status, ended.document["requests"]["sent"]) == (0, 0)
            assert ended.events("specs_changed")[0]["count"] == 2
        assert place.names() == ["a", "b", "c"]


async def test_what_is_still_to_be_sent_goes_as_the_source_has_it_now(tmp_path):
    async with beside(tmp_path) as place:
        job = tmp_path / "s.csv"
        job.write_text("name,key\na,1\nb,2\nc,3\nd,4\ne,5\n")
        await place.here(job, limit=2)
        job.write_text("name,key\ne,5\nnew,6\nb,2\nother,4\n")
        ended = await place.run(job, "--concurrency", "1")
        assert (ended.status, ended.document["requests"]["sent"], ended.document["specs"]) == (0, 3, 4)
        assert [one.name for one in place.sandbox.store.segments()] == ["a", "b", "e", "new", "other"]
        assert (await place.command("status", job, "--json")).document["gone"] == 2


async def test_a_limit_holds_for_what_is_tried_again_too(tmp_path):
    async with beside(tmp_path, Settings(forbid=3)) as place:
        job = write_names(tmp_path / "s.csv", "abcd")
        assert (await place.here(job)).states[State.FAILED] == 3
        ended = await place.run(job, "--retry-failed", "--limit", "2")
        assert (ended.status, ended.document["requests"]["sent"]) == (0, 2)
        assert (ended.document["states"]["created"], ended.document["states"]["pending"]) == (3, 1)
        assert (await place.run(job)).document["states"]["created"] == 4


@pytest.mark.parametrize("made", [True, False])
async def test_a_row_that_changed_while_its_request_is_in_doubt_is_not_sent_before_that_is_settled(
    tmp_path, made
):
    taken = asyncio.Event()

    async def meddle(request, send_on):
        if request.method == "POST":
            if made:
                await send_on()
            taken.set()
            await asyncio.sleep(30)
        return await send_on()

    async with beside(tmp_path) as place, relayed(place.sandbox.url, meddle) as url:
        job = tmp_path / "job.toml"
        job.write_text(
            '[source]\npath = "s.csv"\n[[segment]]\nname = "{{ name }}"\ndescription = "{{ what }}"\n'
            '[limits]\nsettle = "300ms"\nrate = 200\n'
        )
        source = tmp_path / "s.csv"
        source.write_text("name,what\na,old\n")
        process = place.by_way_of(url).start("run", job, "--no-canary")
        async with asyncio.timeout(20):
            await taken.wait()
        process.kill()
        await end_of(process)
        source.write_text("name,what\na,new\n")

        ended = await place.run(job, "--no-canary")
        assert ended.document["requests"]["sent"] == 0
        if made:
            assert (ended.status, ended.document["states"]["created"]) == (0, 1)
        else:
            assert ended.status == 1
            assert "its row has changed" in ended.events("spec_failed")[0]["error"]
            assert (await place.here(job)).exit == 0
        (segment,) = place.sandbox.store.segments()
        assert segment.description == ("old" if made else "new")


async def test_what_failed_only_for_now_is_sent_again_unasked(tmp_path):
    settings = Settings(faults=(Fault(FaultKind.CUT, 2),))
    async with beside(tmp_path, settings) as place:
        write_names(tmp_path / "s.csv", "abcd")
        job = tmp_path / "job.toml"
        job.write_text(
            '[source]\npath = "s.csv"\n[[segment]]\nname = "{{ name }}"\n'
            '[limits]\nsettle = "300ms"\nrate = 200\nmax_attempts = 1\nmax_failures = "100%"\n'
        )
        first = await place.here(job)
        assert (first.exit, first.states[State.FAILED]) == (1, 2)
        again = await place.here(job)
        assert again.requests.sent == 2
        assert again.states[State.CREATED] == 3
        assert place.sandbox.store.count() == 3

"""Segments whose names stood there before a run: four ways to take them, and a list that is whole or none."""

import pytest

from bulkseg.checkpoint import read
from bulkseg.model import State
from bulkseg.sandbox import Settings
from bulkseg.sandbox.settings import Unique
from tests.integration.provisioned import provisioned, write_source

OURS, THEIRS = "12", 77


def states(made):
    return {row.name: row.state for row in made.rows()}


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        ("fail", State.FAILED),
        ("skip", State.SKIPPED),
        ("adopt", State.ADOPTED),
        ("ignore", State.CREATED),
    ],
)
async def test_a_name_that_stands_is_taken_as_the_call_says_and_the_run_goes_on(tmp_path, policy, state):
    async with provisioned(tmp_path, ["a", "b", "c"], seed=["b"], if_exists=policy) as made:
        assert states(made) == {"a": State.CREATED, "b": state, "c": State.CREATED}
        assert made.sandbox.store.count() == (4 if policy == "ignore" else 3)


async def test_a_run_that_failed_for_a_taken_name_exits_1_and_the_next_one_does_not_try_again(tmp_path):
    async with provisioned(tmp_path, ["a", "b"], seed=["b"]) as made:
        with read(made.job.checkpoint) as reader:
            assert reader.runs()[0].summary["exit"] == 1
        summary = await made.run()
        assert (summary.exit, summary.requests.sent, summary.states[State.FAILED]) == (0, 0, 1)


async def test_an_adopted_one_has_the_id_of_what_stood_there(tmp_path):
    async with provisioned(tmp_path, ["a"], seed=["a"], if_exists="adopt") as made:
        (asset,) = made.sandbox.store.named("a")
        assert (made.row("a").state, made.row("a").segment_id) == (State.ADOPTED, str(asset.id))


async def test_of_two_that_stand_none_is_adopted(tmp_path):
    async with provisioned(tmp_path, ["a"], seed=["a", "a"], if_exists="adopt") as made:
        assert made.row("a").state is State.FAILED
        assert "there are 2 of them" in made.row("a").error


async def test_more_than_a_page_of_segments_is_read_to_its_end(tmp_path):
    seed = [f"old {number}" for number in range(2_300)]
    async with provisioned(tmp_path, ["old 2299", "new"], seed=seed) as made:
        assert states(made) == {"old 2299": State.FAILED, "new": State.CREATED}


async def test_a_skipped_one_is_asked_for_again_and_made_once_the_other_is_gone(tmp_path):
    async with provisioned(tmp_path, ["a"], seed=["a"], if_exists="skip") as made:
        assert made.row("a").state is State.SKIPPED
        (asset,) = made.sandbox.store.named("a")
        made.sandbox.store.delete(asset)
        await made.run(if_exists="skip")
        assert made.row("a").state is State.CREATED


async def test_a_name_that_another_key_of_ours_has_is_not_made_again(tmp_path):
    async with provisioned(tmp_path, ["a"]) as made:
        made.job.path.write_text("name,key\na,another\n")
        summary = await made.run()
        assert summary.states[State.FAILED] == 1
        assert made.sandbox.store.count() == 1
        with read(made.job.checkpoint) as reader:
            (failed,) = reader.specs([State.FAILED])
        assert "belongs to another key of this checkpoint" in failed.error


async def test_a_page_that_fails_never_means_that_nothing_is_there(tmp_path, monkeypatch):
    async with provisioned(tmp_path, ["a"]) as made:
        write_source(made.job.path, ["a", "b"])
        made.sandbox.store.add("b", created_by=THEIRS)
        monkeypatch.setattr("bulkseg.listing.page_of", lambda _: None)
        summary = await made.run()
        assert (summary.exit, summary.requests.sent) == (3, 0)
        assert "cannot be read" in summary.stopped
        assert len(made.sandbox.store.named("b")) == 1


async def test_a_server_that_refuses_taken_names_is_believed_where_nobody_looked(tmp_path):
    settings = Settings(unique=Unique.CONFLICT)
    async with provisioned(tmp_path, ["a", "b"], settings, seed=["b"], if_exists="ignore") as made:
        assert states(made) == {"a": State.CREATED, "b": State.FAILED}
        assert "exists already" in made.row("b").error

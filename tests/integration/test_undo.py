"""The way back: what a checkpoint created is deleted, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bulkseg.eloqua.sites import load_site
from bulkseg.errors import CheckpointBusy, CheckpointError
from bulkseg.model import State
from bulkseg.pipeline import plan
from bulkseg.sandbox import Names, Settings, environment, serve
from bulkseg.stop import Stop
from bulkseg.takeback import Asking, Undone, undo
from tests.checkpoints import opened
from tests.integration.provisioned import Provisioned, provisioned

THEIRS = "UPDATE spec SET segment_id = ?, name = 'theirs' WHERE name = 'b'"


class Answers:
    """Says yes or no, by whether reconciled ones are asked for; keeps what was asked."""

    def __init__(self, *, simple: bool = True, reconciled: bool = True) -> None:
        self.asked: list[Asking] = []
        self._says = {False: simple, True: reconciled}

    async def __call__(self, asking: Asking) -> bool:
        self.asked.append(asking)
        return self._says[asking.reconciled]


async def undone(place: Provisioned, answers: Answers | None = None, **options: Any) -> Undone | None:
    chosen: dict[str, Any] = {"force": False, "stop": Stop(), "observer": place.observer, **options}
    return await undo(place.case(), place.site, confirm=answers or Answers(), **chosen)


async def undone_all(place: Provisioned, answers: Answers | None = None, **options: Any) -> Undone:
    done = await undone(place, answers, **options)
    assert done is not None
    return done


def alter(place: Provisioned, statement: str, *values: object) -> None:
    """Puts something into the checkpoint that is hard to come by otherwise."""
    with sqlite3.connect(place.job.checkpoint) as database:
        database.execute(statement, values)
    database.close()


@pytest.mark.parametrize("discover", [True, False])
async def test_all_that_was_created_is_deleted_and_on_record_as_undone(tmp_path, discover):
    async with provisioned(tmp_path, "abc", discover=discover) as place:
        ids = [row.segment_id for row in place.rows()]
        done = await undone_all(place)
        assert place.names() == []
    assert (len(done.report.undone), done.exit, done.stopped) == (3, 0, None)
    assert [(row.state, row.segment_id) for row in place.rows()] == [(State.UNDONE, one) for one in ids]


async def test_a_segment_that_stood_there_before_stays(tmp_path):
    # It is even on record under our key, as it would be if another's id had come into the checkpoint.
    async with provisioned(tmp_path, "abc", seed=["theirs"], if_exists="ignore") as place:
        alter(place, THEIRS, place.asset("theirs").id)
        done = await undone_all(place, force=True)
        assert place.names() == ["theirs", "b"]
    (kept,) = done.report.kept
    assert "user 77 made it and not user 12" in kept.why
    assert done.exit == 1


@pytest.mark.parametrize("state", [State.ADOPTED, State.SKIPPED, State.UNKNOWN, State.FAILED])
async def test_what_was_not_created_is_not_touched(tmp_path, state):
    async with provisioned(tmp_path, "abc") as place:
        alter(place, "UPDATE spec SET state = ? WHERE name = 'b'", state)
        answers = Answers()
        done = await undone_all(place, answers)
        assert place.names() == ["b"]
    assert answers.asked[0].count == 2
    assert (len(done.report.undone), done.exit) == (2, 0)
    assert done.unknown == (state is State.UNKNOWN)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"updated_by": 77}, "changed since by user 77"),
        ({"rest": {}}, "changed since it was made"),
        ({"description": "mine"}, "changed since it was made"),
    ],
)
async def test_what_somebody_has_changed_stays_until_it_is_forced(tmp_path, change, words):
    async with provisioned(tmp_path, "abc") as place:
        place.change("b", **change)
        done = await undone_all(place)
        assert place.names() == ["b"]
        assert words in done.report.kept[0].why
        forced = await undone_all(place, force=True)
        assert (place.names(), len(forced.report.undone), forced.exit) == ([], 1, 0)


async def test_what_was_renamed_stays_even_when_it_is_forced(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        place.change("b", name="somebody's own")
        done = await undone_all(place, force=True)
        assert place.names() == ["somebody's own"]
    assert 'its name is "somebody\'s own" and not "b"' in done.report.kept[0].why


async def test_a_name_that_the_server_has_changed_itself_is_the_one_that_counts(tmp_path):
    settings = Settings(names=Names.FOLD)
    async with provisioned(tmp_path, ["Abc", "DEF"], settings, accept_warnings=True) as place:
        assert place.names() == ["abc", "def"]
        done = await undone_all(place)
        assert (place.names(), done.exit) == ([], 0)


async def test_what_is_gone_already_counts_as_undone(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        place.sandbox.store.delete(place.asset("b"))
        done = await undone_all(place)
    assert sorted(fate.why for fate in done.report.undone) == ["", "", "was gone already"]
    assert done.exit == 0


async def test_what_something_depends_on_is_a_failure_with_its_reason(tmp_path):
    async with provisioned(tmp_path, "abc", Settings(in_use=frozenset("b"))) as place:
        done = await undone_all(place)
        assert place.names() == ["b"]
    (failed,) = done.report.failed
    assert "other objects depend on it" in failed.why
    assert (done.exit, place.row("b").state) == (1, State.CREATED)


async def test_the_question_says_how_many_where_and_as_whom(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        answers = Answers(simple=False)
        assert await undone(place, answers) is None
        assert place.names() == ["a", "b", "c"]
    (asking,) = answers.asked
    assert (asking.count, asking.reconciled) == (3, False)
    assert (asking.identity.site_name, asking.identity.user_name) == ("Sandbox", "demo")


async def test_reconciled_ones_are_asked_for_apart(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        alter(place, "UPDATE spec SET reconciled = 1 WHERE name = 'b'")
        answers = Answers(reconciled=False)
        done = await undone_all(place, answers)
        assert place.names() == ["b"]
        assert [(asking.count, asking.reconciled) for asking in answers.asked] == [(2, False), (1, True)]
        assert (len(done.report.kept), done.exit) == (1, 1)
        assert await undone(place, Answers(reconciled=False)) is None
        assert (await undone_all(place)).exit == 0
        assert place.names() == []


async def test_an_unknown_creator_is_our_own_user(tmp_path):
    async with provisioned(tmp_path, "ab", seed=["theirs"], if_exists="ignore") as place:
        alter(place, "UPDATE spec SET created_by = NULL")
        alter(place, THEIRS, place.asset("theirs").id)
        done = await undone_all(place)
        assert place.names() == ["theirs", "b"]
    assert "user 77 made it and not user 12" in done.report.kept[0].why


async def test_without_discovery_our_own_user_is_the_one_whom_the_answers_named(tmp_path):
    async with provisioned(tmp_path, "abc", discover=False) as place:
        alter(place, "UPDATE spec SET created_by = NULL WHERE name = 'b'")
        done = await undone_all(place)
        assert (place.names(), done.exit) == ([], 0)


async def test_where_no_creator_can_be_known_nothing_is_deleted(tmp_path):
    async with provisioned(tmp_path, "abc", discover=False) as place:
        alter(place, "UPDATE spec SET created_by = NULL")
        done = await undone_all(place, force=True)
        assert place.names() == ["a", "b", "c"]
    assert all("not known" in fate.why for fate in done.report.kept)


async def test_another_site_is_refused_before_anything_is_asked_of_its_segments(tmp_path):
    async with (
        provisioned(tmp_path, "abc") as place,
        serve(Settings(site_id="2000", record_arrivals=True)) as other,
    ):
        for name in "abc":
            other.store.add(name)
        variables = environment(other.url)
        del variables["ELOQUA_BASE_URL"]
        with pytest.raises(CheckpointError, match="belongs to the site 1000, and this is 2000"):
            await undo(
                place.case(),
                load_site(None, variables),
                confirm=Answers(),
                force=True,
                observer=place.observer,
                stop=Stop(),
            )
        assert [arrival.path for arrival in other.store.arrivals] == ["/id"]
        assert other.store.count() == 3


async def test_while_a_process_holds_the_checkpoint_nothing_is_deleted(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        with opened(place.job.checkpoint, job=place.job.name), pytest.raises(CheckpointBusy):
            await undone(place)
        assert place.names() == ["a", "b", "c"]


async def test_with_nothing_to_undo_nothing_is_asked(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        await undone(place)
        answers = Answers()
        done = await undone_all(place, answers)
    assert (answers.asked, done.report.total, done.exit) == ([], 0, 0)


async def test_a_stop_lets_deletions_under_way_be_recorded_and_the_next_undo_goes_on(tmp_path):
    names = [f"s{number}" for number in range(40)]
    settings = Settings(latency=0.02, record_arrivals=True)
    async with provisioned(tmp_path, names, settings) as place:
        stop = Stop()

        async def interrupt() -> None:
            while place.sandbox.store.count() > 30:
                await asyncio.sleep(0.001)
            stop.request(15)

        interrupting = asyncio.create_task(interrupt())
        done = await undone_all(place, stop=stop)
        await interrupting
        assert (done.exit, done.stopped) == (143, "stopped by SIGTERM")
        left = place.names()
        assert 0 < len(left) <= 30
        assert sorted(row.name for row in place.rows(State.CREATED)) == sorted(left)
        rest = await undone_all(place)
        assert (rest.report.total, rest.exit, place.names()) == (len(left), 0, [])


async def test_a_server_that_has_gone_ends_it_and_nothing_is_said_to_be_undone(tmp_path):
    async with provisioned(tmp_path, "abc", discover=False) as place:
        pass  # and with it goes the sandbox
    case = place.case()
    case = replace(case, limits=case.limits.model_copy(update={"give_up_after": 0.3}))
    done = await undo(case, place.site, confirm=Answers(), force=False, observer=place.observer, stop=Stop())
    assert done is not None
    assert (done.exit, done.report.done, len(place.rows(State.CREATED))) == (3, 0, 3)
    assert done.stopped is not None
    assert "has not answered for 0.3 s" in done.stopped


async def test_a_run_makes_what_was_undone_again_only_when_told(tmp_path):
    async with provisioned(tmp_path, "abc") as place:
        await undone(place)
        again = await place.run()
        assert (place.names(), again.requests.sent, again.exit) == ([], 0, 0)
        assert plan(place.job).to_send == 0
        await place.run(redo=True)
        assert sorted(place.names()) == ["a", "b", "c"]
        assert (await undone_all(place)).exit == 0
        assert place.names() == []


async def test_a_checkpoint_that_is_not_there_is_not_made(tmp_path: Path):
    async with provisioned(tmp_path, "a") as place:
        place.job.checkpoint.unlink()
        with pytest.raises(CheckpointError, match="there is no checkpoint here"):
            await undone(place)
        assert not place.job.checkpoint.exists()

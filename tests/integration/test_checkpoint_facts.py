"""What a checkpoint knows of segments and of the site, asked of a real one."""

from __future__ import annotations

from datetime import date

import pytest

from bulkseg.checkpoint import Checkpoint, Standing
from bulkseg.location import Location
from bulkseg.model import Action, Intent, Record, State
from tests.checkpoints import NOW, ids, opened, source, spec, take_in

TODAY = date(2026, 1, 1)
DAY = 86_400.0


@pytest.fixture
def checkpoint(place: Location):
    with opened(place) as made:
        take_in(made, [*source("abcdefgh"), spec("copy", line=20, action=Action.COPY, source_id="3")])
        yield made


async def answered(checkpoint: Checkpoint, key: str, at: float, segment_id: str, **more: object) -> None:
    """A request that left at a time, and its 201."""
    number = ids(checkpoint)[key]
    await checkpoint.intend([Intent(number, 1, at)])
    values = {"created_by": "12", "created_at": f"{at:.0f}", "http_status": 201} | more
    await checkpoint.record([Record(number, State.CREATED, 1, at + 1, segment_id, **values)])


# --- Witnesses ------------------------------------------------------------------------------------------


async def test_before_a_time_is_the_last_that_was_answered_for_and_after_it_the_first(checkpoint):
    run = checkpoint.begin_run(NOW, TODAY)
    for key, seconds in zip("abcd", (10, 20, 40, 50), strict=True):
        await answered(checkpoint, key, NOW + seconds, key.encode().hex())
    facts = checkpoint.facts
    assert facts.before(run, NOW + 30) == ("62", NOW + 20)
    assert facts.before(run, NOW + 20) == ("62", NOW + 20)
    assert facts.after(run, NOW + 30) == "63"
    assert facts.after(run, NOW + 40) == "64"
    assert (facts.before(run, NOW + 9), facts.after(run, NOW + 50)) == (None, None)
    assert facts.intended("63") == (run, NOW + 40)


def test_a_run_tells_when_it_began_by_the_clock_and_by_the_count_of_the_machine(checkpoint):
    first = checkpoint.begin_run(NOW, TODAY, began=77.0, boot="b")
    second = checkpoint.begin_run(NOW + 1, TODAY)
    assert checkpoint.facts.began(first) == (NOW, 77.0, "b")
    assert checkpoint.facts.began(second)[2] is None


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN, State.SKIPPED, State.ADOPTED])
async def test_only_what_was_made_and_answered_for_is_a_witness(checkpoint, state):
    run = checkpoint.begin_run(NOW, TODAY)
    number = ids(checkpoint)
    await checkpoint.intend(
        [Intent(number["a"], 1, NOW), Intent(number["b"], 1, NOW), Intent(number["c"], 1, NOW)]
    )
    segment_id = "5" if state in (State.SKIPPED, State.ADOPTED) else None
    await checkpoint.record([Record(number["a"], state, 1, NOW, segment_id)])
    await checkpoint.record(
        [Record(number["b"], State.CREATED, 1, NOW, "6", created_by="12", reconciled=True)]
    )
    facts = checkpoint.facts
    assert (facts.before(run, NOW + 9), facts.after(run, NOW - 9), facts.us(run)) == (None, None, None)
    assert not facts.names_kept("create")


async def test_a_run_comes_after_those_before_it_however_the_clock_was_set(checkpoint):
    """The second run's clock is a day behind, so that its intents look older than the first one's."""
    first = checkpoint.begin_run(NOW, TODAY)
    await answered(checkpoint, "a", NOW, "5")
    second = checkpoint.begin_run(NOW - DAY, TODAY)
    await answered(checkpoint, "b", NOW - DAY, "6")
    facts = checkpoint.facts
    assert facts.before(first, NOW - 1) is None
    assert facts.before(first, NOW + 1) == ("5", NOW)
    assert facts.after(second, NOW - 2 * DAY) == "6"
    assert facts.after(second, NOW - 1) is None


async def test_a_time_that_the_server_did_not_tell_is_not_known(checkpoint):
    run = checkpoint.begin_run(NOW, TODAY)
    await answered(checkpoint, "a", NOW, "5", created_at=None)
    assert checkpoint.facts.before(run, NOW) == ("5", None)


# --- Who we are, and what the site does with names ------------------------------------------------------


async def test_each_run_has_the_user_that_the_answers_to_its_own_requests_tell(checkpoint):
    first = checkpoint.begin_run(NOW, TODAY)
    await answered(checkpoint, "a", NOW + 1, "5", created_by=None)
    assert checkpoint.facts.us(first) is None
    await answered(checkpoint, "b", NOW + 2, "6", created_by="12")
    second = checkpoint.begin_run(NOW + 3, TODAY)
    assert (checkpoint.facts.us(first), checkpoint.facts.us(second)) == ("12", None)
    await answered(checkpoint, "c", NOW + 4, "7", created_by="13")
    assert (checkpoint.facts.us(first), checkpoint.facts.us(second)) == ("12", "13")


async def test_a_run_that_learned_nothing_has_the_user_of_one_with_the_same_login(checkpoint):
    first = checkpoint.begin_run(NOW, TODAY, login="a")
    await answered(checkpoint, "a", NOW + 1, "5", created_by="12")
    second = checkpoint.begin_run(NOW + 2, TODAY, login="b")
    await answered(checkpoint, "b", NOW + 3, "6", created_by="13")
    runs = [
        first,
        second,
        *(checkpoint.begin_run(NOW + 4, TODAY, login=name) for name in ("a", "b", "c", "")),
    ]
    checkpoint.begin_run(NOW + 5, TODAY, "14", login="")
    assert [checkpoint.facts.us(run) for run in runs] == ["12", "13", "12", "13", None, None]
    assert checkpoint.facts.users() == {"12", "13", "14"}


async def test_the_user_of_the_sign_in_is_that_of_the_run(checkpoint):
    run = checkpoint.begin_run(NOW, TODAY, "12")
    await answered(checkpoint, "a", NOW + 1, "5", created_by="99")
    assert checkpoint.facts.us(run) == "12"


def test_a_lag_that_was_seen_is_kept_as_long_as_no_longer_one_is_seen(checkpoint):
    facts = checkpoint.facts
    assert facts.lag() == 0.0
    for lag in (4.0, 9.0, 2.0):
        facts.keep_lag(lag)
    assert facts.lag() == 9.0


async def test_names_are_kept_once_one_was_and_until_one_was_not_and_copies_count_apart(checkpoint):
    checkpoint.begin_run(NOW, TODAY)
    facts = checkpoint.facts
    assert not facts.names_kept("create")
    await answered(checkpoint, "a", NOW, "5")
    assert (facts.names_kept("create"), facts.names_kept("copy")) == (True, False)
    await answered(checkpoint, "copy", NOW, "6", server_name="Copy of 3")
    assert (facts.names_kept("create"), facts.names_kept("copy")) == (True, False)
    await answered(checkpoint, "b", NOW, "7", server_name="B")
    assert not facts.names_kept("create")


# --- Whose a segment is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "claimed"),
    [(State.CREATED, True), (State.ADOPTED, True), (State.SKIPPED, False), (State.UNDONE, False)],
)
async def test_an_id_is_a_specs_own_only_where_it_was_made_or_adopted_for_it(checkpoint, state, claimed):
    checkpoint.begin_run(NOW, TODAY)
    number = ids(checkpoint)["a"]
    made = State.CREATED if state is State.UNDONE else state
    await checkpoint.record([Record(number, made, 1, NOW, "5")])
    if made is not state:
        await checkpoint.record([Record(number, state, 1, NOW, "5")])
    assert list(checkpoint.facts.claimed(["4", "5", "6"])) == (["5"] if claimed else [])


def test_what_stood_there_before_is_asked_of_that_runs_own_list(checkpoint):
    first = checkpoint.begin_run(NOW, TODAY)
    checkpoint.keep_stood(first, [("5", "One", "one"), ("6", "Two", "two")])
    second = checkpoint.begin_run(NOW, TODAY)
    assert sorted(checkpoint.facts.stood(first, ["5", "6", "7"])) == ["5", "6"]
    assert checkpoint.facts.stood(second, ["5"]) is None


def test_an_empty_list_is_a_list(checkpoint):
    run = checkpoint.begin_run(NOW, TODAY)
    checkpoint.keep_stood(run, [])
    assert list(checkpoint.facts.stood(run, ["5"])) == []


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN])
async def test_a_later_runs_list_never_takes_the_place_of_that_by_which_a_doubt_is_judged(checkpoint, state):
    first = checkpoint.begin_run(NOW, TODAY)
    checkpoint.keep_stood(first, [("5", "One", "one")])
    number = ids(checkpoint)["a"]
    await checkpoint.intend([Intent(number, 1, NOW)])
    if state is State.UNKNOWN:
        await checkpoint.record([Record(number, state, 1, NOW)])
    second = checkpoint.begin_run(NOW + 9, TODAY)
    checkpoint.keep_stood(second, [("5", "One", "one"), ("6", "a", "a")])
    assert list(checkpoint.facts.stood(first, ["5", "6"])) == ["5"]
    assert sorted(checkpoint.facts.stood(second, ["5", "6"])) == ["5", "6"]
    (doubt,) = checkpoint.facts.in_doubt()
    assert (doubt.intent_run, doubt.given_up) == (first, state is State.UNKNOWN)


# --- What stands in the way -----------------------------------------------------------------------------


def standing(checkpoint: Checkpoint, run: int) -> dict[str, Standing]:
    return {one.task.spec.key: one for one in checkpoint.facts.standing(run)}


async def test_a_name_stands_in_the_way_of_what_is_still_to_be_sent_as_it_folds(checkpoint):
    run = checkpoint.begin_run(NOW, TODAY)
    await answered(checkpoint, "b", NOW, "7")
    stood = [("5", "A", "a"), ("6", "a", "a"), ("7", "b", "b"), ("9", "z", "z")]
    checkpoint.keep_stood(run, stood)
    found = standing(checkpoint, run)
    assert set(found) == {"a"}
    assert (set(found["a"].ids), found["a"].holder) == ({"5", "6"}, None)
    assert standing(checkpoint, run + 1) == {}


@pytest.mark.parametrize(
    ("state", "in_doubt"),
    [(State.SENDING, True), (State.UNKNOWN, True), (State.CREATED, False), (None, None)],
)
async def test_a_name_that_another_key_has_or_may_have_is_reserved(place, state, in_doubt):
    with opened(place) as checkpoint:
        take_in(checkpoint, [spec("old", name="Name")])
        run = checkpoint.begin_run(NOW, TODAY)
        if state is not None:
            await checkpoint.intend([Intent(1, 1, NOW)])
        if state not in (None, State.SENDING):
            await checkpoint.record([Record(1, state, 1, NOW, "5" if state is State.CREATED else None)])
        take_in(checkpoint, [spec("new", name="NAME")])
        found = standing(checkpoint, run)
        assert set(found) == (set() if state is None else {"new"})
        if state is not None:
            assert (found["new"].holder, found["new"].in_doubt) == ("old", in_doubt)


async def test_the_first_open_spec_of_each_template_of_which_nothing_was_made_is_untried(place):
    with opened(place) as checkpoint:
        rows = [("a", "gold"), ("b", "gold"), ("c", "tin"), ("d", "tin"), ("e", "zinc")]
        take_in(
            checkpoint, [spec(key, template=template, line=line) for line, (key, template) in enumerate(rows)]
        )
        checkpoint.begin_run(NOW, TODAY)
        assert [one.key for one in checkpoint.facts.untried()] == ["a", "c", "e"]
        await answered(checkpoint, "a", NOW, "5")
        await checkpoint.intend([Intent(ids(checkpoint)["c"], 1, NOW)])
        assert [one.key for one in checkpoint.facts.untried()] == ["d", "e"]

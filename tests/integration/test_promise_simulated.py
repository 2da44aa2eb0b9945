"""Never twice, never lost: whole runs in virtual time, by hand where a hole was found, and at random."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkseg import feed
from bulkseg.checkpoint.sqlite import FileCheckpoint
from bulkseg.model import State
from tests.simulated import (
    BROKEN,
    CUT,
    EPOCH,
    FAILED_AFTER,
    FAILED_BEFORE,
    FINE,
    LATE,
    LOST,
    SOMEBODY_ELSE,
    THROTTLED,
    Fault,
    Server,
    World,
    settle_in,
    simulate,
    world,
)

__all__ = ["world"]

SIX = [f"s {number}" for number in range(1, 7)]


def violations(world: World, names: list[str]) -> list[str]:
    """What must not be so at any time."""
    rows, found = world.rows(), []
    for name in names:
        made = [one["id"] for one in world.server.segments if one["asked"] == name and "before" not in one]
        if len(made) > 1:
            found.append(f"{name} was made {len(made)} times")
        row = rows.get(name)
        if row is not None and row.state is State.CREATED and row.segment_id not in made:
            found.append(f"{name} has the id {row.segment_id}, and {made} was made for it")
        if made and (row is None or row.state not in (State.CREATED, State.SENDING, State.UNKNOWN)):
            found.append(f"{name} was made as {made[0]}, and is {row and row.state}: {row and row.error}")
    return found


def test_a_run_in_which_nothing_goes_wrong_makes_each_once(world):
    world.job(SIX)
    summary = simulate(world.run)
    assert (summary.exit, violations(world, SIX), world.server.sent) == (0, [], SIX)


def test_that_the_database_is_back_is_told_also_where_nothing_is_left_to_do_then(world, monkeypatch):
    away = property(lambda _: None if len(world.server.sent) == len(SIX) else "it was stopped")
    monkeypatch.setattr(FileCheckpoint, "away", away)
    world.job(SIX)
    assert simulate(world.run).exit == 0
    told = [notice for notice in world.watching.notices if notice.startswith("database")]
    assert told == ["database_away", "database_back"]


@pytest.mark.parametrize("discovery", [True, False])
def test_what_one_user_sent_is_found_by_a_run_of_another(world, discovery):
    """Somebody goes on with a run that was killed: who asks is not who made what is in doubt."""
    world.server.discovery = discovery
    world.server.faults = [FINE, FINE, LOST, LOST]
    world.job(SIX, settle="2s")

    async def work():
        await world.run(kill_after=0.11)
        in_doubt = [row.name for row in world.rows().values() if row.state is State.SENDING]
        world.server.user = "13"
        await world.run()
        return in_doubt

    assert simulate(work)
    assert violations(world, SIX) == []
    assert {row.state for row in world.rows().values()} == {State.CREATED}


def test_without_discovery_the_user_of_the_last_run_is_not_taken_for_that_of_this_one(world):
    world.server.discovery = False
    world.job(SIX, settle="2s")

    async def work():
        await world.run(limit=1)
        world.server.user = "13"
        world.server.faults = [LOST, FINE, LOST]
        await world.run()

    simulate(work)
    assert violations(world, SIX) == []


@pytest.mark.parametrize("jump", [-3_600.0, 0.0, 3_600.0])
def test_our_clock_may_be_far_off_that_of_the_server(world, jump):
    """Where nobody looked what stood there before, times tell; they are the server's, not ours."""
    world.jump = jump
    world.server.faults = [FINE, LOST]
    world.job(SIX, settle="2s", if_exists="ignore")
    simulate(world.run)
    assert violations(world, SIX) == []
    assert {row.state for row in world.rows().values()} == {State.CREATED}


def test_what_is_refused_for_our_own_first_request_long_ago_is_ours(world):
    world.server.unique, world.server.lag = "409", 450.0
    world.server.faults = [LOST]
    world.job(SIX[:2], settle="400s", give_up_after="30m", if_exists="ignore")
    simulate(world.run)
    row = world.rows()["s 1"]
    assert (row.state, row.reconciled, row.segment_id) == (State.CREATED, True, world.server.made("s 1")[0])


def test_an_error_is_told_once_however_many_runs_look(world):
    world.server.faults = [FINE, LOST]
    world.job(SIX[:2], settle="2s")

    async def work():
        asyncio.get_running_loop().call_later(0.075, world.server.make, "s 2")
        errors = []
        for _ in range(3):
            await world.run()
            errors.append(world.rows()["s 2"].error)
        return errors

    errors = simulate(work)
    assert "several segments could be it" in errors[0]
    assert len(set(errors)) == 1


@pytest.mark.parametrize(
    ("user", "lag", "state"),
    [("12", 1.5, State.CREATED), ("13", 1.5, State.UNKNOWN), ("13", 30.0, State.UNKNOWN)],
)
def test_where_a_run_did_not_learn_its_user_a_strangers_namesake_is_not_taken(world, user, lag, state):
    """It is known by its login, or else what strangers made is left to a person."""
    world.server.discovery = False
    world.job(SIX, settle="2s", give_up_after="5m", if_exists="ignore")

    async def work():
        await world.run(limit=1)
        for name in SIX:
            world.server.make(name, by=SOMEBODY_ELSE)["before"] = "yes"
        world.server.user, world.server.lag, world.server.faults = user, lag, [LOST] * 5
        await world.run(kill_after=0.1, canary=False)
        await world.run()

    simulate(work)
    assert violations(world, SIX) == []
    assert {row.state for row in world.rows().values()} == {State.CREATED, state}


def test_a_clock_that_is_set_between_two_runs_does_not_shorten_the_settle_time(world):
    world.server.faults, world.server.lag = [LATE], 0.5
    world.job(SIX[:1], settle="4s")

    async def work():
        world.jump = -7_200.0
        await world.run(kill_after=0.25, canary=False)
        world.jump = 0.0
        await world.run(canary=False)

    simulate(work)
    assert violations(world, SIX[:1]) == []


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_a_canary_is_not_judged_by_lists_that_nothing_later_has_proved_up_to_date(world, lost):
    world.server.faults, world.server.lag = [LOST] * lost, 30.0
    world.job(SIX, settle="4s", give_up_after="10m")
    summary = simulate(world.run)
    assert (violations(world, SIX), summary.exit) == ([], 0)


def test_a_segment_that_a_server_makes_after_all_is_told_as_a_twin_by_its_key(world):
    async def work():
        world.job([f"s {number}" for number in range(400)], settle="1s")
        world.server.faults = [replace(LATE, late=2.5)]
        return await world.run(canary=False)

    assert simulate(work).exit == 1
    _, late = world.server.made("s 0")
    assert world.watching.notices[-1] == "twin"
    assert world.watching.told[-1] == {"key": '["t","k1"]', "name": "s 0", "also": (late,)}


@pytest.mark.parametrize("canary", [True, False])
def test_what_is_sent_again_for_an_earlier_run_is_not_read_as_open_once_more(world, monkeypatch, canary):
    """Its row stands far behind those that are sent while it is found out that it was not made."""
    monkeypatch.setattr(feed, "PAGE", 50)
    monkeypatch.setattr(feed, "ROWS", 50)
    world.server.faults = [CUT]
    names = [f"s {number}" for number in range(1, 901)]
    source = world.folder / "s.csv"

    async def work():
        world.job(names[:1], settle="2s")
        await world.run(kill_after=0.25)
        world.job(names, settle="2s")
        head, first, *rest = source.read_text().splitlines()
        source.write_text("\n".join([head, *rest, first, ""]))
        await world.run(canary=canary)

    simulate(work)
    assert violations(world, names) == []
    assert world.server.sent.count(names[0]) == 2


# --- At random ------------------------------------------------------------------------------------------

FAULTS = [FINE, LOST, CUT, LATE, BROKEN, FAILED_AFTER, FAILED_BEFORE, THROTTLED]
KEPT = {"exact": str, "fold": str.casefold, "blanks": lambda name: " ".join(name.split())}
NAMES = ["One", "two  blanks", "Straße", "four", "FIVE", "six's", "seven *", "eight"]


@dataclass(frozen=True)
class Tale:
    """One job and all that befalls it. `wait` is how long it takes until somebody runs it again."""

    names: int
    faults: list[Fault]
    kills: list[float]
    waits: list[float]
    jumps: list[float]
    users: list[str]
    lag: float
    unique: str
    kept: str
    if_exists: str
    discovery: bool
    canary: bool
    namesakes: bool


def _lists(values: st.SearchStrategy[float], most: int) -> st.SearchStrategy[list[float]]:
    return st.lists(values, max_size=most)


tales = st.builds(
    Tale,
    names=st.integers(1, len(NAMES)),
    faults=st.lists(st.sampled_from(FAULTS), max_size=24),
    kills=_lists(st.floats(0.0, 0.4) | st.floats(0.4, 12.0), 4),
    waits=st.lists(st.floats(0.0, 20.0), min_size=5, max_size=5),
    jumps=st.lists(st.sampled_from([0.0, 0.0, 0.0, -7_200.0, -30.0]), min_size=5, max_size=5),
    users=st.lists(st.sampled_from(["12", "12", "13"]), min_size=5, max_size=5),
    lag=st.sampled_from([0.0, 0.5, 1.5]),
    unique=st.sampled_from(["no", "400", "409"]),
    kept=st.sampled_from(sorted(KEPT)),
    if_exists=st.sampled_from(["fail", "skip", "adopt", "ignore"]),
    discovery=st.booleans(),
    canary=st.booleans(),
    namesakes=st.booleans(),
)


async def live_through(world: World, tale: Tale, names: list[str]) -> None:
    """Runs that are killed, until one comes to its end; then one more, on a server without faults."""
    if tale.namesakes:
        for name in (*names[::2], "unrelated"):
            world.server.make(name, by=SOMEBODY_ELSE, at=EPOCH - 5_000.0)["before"] = "yes"
        world.server.make(names[-1], at=EPOCH - 5_000.0)["before"] = "yes"
    # With "ignore" nobody looks what stood there, so only the clock tells an older namesake of the same user.
    jumps = [0.0] * 5 if tale.namesakes and tale.if_exists == "ignore" else tale.jumps
    options = {"canary": tale.canary, "accept_warnings": True}
    for number, kill_after in enumerate([*tale.kills, None, None]):
        turn = min(number, 4)
        world.jump, world.server.user = jumps[turn], tale.users[turn]
        await world.run(kill_after=kill_after, **options)
        assert violations(world, names) == []
        await asyncio.sleep(tale.waits[turn])
    world.server.faults = []
    await world.run(**options)


@settings(max_examples=60)
@given(tale=tales)
def test_whatever_befalls_a_job_nothing_is_made_twice_and_no_id_is_lost(tale):
    names = NAMES[: tale.names]
    with TemporaryDirectory() as folder, ExitStack() as undone:
        world = World(Path(folder))
        world.server = Server(
            lag=tale.lag,
            unique=tale.unique,
            kept=KEPT[tale.kept],
            faults=list(tale.faults),
            discovery=tale.discovery,
        )
        settle_in(undone.enter_context(pytest.MonkeyPatch.context()), lambda: world.server)
        world.job(names, settle="4s", give_up_after="60s", if_exists=tale.if_exists)
        simulate(lambda: live_through(world, tale, names))
        assert violations(world, names) == []
        # With "ignore", what a user made of whom no run has heard is left to a person.
        if not (tale.namesakes or (tale.if_exists == "ignore" and not tale.discovery and "13" in tale.users)):
            assert {row.state for row in world.rows().values()} == {State.CREATED}

"""Killed at any moment, with every fault at once: each segment is made once, and no id is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bulkseg.sandbox import Fault, FaultKind, Names, Settings, Unique, Wins
from tests.crash.case import Case, Place, set_up
from tests.crash.checking import always, at_the_end, look
from tests.crash.harness import Figures, survive
from tests.crash.killing import Moment, Run
from tests.crash.server import Server

SEED = 20
# Cases wait most of the time, so they do it together.
AT_ONCE = 6
QUICK = {
    "rate": 400,
    "concurrency": 32,
    "settle": "2s",
    "max_attempts": 12,
    "max_failures": "50%",
    "give_up_after": "60s",
}
# Half of all requests hit one of these seven.
SEVEN = tuple(Fault(kind, 14) for kind in FaultKind if kind is not FaultKind.HANG)
FAULTY = Settings(search_lag=0.5, faults=SEVEN)

CASES = (
    Case("twelve kills", 1500, Settings(latency=0.03), QUICK, kills=12),
    *(Case(f"seven faults, {unique}", 400, replace(FAULTY, unique=unique), QUICK) for unique in Unique),
    Case(
        "a conflict without its id",
        100,
        replace(FAULTY, unique=Unique.CONFLICT, conflicting_id=False),
        QUICK,
        kills=2,
    ),
    Case("trims", 100, replace(FAULTY, names=Names.TRIM), QUICK, kills=4),
    Case("folds", 100, replace(FAULTY, names=Names.FOLD), QUICK, kills=4, arguments=("--accept-warnings",)),
    Case("no discovery", 100, FAULTY, QUICK, kills=4, discovery=False),
    Case("namesakes", 100, FAULTY, QUICK, kills=4, if_exists="ignore", decoys=60),
    Case("some stood there", 100, FAULTY, QUICK, kills=4, if_exists="skip", stood=40),
    Case("the server dies too", 200, Settings(latency=0.03), {**QUICK, "rate": 100}, kills=4, outages=2),
    # So slow that something is left to send after each kill: else nothing tells how far these lists lag.
    Case(
        "lists lag",
        60,
        Settings(search_lag=4.0, faults=SEVEN),
        {**QUICK, "settle": "500ms", "rate": 30},
        kills=2,
    ),
    Case(
        "copies have other names",
        60,
        replace(FAULTY, copy_name=Wins.SOURCE),
        {**QUICK, "give_up_after": "6s"},
        kills=4,
        arguments=("--accept-warnings",),
        may_be_unknown=True,
    ),
)


@pytest.fixture(scope="module", autouse=True)
def became_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], Figures]]:
    """What became of a case. All of them are begun before the first test, and go on beside the others."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        begun = {
            case.name: threads.submit(survive, case, tmp_path_factory.mktemp("crash"), SEED)
            for case in _to_be_tested(request.session.items)
        }
        yield lambda case: begun[case.name].result()


def _to_be_tested(items: Iterable[pytest.Item]) -> Iterator[Case]:
    for item in items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        if isinstance(case, Case):
            yield case


def ended(case: Case, place: Place, server: Server) -> tuple[int, dict[str, Any]]:
    with Run(case, place, server.url) as run:
        return run.end()


def test_what_the_list_does_not_show_in_time_is_unknown_and_the_next_run_finds_it(tmp_path):
    settings = Settings(search_lag=5.0, faults=(Fault(FaultKind.LOST, 3),))
    case = Case("late", 30, settings, {**QUICK, "settle": "500ms", "give_up_after": "1s"})
    place = set_up(case, tmp_path)
    with Server(place.settings) as server:
        status, summary = ended(case, place, server)
        assert (status, summary["states"]["unknown"]) == (1, 10)
        assert list(always(look(place))) == []
        time.sleep(settings.search_lag)
        status, summary = ended(case, place, server)
        assert (status, summary["states"]["created"]) == (0, 30)
    assert list(at_the_end(case, look(place))) == []


def test_what_is_not_in_the_list_yet_is_not_made_again(tmp_path):
    """Killed with its only request under way: nothing but the settle time tells that the list lags."""
    settings = Settings(latency=0.4, search_lag=4.0)
    case = Case("under way", 1, settings, {**QUICK, "settle": "5s"})
    place = set_up(case, tmp_path)
    with Server(place.settings) as server:
        with Run(case, place, server.url) as run:
            assert run.reaches(Moment("first", 1, 0.0), lambda: len(look(place).server))
            assert run.kill()
        assert ended(case, place, server)[0] == 0
    assert list(at_the_end(case, look(place))) == []


def test_what_is_sent_soon_after_a_kill_tells_that_the_list_lags(tmp_path):
    """The last answer before the kill is old, so it is in a list that lacks what was under way."""
    settings = Settings(latency=0.2, search_lag=3.0)
    limits = {**QUICK, "settle": "500ms"}
    case = Case("soon", 100, settings, limits, if_exists="ignore", arguments=("--no-canary",))
    place = set_up(case, tmp_path)
    with Server(place.settings) as server:
        assert ended(replace(case, arguments=("--no-canary", "--limit", "1")), place, server)[0] == 0
        time.sleep(settings.search_lag)
        with Run(case, place, server.url) as run:
            assert run.reaches(Moment("first", 2, 0.0), lambda: len(look(place).server))
            assert run.kill()
        assert ended(case, place, server)[0] == 0
    assert list(at_the_end(case, look(place))) == []


def test_a_run_that_stood_still_for_longer_than_settle_makes_nothing_twice(tmp_path):
    """What left only when it went on may be missing from the list, though its intent is old."""
    settings = Settings(latency=0.03, search_lag=1.0, faults=(Fault(FaultKind.LOST, 2),))
    case = Case("frozen", 100, settings, {**QUICK, "rate": 50})
    place = set_up(case, tmp_path)
    with Server(place.settings) as server, Run(case, place, server.url) as run:
        assert run.reaches(Moment("middle", 30, 0.0), lambda: len(look(place).server))
        run.freeze(4.0)
        assert run.end()[0] == 0
    assert list(at_the_end(case, look(place))) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_segment_is_made_once_and_no_id_is_lost(case, became_of):
    figures = became_of(case)
    assert not figures.violations, "\n".join(figures.violations)
    assert figures.kills == case.kills
    assert figures.twice == 0
    if not case.may_be_unknown:
        assert (figures.made, figures.lost, figures.unknown) == (case.specs - case.stood, 0, 0)

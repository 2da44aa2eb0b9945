"""A run that is paused past its lease and let go, while another one has taken over: nothing is made twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import orjson
import psutil
import pytest

from bulkseg.sandbox import Settings, environment
from bulkseg.sandbox.store import Store
from tests import cluster as clusters
from tests.crash.case import Case, Place, set_up
from tests.crash.checking import at_the_end, look
from tests.crash.harness import survive
from tests.crash.server import ROOT, Server

pytestmark = pytest.mark.needs("pg_ctl")

LEASE = 0.6
LIMITS = {
    "rate": 100,
    "concurrency": 16,
    "settle": "200ms",
    "timeout": "500ms",
    "max_failures": "50%",
    "give_up_after": "60s",
}


@contextmanager
def run(place: Place, url: str, *, stop_before: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.leased", place.job, str(LEASE), str(stop_before)],
            cwd=ROOT,
            env={**environment(url), "PATH": ""},
            stdout=subprocess.PIPE,
            stderr=log,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


def made(place: Place) -> int:
    with closing(Store(place.settings.db, time.time)) as store:
        return store.count() - place.stood_id


def until(true, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20.0
    while not true():
        assert process.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.01)


def stands_still(process: subprocess.Popen[bytes]) -> bool:
    return psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


def test_a_run_that_is_let_go_while_another_goes_on_records_its_ids_and_nothing_is_made_twice(
    tmp_path, cluster
):
    case = Case("under way", 60, Settings(latency=0.15), LIMITS, database=cluster.url, discovery=False)
    place = set_up(case, tmp_path)
    with Server(place.settings) as server, run(place, server.url) as late:
        until(lambda: made(place) >= 20, late)
        late.send_signal(signal.SIGSTOP)
        time.sleep(LEASE + 0.2)
        with run(place, server.url) as successor:
            # It begins with what is open; what is in doubt waits for the lease, the time-out and settle.
            until(lambda: made(place) >= 40, successor)
            late.send_signal(signal.SIGCONT)
            late.communicate(timeout=20)
            assert late.returncode == 4
            document, _ = successor.communicate(timeout=30)
            assert successor.returncode == 0, place.log.read_text()
    assert orjson.loads(document)["states"]["created"] == 60
    assert list(at_the_end(case, look(place))) == []


def test_a_run_that_stood_still_between_intent_and_send_sends_nothing_when_it_is_let_go(tmp_path, cluster):
    case = Case("between", 60, Settings(latency=0.03), LIMITS, database=cluster.url)
    place = set_up(case, tmp_path)
    with Server(place.settings) as server, run(place, server.url, stop_before=30) as late:
        until(lambda: stands_still(late), late)
        time.sleep(LEASE + 0.2)
        with run(place, server.url) as successor:
            successor.communicate(timeout=30)
            assert successor.returncode == 0, place.log.read_text()
        # By now the other has judged that this one was not made, and has made it.
        assert list(at_the_end(case, look(place))) == []
        late.send_signal(signal.SIGCONT)
        late.communicate(timeout=20)
        assert late.returncode == 4
    assert list(at_the_end(case, look(place))) == []


def test_killed_again_and_again_over_a_database_each_segment_is_made_once(tmp_path, cluster):
    limits = {**LIMITS, "rate": 400, "concurrency": 32, "timeout": "5s", "settle": "1s"}
    case = Case("killed", 200, Settings(latency=0.03), limits, kills=3, database=cluster.url)
    figures = survive(case, tmp_path, seed=7)
    assert not figures.violations, "\n".join(figures.violations)
    assert (figures.kills, figures.made, figures.twice, figures.lost) == (3, 200, 0, 0)


def test_a_run_waits_for_a_database_that_is_stopped_and_started_and_goes_on(tmp_path):
    """Once as in a crash of it, and once for longer than the lease."""
    with clusters.running(fsync=True) as own:
        case = Case("restarted", 100, Settings(latency=0.05), {**LIMITS, "rate": 50}, database=own.url)
        place = set_up(case, tmp_path)
        with Server(place.settings) as server, run(place, server.url) as process:
            for count, seconds in ((20, 0.0), (60, 2 * LEASE)):
                until(lambda count=count: made(place) >= count, process)
                own.stop()
                time.sleep(seconds)
                own.start()
            document, _ = process.communicate(timeout=40)
            assert process.returncode == 0, place.log.read_text()
        assert orjson.loads(document)["stopped"] is None
        log = place.log.read_text()
        assert log.count('"database_away"') == log.count('"database_back"') >= 1
        assert list(at_the_end(case, look(place))) == []

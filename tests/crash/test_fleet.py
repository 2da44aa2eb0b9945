"""What befalls the workers of a fleet and its PostgreSQL, and that nothing is made twice or lost by it."""

import signal
import time
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from tests.fleets import TERMS, fleet, until
from tests.integration.commands import finish

pytestmark = pytest.mark.needs("pg_ctl")


@pytest.fixture
def at(cluster, tmp_path):
    """A fleet for a site."""
    with fleet(cluster, tmp_path) as one:
        assert one("init").status == 0
        yield one


def test_what_a_killed_worker_had_goes_on_elsewhere_and_nothing_is_made_twice(at):
    workers = [at.worker(), at.worker()]
    with at.waiting(at.job("nightly", "a", 150)) as process:
        at.made("a", 30)
        killed = at.busy("nightly", *workers)
        killed.kill()
        ended = finish(process)
    (other,) = (worker for worker in workers if worker is not killed)
    assert ended.status == 0
    assert other.lines("worker_silent")
    assert ended.document["jobs"][0]["summary"]["run"] == 2
    at.all_made_once("a", 150)


def test_a_worker_that_stood_still_leaves_the_job_to_whoever_has_it_and_takes_others(at):
    workers = [at.worker(), at.worker()]
    with at.waiting(at.job("nightly", "a", 150)) as process:
        at.made("a", 30)
        slow = at.busy("nightly", *workers)
        (other,) = (worker for worker in workers if worker is not slow)
        with slow.paused():
            until(lambda: other.lines("run_started"))
        until(lambda: slow.lines("fleet_job_put_back"))
        assert finish(process).status == 0
    assert len(slow.lines("fleet_job_taken")) == 1
    assert at.runs("nightly")["worker"] == other.lines("worker_started")[0]["worker"]
    at.all_made_once("a", 150)
    other.stop()
    assert at("submit", at.job("more", "a", 5), "--wait").status == 0


@contextmanager
def held_up(one, job):
    """Whatever the job's checkpoint is to write waits, and is written when the block ends."""
    with psycopg.connect(one.url, autocommit=True) as connection:
        query = "SELECT id FROM bulkseg.checkpoint WHERE name = %s"
        (number,) = connection.execute(query, (job,)).fetchone()
        table = f"bulkseg_{number}.spec"
        with connection.transaction():
            connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass"
            until(lambda: connection.execute(waiting, (table,)).fetchone() is not None)
            time.sleep(0.2)  # what had been sent is answered meanwhile
            yield
        written = f"SELECT count(*) FROM {table} WHERE state <> 'pending'".encode()  # noqa: S608  # our own
        made = one.made("a")["made"]
        until(lambda: connection.execute(written).fetchone()[0] > made)


def test_a_worker_that_stood_still_between_intent_and_send_makes_nothing_of_it_afterwards(at):
    workers = [at.worker(), at.worker()]
    with at.waiting(at.job("nightly", "a", 120)) as process:
        at.made("a", 30)
        slow = at.busy("nightly", *workers)
        with ExitStack() as held:
            with held_up(at, "nightly"):
                held.enter_context(slow.paused())
            # Some intents are on record, and nothing of them has left: the other one judges, and sends them.
            assert finish(process).status == 0
            before = at.made("a")
        until(lambda: slow.lines("fleet_job_put_back"))
    # It may still look; what it may not is make.
    assert at.made("a")["creates"] == before["creates"]
    at.all_made_once("a", 120)


def test_no_job_of_a_site_begins_while_somebody_may_still_be_sending_for_another(cluster, tmp_path):
    with fleet(cluster, tmp_path, "a", f"{TERMS},lease=4") as one:
        one("init")
        workers = [one.worker(), one.worker()]
        first, second = one.job("first", "a", 150), one.job("second", "a", 5)
        assert one("submit", first).status == 0
        one.made("a", 20)
        slow = one.busy("first", *workers)
        (other,) = (worker for worker in workers if worker is not slow)
        with slow.paused():
            until(lambda: other.lines("worker_silent"))
            assert one("cancel", "first").status == 0
            assert one("submit", second, "--wait").status == 0
        waits = [line for line in other.lines("fleet_job_put_back") if line["job"] == "second"]
        assert "first, of the same site, is held" in waits[0]["why"]


def test_a_worker_that_is_told_to_stop_drains_and_another_goes_on_at_once(cluster, tmp_path):
    # Who waits for a job is told of it, and does not have to look.
    with fleet(cluster, tmp_path, "a", f"{TERMS},poll=60") as one:
        one("init")
        workers = [one.worker(), one.worker()]
        with one.waiting(one.job("nightly", "a", 120)) as process:
            one.made("a", 20)
            first = one.busy("nightly", *workers)
            (other,) = (worker for worker in workers if worker is not first)
            assert first.stop() == 128 + signal.SIGTERM
            until(lambda: other.lines("fleet_job_taken"))
            assert finish(process).status == 0
        (back,) = first.lines("fleet_job_put_back")
        assert "SIGTERM" in back["why"]
        assert one.runs("nightly")["summary"]["states"]["created"] == 120
        one.all_made_once("a", 120)


def test_a_database_that_goes_and_comes_is_waited_for_by_all(cluster, at):
    workers = [at.worker(), at.worker()]
    with at.waiting(at.job("nightly", "a", 120)) as process:
        at.made("a", 20)
        worker = at.busy("nightly", *workers)
        (idle,) = (one for one in workers if one is not worker)
        cluster.stop()
        try:
            until(lambda: idle.lines("queue_away"))
            assert idle.stop() == 128 + signal.SIGTERM  # and not when the database is back
        finally:
            cluster.start()
        ended = finish(process)
    assert (ended.status, ended.err) == (0, "")
    at.all_made_once("a", 120)
    until(lambda: worker.lines("queue_back"))
    assert len(worker.lines("queue_away")) <= 2  # and not once for each try
    assert at("submit", at.job("more", "a", 5), "--wait").status == 0

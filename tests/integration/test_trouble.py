"""Runs that meet trouble on the way: they wait, stop early, and go on, and nothing is made twice or lost."""

import asyncio
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import pytest

from bulkseg.clock import Clock
from bulkseg.eloqua.sites import load_site
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.pipeline import RunOptions, run
from bulkseg.sandbox import Settings, environment, serve
from bulkseg.sandbox.faults import Fault, FaultKind
from bulkseg.stop import Stop
from tests.integration.provisioned import Provisioned, Quiet, provisioned

LIMITS = """
[source]
path = "s.csv"
[[segment]]
name = "{{ name }}"
[limits]
rate = 500
concurrency = 4
settle = "300ms"
"""


@asynccontextmanager
async def waiting(folder, settings, limits="", rows=12):
    """A sandbox, and a job that has not run yet."""
    (folder / "s.csv").write_text("\n".join(["name", *(f"s {number}" for number in range(rows))]) + "\n")
    job = folder / "job.toml"
    job.write_text(LIMITS + limits)
    async with serve(settings) as sandbox:
        variables = environment(sandbox.url)
        del variables["ELOQUA_BASE_URL"]
        yield Provisioned(sandbox, load_site(None, variables), load_job(job), Quiet())


async def once(made, **options):
    """One run at the job's own rate."""
    return await run(made.job, RunOptions(**options), made.site, observer=made.observer, stop=Stop())


async def test_a_server_that_is_gone_for_a_while_is_waited_for_and_the_run_goes_on(tmp_path):
    database = tmp_path / "sandbox.db"
    async with waiting(tmp_path, Settings(db=database, latency=0.05), rows=40) as made:
        going = asyncio.create_task(once(made))
        while made.sandbox.store.count() < 10:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    port = int(made.sandbox.url.rpartition(":")[2])
    async with serve(Settings(db=database, port=port)) as back:
        summary = await going
        names = [segment.name for segment in back.store.segments()]
        assert (summary.exit, summary.states[State.CREATED]) == (0, 40)
        assert len(names) == len(set(names)) == 40
        assert {"server_silent", "server_back"} <= set(made.observer.notices)


async def test_a_server_that_is_gone_for_too_long_ends_the_run_and_the_next_one_goes_on(tmp_path):
    database = tmp_path / "sandbox.db"
    limits = 'give_up_after = "1s"\n'
    async with waiting(tmp_path, Settings(db=database, latency=0.05), limits, rows=40) as made:
        going = asyncio.create_task(once(made))
        while made.sandbox.store.count() < 10:
            await asyncio.sleep(0.01)
    summary = await going
    assert summary.exit == 3
    assert "give_up_after" in summary.stopped
    port = int(made.sandbox.url.rpartition(":")[2])
    async with serve(Settings(db=database, port=port)) as back:
        assert (await once(made)).states[State.CREATED] == 40
        assert back.store.count() == 40


async def test_more_failures_than_the_job_allows_stop_it_and_the_rest_stays_pending(tmp_path):
    async with waiting(tmp_path, Settings(forbid=1_000), "max_failures = 3\n", rows=60) as made:
        summary = await once(made)
        assert summary.exit == 3
        assert "max_failures" in summary.stopped or "403" in summary.stopped
        assert summary.states[State.PENDING] > 30
        assert made.sandbox.store.count() == 0


async def test_a_run_whose_first_answers_are_all_403_stops(tmp_path):
    async with waiting(tmp_path, Settings(forbid=1_000), 'max_failures = "100%"\n', rows=60) as made:
        summary = await once(made)
        assert summary.exit == 3
        assert "403" in summary.stopped
        assert summary.requests.sent < 20


async def test_a_source_that_is_missing_is_asked_for_once(tmp_path):
    async with provisioned(tmp_path, ["a"]) as made:
        job = tmp_path / "copies.csv"
        job.write_text("name,source_id\n" + "".join(f"c {number},99999\n" for number in range(40)))
        copies = Provisioned(made.sandbox, made.site, load_job(job), made.observer)
        summary = await copies.run(concurrency=4)
        assert summary.states[State.FAILED] == 40
        assert summary.requests.sent < 10
        assert all("99999 does not exist" in row.error for row in copies.rows())


async def test_a_server_that_hangs_is_given_the_time_out_and_its_segments_are_found(tmp_path):
    settings = Settings(faults=(Fault(FaultKind.HANG, 4),))
    async with waiting(tmp_path, settings, 'timeout = "500ms"\n', rows=12) as made:
        summary = await once(made)
        assert (summary.exit, summary.states[State.CREATED]) == (0, 12)
        assert made.sandbox.store.count() == 12
        assert any(row.reconciled for row in made.rows())


async def test_a_connection_that_the_server_has_closed_sends_nothing_twice(tmp_path):
    async with waiting(tmp_path, Settings(keepalive=0.05), rows=6) as made:
        summary = await once(made, rate=8.0)
        assert (summary.exit, made.sandbox.store.count()) == (0, 6)


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0])
async def test_a_clock_that_jumps_in_the_middle_makes_nothing_twice(tmp_path, jump):
    settings = Settings(search_lag=0.6, faults=(Fault(FaultKind.LOST, 3), Fault(FaultKind.CUT, 4)))
    began = time.monotonic()

    def now():
        return time.time() + (jump if time.monotonic() - began > 0.1 else 0.0)

    limits = 'max_attempts = 12\nmax_failures = "100%"\n'
    async with waiting(tmp_path, settings, limits, rows=24) as made:
        options, clock = RunOptions(), Clock(now=now)
        summary = await run(made.job, options, made.site, observer=made.observer, stop=Stop(), clock=clock)
        names = sorted(segment.name for segment in made.sandbox.store.segments())
        assert len(names) == len(set(names))
        assert summary.states[State.CREATED] + summary.states[State.UNKNOWN] == 24


FULL = """
import resource, signal, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from bulkseg.cli import main
sys.argv = ["bulkseg", "run", sys.argv[2], "--json", "--rate", "2000"]
sys.exit(main())
"""


async def test_a_disk_that_fills_up_stops_the_run_and_it_goes_on_when_there_is_room(tmp_path, monkeypatch):
    async with waiting(tmp_path, Settings(), 'max_failures = "100%"\n', rows=1_500) as made:
        for name, value in environment(made.sandbox.url).items():
            if name != "ELOQUA_BASE_URL":
                monkeypatch.setenv(name, value)

        def limited():
            # Room for the merge and some of the run; the write-ahead log grows until it meets the limit.
            command = [sys.executable, "-c", FULL, "900000", str(made.job.path)]
            return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

        ended = await asyncio.to_thread(limited)
        assert ended.returncode == 3, ended.stderr[-2000:]
        assert "Traceback" not in ended.stderr
        monkeypatch.undo()
        summary = await once(made)
        assert summary.states[State.CREATED] == 1_500
        names = [segment.name for segment in made.sandbox.store.segments()]
        assert len(names) == len(set(names)) == 1_500

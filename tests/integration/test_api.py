"""bulkseg from Python, over a real socket: what it gives, what it tells, and that no ending loses an id."""

import asyncio
import shutil
import threading
import time
from collections import Counter

import pandas as pd
import pytest

import bulkseg
from bulkseg import CheckpointBusy, Job, RunOptions, State
from bulkseg.checkpoint import read
from bulkseg.results import COLUMNS
from bulkseg.sandbox import Settings, environment, serve
from tests.integration.commands import ROOT, finish, held, sandbox, script, write_csv, write_job

FAST = RunOptions(rate=500.0)
SLOW = Settings(latency=0.1)
COPIES = """
[source]
path = "s.csv"
[[segment]]
action = "copy"
source_id = "999"
name = "{{ name }}"
[limits]
max_failures = 1
"""


def site_of(server):
    return bulkseg.load_site(environ=environment(server.url))


def held_by(server):
    return {str(asset.id): asset.name for asset in server.store.segments()}


def all_once(server, job, count):
    """Whether the server has each segment of the job once, under the id that is on record."""
    frame = bulkseg.results_frame(job, states=[State.CREATED])
    there = held_by(server)
    return len(there) == count and dict(zip(frame.segment_id, frame.name, strict=True)) == there


async def until(seen):
    async with asyncio.timeout(10):
        while not seen():
            await asyncio.sleep(0.01)


def over():
    """Whether no run goes on in this process."""
    return all(thread.name != "bulkseg" for thread in threading.enumerate())


# --- What it gives --------------------------------------------------------------------------------------


async def test_the_example_is_planned_and_run_and_its_results_are_a_table(tmp_path, capfd):
    left_out = shutil.ignore_patterns("*.checkpoint*")
    job = shutil.copytree(ROOT / "jobs", tmp_path / "jobs", ignore=left_out) / "countries.toml"
    assert bulkseg.plan(str(job)).to_send == 747
    async with serve(Settings()) as server:
        summary = await bulkseg.run(job, site=site_of(server), options=RunOptions(rate=2000, concurrency=32))
        assert (summary.exit, summary.stopped, summary.states[State.CREATED]) == (0, None, 747)
        assert all_once(server, job, 747)
    assert bulkseg.plan(job).to_send == 0
    assert capfd.readouterr() == ("", "")


async def test_a_frame_has_the_columns_of_the_results_with_types_to_reckon_with(tmp_path):
    source = tmp_path / "s.csv"
    source.write_text("name,source_id\na,\nb,999\n")
    async with serve(Settings()) as server:
        assert (await bulkseg.run(source, site=site_of(server), options=FAST)).exit == 1
    frame = bulkseg.results_frame(source)
    assert tuple(frame.columns) == COLUMNS
    assert frame.state.tolist() == ["created", "failed"]
    assert frame.http_status.tolist() == [201, 404]
    assert (frame.line.dtype, frame.segment_id.dtype) == ("Int64", "string")
    assert frame.segment_id.isna().tolist() == [False, True]
    assert (frame.done_at - frame.sent_at).between(pd.Timedelta(0), pd.Timedelta("10s")).all()
    assert bulkseg.results_frame(tmp_path / "s.checkpoint", states=["failed"]).name.tolist() == ["b"]
    assert bulkseg.results_frame(source, states=["unknown"]).dtypes.equals(frame.dtypes)
    with pytest.raises(ValueError, match="lost"):
        bulkseg.results_frame(source, states=["lost"])


async def test_a_job_is_loaded_with_its_vars_and_its_checkpoint_may_lie_elsewhere(tmp_path, place):
    write_csv(tmp_path / "segments.csv", 1)
    write_csv(tmp_path / "others.csv", 2, first=7)
    path = write_job(tmp_path / "job.toml")
    path.write_text(path.read_text().replace("{{ name }}", "{{ name }} {{ q }}") + '[vars]\nq = "Q4"\n')
    job = Job.load(path, vars={"q": "Q1"}, source=tmp_path / "others.csv")
    elsewhere = RunOptions(rate=500.0, checkpoint=place)
    async with serve(Settings()) as server:
        await bulkseg.run(job, site=site_of(server), options=elsewhere)
    made = bulkseg.results_frame(job, options=elsewhere).name
    assert made.tolist() == ["Segment 0007 Q1", "Segment 0008 Q1"]
    with pytest.raises(bulkseg.ConfigError, match="has not been run yet"):
        bulkseg.results_frame(job)


async def test_what_keeps_a_run_from_beginning_is_raised_and_a_run_that_stops_is_told(tmp_path):
    source = tmp_path / "s.csv"
    source.write_text("name\n   \n")
    with pytest.raises(bulkseg.InputError, match=r"s.csv:2"):
        await bulkseg.run(source, site=bulkseg.load_site(environ=environment("http://127.0.0.1:1")))
    job = tmp_path / "copies.toml"
    job.write_text(COPIES)
    source.write_text("name\n" + "".join(f"copy {number}\n" for number in range(9)))
    async with serve(Settings()) as server:
        summary = await bulkseg.run(job, site=site_of(server))
        assert (summary.exit, summary.run) == (3, 1)
        assert "max_failures" in summary.stopped
        refused = environment(server.url) | {"ELOQUA_PASSWORD": "wrong", "ELOQUA_BASE_URL": ""}
        with pytest.raises(bulkseg.SignInRefused):
            await bulkseg.run(job, site=bulkseg.load_site(environ=refused))


async def test_credentials_are_those_of_the_environment_where_no_site_is_given(tmp_path, monkeypatch):
    source = write_csv(tmp_path / "s.csv", 2)
    for name in environment("http://127.0.0.1:1"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(bulkseg.ConfigError, match="ELOQUA_COMPANY"):
        await bulkseg.run(source)
    async with serve(Settings()) as server:
        for name, value in environment(server.url).items():
            monkeypatch.setenv(name, value)
        assert (await bulkseg.run(source)).exit == 0


# --- What it tells --------------------------------------------------------------------------------------


async def test_a_callback_and_an_iterator_are_told_the_same_in_the_words_of_the_log(tmp_path):
    source = tmp_path / "s.csv"
    source.write_text("name,source_id\na,999\nb,998\n")
    async with serve(Settings(latency=0.1)) as server:
        told, heard = [], []
        await bulkseg.run(source, site=site_of(server), options=FAST, on_event=told.append, every=0.05)
        again = RunOptions(rate=500.0, retry_failed=True)
        async with bulkseg.start(source, site=site_of(server), options=again, every=0.05) as ongoing:
            async for event in ongoing:
                heard.append(event)  # noqa: PERF401  # as a user writes it
            summary = await ongoing.summary()
            assert [event async for event in ongoing] == []
    for events in (told, heard):
        names = [event.name for event in events]
        assert (names[0], names[-1]) == ("run_started", "run_ended")
        assert Counter(names)["spec_failed"] == 2
        assert set(names) == {"run_started", "progress", "spec_failed", "run_ended"}
        failed = next(event for event in events if event.name == "spec_failed")
        assert failed.fields.items() >= {"job": "s.csv", "state": "failed", "line": 2}.items()
    assert (told[-1].fields["run"], heard[-1].fields["run"]) == (1, 2)
    assert heard[-1].fields.items() >= summary.document().items()


async def test_a_listener_that_breaks_off_loses_nothing(tmp_path):
    source = write_csv(tmp_path / "s.csv", 30)
    async with serve(Settings()) as server:
        async with bulkseg.start(source, site=site_of(server), options=FAST) as ongoing:
            async for _ in ongoing:
                break
        assert all_once(server, source, 30)
        assert (await ongoing.summary()).exit == 0


async def test_a_caller_that_is_busy_holds_nothing_up(tmp_path):
    source = write_csv(tmp_path / "s.csv", 20)
    with sandbox(cwd=tmp_path) as variables:
        site = bulkseg.load_site(environ=variables)
        async with bulkseg.start(source, site=site, options=FAST):
            deadline = time.monotonic() + 10
            while not over() and time.monotonic() < deadline:
                time.sleep(0.01)  # noqa: ASYNC251  # nothing else can be done in this loop meanwhile
            assert over()
        assert len(held(variables)) == 20


async def test_what_a_listener_raises_stops_the_run_and_comes_out(tmp_path):
    source = write_csv(tmp_path / "s.csv", 60)

    def listen(event):
        raise LookupError(event.name)

    async with serve(Settings(latency=0.05)) as server:
        with pytest.raises(LookupError, match="run_started"):
            await bulkseg.run(source, site=site_of(server), options=FAST, on_event=listen)
        there = len(held_by(server))
        assert there < 60
        assert all_once(server, source, there)


# --- How it ends early ----------------------------------------------------------------------------------


async def test_a_run_that_is_cancelled_records_what_is_under_way_and_the_next_makes_the_rest(tmp_path):
    source = write_csv(tmp_path / "s.csv", 60)
    async with serve(SLOW) as server:
        running = asyncio.create_task(bulkseg.run(source, site=site_of(server), options=FAST))
        await until(lambda: len(held_by(server)) >= 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        there = len(held_by(server))
        assert there < 60
        assert all_once(server, source, there)
        assert bulkseg.results_frame(source, states=["sending"]).empty
        assert (await bulkseg.run(source, site=site_of(server), options=FAST)).exit == 0
        assert all_once(server, source, 60)


async def test_one_that_is_cancelled_twice_ends_at_once_and_loses_nothing_either(tmp_path):
    source = write_csv(tmp_path / "s.csv", 60)

    async def give_up(site):
        began = asyncio.Event()
        at_once = RunOptions(rate=500.0, canary=False, if_exists="ignore")
        work = bulkseg.run(source, site=site, options=at_once, on_event=lambda _: began.set())
        running = asyncio.create_task(work)
        await began.wait()
        await asyncio.sleep(0.2)
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running

    async with serve(Settings(latency=1.0)) as server:
        # In a loop of its own, which is closed by the time that the run has something to tell.
        await asyncio.to_thread(asyncio.run, give_up(site_of(server)))
        assert not over()
        with pytest.raises(CheckpointBusy):
            await bulkseg.run(source, site=site_of(server), options=FAST)
        await until(over)
        there = len(held_by(server))
        assert there < 60
        assert all_once(server, source, there)
    with read(tmp_path / "s.checkpoint") as reader:
        (run,) = reader.runs()
    assert run.summary["states"]["created"] == there


async def test_a_run_that_is_told_to_stop_ends_early_and_says_so(tmp_path):
    source = write_csv(tmp_path / "s.csv", 60)
    async with serve(SLOW) as server:
        async with bulkseg.start(source, site=site_of(server), options=FAST) as ongoing:
            await until(lambda: len(held_by(server)) >= 10)
            ongoing.stop()
        summary = await ongoing.summary()
        assert (summary.exit, summary.stopped) == (3, "called off by the program that began it")
        assert all_once(server, source, summary.states[State.CREATED])
        ongoing.stop()  # as often as one likes


# --- Without an event loop ------------------------------------------------------------------------------


async def test_it_runs_in_a_thread_as_a_schedulers_worker_does(tmp_path):
    source = write_csv(tmp_path / "s.csv", 20)
    told = []

    def work(site):
        here = threading.get_ident()
        return bulkseg.run_sync(
            source,
            site=site,
            options=FAST,
            on_event=lambda event: told.append((event.name, threading.get_ident() == here)),
        )

    async with serve(Settings()) as server:
        summary = await asyncio.to_thread(work, site_of(server))
        assert summary.exit == 0
        assert all_once(server, source, 20)
    assert told == [("run_started", True), ("run_ended", True)]


async def test_where_a_loop_is_running_it_says_what_to_write(tmp_path):
    with pytest.raises(RuntimeError, match="await run"):
        bulkseg.run_sync(write_csv(tmp_path / "s.csv", 1))


INTERRUPTED = """
import os, signal, sys, threading
import bulkseg
from bulkseg import results_frame

before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
seen = []

def interrupt(event):
    seen.append([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
    threading.Timer(0.8, os.kill, (os.getpid(), signal.SIGINT)).start()

try:
    bulkseg.run_sync("s.csv", options=bulkseg.RunOptions(rate=500.0), on_event=interrupt)
except KeyboardInterrupt:
    assert seen == [before]
    assert results_frame("s.csv", states=["sending"]).empty
    sys.exit(len(results_frame("s.csv", states=["created"])))
"""


def test_ctrl_c_comes_out_when_what_is_under_way_is_recorded_and_no_handler_is_touched(tmp_path):
    source = write_csv(tmp_path / "s.csv", 20)
    with sandbox("--latency", "0.2", cwd=tmp_path) as variables:
        ended = finish(script(INTERRUPTED, cwd=tmp_path, site=variables))
        assert (ended.out, ended.err) == ("", "")
        assert 0 < ended.status == len(held(variables)) < 20
        assert bulkseg.run_sync(source, site=bulkseg.load_site(environ=variables), options=FAST).exit == 0
        assert Counter(held(variables).values()) == Counter(f"Segment {n:04}" for n in range(1, 21))

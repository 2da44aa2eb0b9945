"""A run as lines of a log: which ones, when, and what is in them."""

import asyncio

import pytest

from bulkseg.model import Action, Spec
from bulkseg.observe import Tally
from bulkseg.progress.lines import Lines
from bulkseg.progress.ticker import Ticker

SPEC = Spec('["t","a"]', "t", Action.CREATE, "A b", "a b", "", b"{}", "h", "s.csv", 4)


class Log:
    def __init__(self, lines=None, bound=None):
        self.lines = [] if lines is None else lines
        self.bound = bound or {}

    def bind(self, **fields):
        return Log(self.lines, {**self.bound, **fields})

    def info(self, event, **fields):
        self.lines.append({"event": event, **self.bound, **fields})

    debug = info

    def warning(self, event, **fields):
        self.info(event, **fields, warns=True)


async def test_a_run_is_told_from_its_start_to_its_end_each_line_with_job_and_run():
    log = Log()
    lines = Lines(log, monotonic=lambda: 0.0)
    lines.started("nightly", 2, Tally(total=7, allowed=10.0))
    lines.progress()
    lines.failed(SPEC, "failed", "400: name: taken", "r-1")
    lines.notice("throttled", seconds=3)
    lines.ended({"job": "nightly", "run": 2, "exit": 1})
    assert [line["event"] for line in log.lines] == [
        "run_started",
        "progress",
        "spec_failed",
        "throttled",
        "run_ended",
    ]
    assert all((line["job"], line["run"]) == ("nightly", 2) for line in log.lines)
    started, _, failed, throttled, ended = log.lines
    assert started["total"] == 7
    assert failed["key"] == SPEC.key
    assert (failed["source"], failed["line"], failed["name"]) == ("s.csv", 4, "A b")
    assert (failed["state"], failed["error"], failed["request_id"]) == ("failed", "400: name: taken", "r-1")
    assert throttled["seconds"] == 3
    assert ended["exit"] == 1


def test_what_happens_before_a_run_has_begun_is_told_with_the_job():
    log = Log()
    lines = Lines(log)
    lines.checking("nightly", "acme")
    lines.notice("server_silent", error="refused", seconds=0)
    assert [(line["event"], line["job"], line["site"]) for line in log.lines] == [
        ("checking", "nightly", "acme"),
        ("server_silent", "nightly", "acme"),
    ]


async def test_lines_of_progress_come_by_themselves_until_the_end():
    log = Log()
    lines = Lines(log, every=0.005)
    lines.started("nightly", 1, Tally(total=7))
    await asyncio.sleep(0.05)
    lines.ended({"exit": 0})
    told = len(log.lines)
    assert [line["event"] for line in log.lines].count("progress") >= 2
    await asyncio.sleep(0.02)
    assert len(log.lines) == told


@pytest.mark.parametrize(("status", "warns"), [(0, None), (1, True), (3, True), (143, True)])
def test_the_end_is_a_warning_unless_all_is_done(status, warns):
    log = Log()
    Lines(log).ended({"exit": status, "stopped": "sign-in was refused"})
    assert log.lines[-1].get("warns") is warns


def test_a_run_that_never_began_can_be_closed():
    lines = Lines(Log())
    lines.notice("warning", what="stale")
    lines.close()


async def test_a_ticker_that_is_started_twice_ticks_once():
    ticks = []
    ticker = Ticker(0.01, lambda: ticks.append(1))
    ticker.start()
    ticker.start()
    await asyncio.sleep(0.015)
    ticker.stop()
    assert len(ticks) == 1


async def test_a_tick_that_fails_does_not_stop_the_ticker():
    loop = asyncio.get_running_loop()
    errors = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))

    def fail():
        raise OSError("the terminal is gone")

    ticker = Ticker(0.005, fail)
    ticker.start()
    await asyncio.sleep(0.03)
    ticker.stop()
    assert len(errors) > 1
    with pytest.raises(OSError, match="gone"):
        raise errors[0]

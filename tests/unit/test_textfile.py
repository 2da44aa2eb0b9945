"""The file of metrics: what is in it, what it carries on of earlier runs, and what trouble with it does."""

import asyncio
import os
import re
import stat
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bulkseg.cli.ending import Ending, attended
from bulkseg.cli.watchers import Watchers
from bulkseg.errors import ConfigError
from bulkseg.model import State
from bulkseg.observe import Tally
from bulkseg.progress.exposition import Metrics, read, text
from bulkseg.progress.textfile import Textfile
from tests.dispatching import Watching

FULL = Metrics(
    job="nightly",
    site="acme",
    started=1_764_000_000.25,
    ended=1_764_000_100.0,
    exit_status=1.0,
    last_success=1_763_900_000.0,
    allowed=9.5,
    reached=8.25,
    in_flight=3.0,
    specs={"created": 5.0, "failed": 1.0},
    run_specs={"created": 2.0, "open": 1.0},
    requests={"sent": 7.0, "searches": 2.0},
)
NUMBERS = st.floats(min_value=0, max_value=2**53)
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
COUNTS = st.dictionaries(st.text("abc_", min_size=1), NUMBERS)


# --- The text -------------------------------------------------------------------------------------------


@given(
    st.builds(Metrics, job=WORDS, site=WORDS, started=NUMBERS, reached=NUMBERS, specs=COUNTS, requests=COUNTS)
)
def test_what_is_written_is_read_again_as_it_was(metrics):
    assert read(text(metrics).decode()) == metrics


def test_names_and_words_are_as_prometheus_asks_for():
    families = list(text_string_to_metric_families(text(FULL).decode()))
    assert len(families) == 10
    for family in families:
        (kind,) = {sample.name.removeprefix(family.name) for sample in family.samples}
        assert re.fullmatch(r"bulkseg_[a-z_]+[a-z]", family.name)
        assert kind == ("_total" if family.type == "counter" else "")
        assert (family.type == "counter") is (family.name == "bulkseg_requests")
        assert re.fullmatch(r"[A-Z].*\.", family.documentation)
        assert all(sample.labels["job"] == "nightly" for sample in family.samples)


def test_what_there_is_nothing_to_tell_of_is_left_out():
    lines = text(Metrics("nightly", "default", started=1.0)).decode().splitlines()
    assert [line for line in lines if line[0] != "#"] == [
        'bulkseg_run_started_timestamp_seconds{job="nightly",site="default"} 1.0'
    ]


# --- The file -------------------------------------------------------------------------------------------


class Bench:
    """A file, and runs that keep it, on a clock of its own."""

    def __init__(self, folder):
        self.path = folder / "nightly.prom"
        self.beside = Watching()
        self.now = 1_000.0

    def begin(self, **tally):
        self.file = Textfile(
            self.path, "nightly", self.beside, now=lambda: self.now, monotonic=lambda: self.now, every=0.005
        )
        self.file.checking("nightly", "acme")
        self.now += 10.0
        self.tally = Tally(**tally)
        self.file.started("nightly", 1, self.tally)

    def end(self, status, run=1):
        self.now += 10.0
        self.file.ended({})
        self.file.over({"run": run, "exit": status, "states": {State.CREATED: 4, State.FAILED: status}})
        return self.kept

    @property
    def kept(self):
        return read(self.path.read_text())


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


async def test_a_run_is_told_from_its_start_to_its_end(bench):
    bench.begin(total=5, created=1, failed=1, sent=3, searches=2, in_flight=2, allowed=10.0)
    going_on = bench.kept
    assert (going_on.job, going_on.site, going_on.started, going_on.ended) == (
        "nightly",
        "acme",
        1_000.0,
        None,
    )
    assert (going_on.allowed, going_on.in_flight) == (10.0, 2.0)
    assert (going_on.run_specs["open"], going_on.run_specs["created"]) == (3.0, 1.0)
    bench.tally.created, bench.tally.sent = 4, 6
    ended = bench.end(1)
    assert (ended.ended, ended.exit_status, ended.last_success) == (1_020.0, 1.0, None)
    assert (ended.allowed, ended.reached, ended.in_flight) == (None, None, None)
    assert ended.run_specs == {"created": 4, "failed": 1, "unknown": 0, "skipped": 0, "adopted": 0, "open": 0}
    assert ended.specs == {"created": 4.0, "failed": 1.0}
    assert ended.requests == {"sent": 6.0, "searches": 2.0, "throttled": 0.0, "retried": 0.0}


async def test_it_is_written_now_and_then(bench):
    bench.begin(total=5)
    bench.tally.sent = 4
    await asyncio.sleep(0.05)
    assert bench.kept.requests["sent"] == 4.0
    bench.file.close()


async def test_a_later_run_adds_its_requests_and_one_that_fails_keeps_the_last_success(bench):
    for status in (0, 3):
        bench.begin(total=5, sent=3, throttled=1)
        kept = bench.end(status)
    assert (kept.requests["sent"], kept.requests["throttled"]) == (6.0, 2.0)
    assert (kept.last_success, kept.ended, kept.exit_status) == (1_020.0, 1_040.0, 3.0)


async def test_a_run_that_never_began_changes_its_end_alone(bench):
    bench.begin(total=5, sent=3)
    before = bench.end(0)
    bench.now += 60.0
    file = Textfile(bench.path, "another name", bench.beside, now=lambda: bench.now)
    file.over({"run": None, "exit": 2, "states": {State.CREATED: 0}})
    assert (bench.kept.job, bench.kept.site, bench.kept.exit_status) == ("nightly", "acme", 2.0)
    assert (bench.kept.specs, bench.kept.requests) == (before.specs, before.requests)
    assert (bench.kept.last_success, bench.kept.ended) == (1_020.0, 1_080.0)


async def test_another_user_may_read_it_and_nothing_else_is_left(bench):
    before = os.umask(0o077)
    try:
        bench.begin()
        bench.end(0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o644
    assert list(bench.path.parent.iterdir()) == [bench.path]


# --- Trouble --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "why"),
    [("nightly.txt", "end in .prom"), ("no/nightly.prom", "there is no folder"), ("other.prom", "up, which")],
)
def test_a_path_that_cannot_be_meant_is_refused_and_left_as_it_is(tmp_path, name, why):
    (tmp_path / "other.prom").write_text("up 1\n")
    with pytest.raises(ConfigError, match=why):
        Textfile(tmp_path / name, "nightly", Watching())
    assert (tmp_path / "other.prom").read_text() == "up 1\n"


async def test_a_file_that_is_broken_is_told_of_and_begun_anew(bench):
    bench.path.write_text('bulkseg_specs{job="nigh')
    bench.begin()
    assert bench.end(0).exit_status == 0.0
    assert bench.beside.notices == ["metrics_failed"]


async def test_a_file_that_cannot_be_written_is_told_of_once_and_ends_nothing(bench, tmp_path):
    bench.path = tmp_path / "folder" / "nightly.prom"
    bench.path.parent.mkdir()
    bench.begin()
    bench.path.unlink()
    bench.path.parent.rmdir()
    await asyncio.sleep(0.02)
    bench.file.over({"run": 1, "exit": 0, "states": {}})
    assert bench.beside.notices == ["metrics_failed"]
    bench.file.close()


def test_without_the_package_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bulkseg.progress.textfile", None)
    with pytest.raises(ConfigError, match=r"bulkseg\[metrics\]"):
        attended(Ending(dict), Watching(), tmp_path / "j.toml", on_done=None, metrics=tmp_path / "m.prom")


def test_of_several_who_watch_each_is_told():
    both = Watching(), Watching()
    watchers = Watchers(*both)
    watchers.notice("server_back")
    assert [one.notices for one in both] == [["server_back"]] * 2

"""What a fleet decides without a database: names, what goes through the queue, what is worth waiting for."""

import asyncio
import json
from datetime import UTC, datetime

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from bulkseg.errors import CheckpointError, ConfigError, StorageFull
from bulkseg.fleet import engine
from bulkseg.fleet.engine import Patience, conninfo, is_away
from bulkseg.fleet.order import Order, Wishes, name_of, order
from bulkseg.fleet.records import End
from bulkseg.fleet.status import document
from bulkseg.fleet.terms import Terms
from bulkseg.job import load_job
from bulkseg.location import Database

JOB = """
[job]
{job}
[source]
path = "x.csv"
[vars]
quarter = "Q4"
[[segment]]
name = "{{{{ name }}}}"
"""


def written(folder, job=""):
    path = folder / "nightly.toml"
    path.write_text(JOB.format(job=job))
    return path


@pytest.mark.parametrize(
    ("job", "name"),
    [
        ("", "nightly"),
        ('name = "regional"', "regional"),
        ('checkpoint = "{{ quarter }}.checkpoint"', "Q4"),
        ('checkpoint = "kept/x.checkpoint"', "x"),
        ('checkpoint = "postgresql://db/x"', "nightly"),
        ('checkpoint = "postgresql://db/x#other"', "other"),
    ],
)
def test_a_job_is_named_after_its_checkpoint(tmp_path, job, name):
    assert name_of(load_job(written(tmp_path, job))) == name


def test_a_bare_data_file_is_named_as_its_job_is(tmp_path):
    (tmp_path / "s.csv").write_text("name\nA\n")
    assert name_of(load_job(tmp_path / "s.csv")) == "s.csv"


def test_an_order_goes_through_the_queue_as_json(tmp_path, monkeypatch):
    path = written(tmp_path, 'site = "acme"')
    monkeypatch.chdir(tmp_path)
    ordered = order("nightly.toml", "y.csv", {"quarter": "Q1"}, Wishes(rate=5.0, redo=True))
    assert (ordered.site, ordered.file, ordered.source) == ("acme", str(path), str(tmp_path / "y.csv"))
    assert Order.of(json.loads(json.dumps(ordered.document()))) == ordered
    assert dict(ordered.job().vars) == {"quarter": "Q1"}


@pytest.mark.parametrize("given", ["-", "s3://user:secret@bucket/x.toml"])
def test_what_a_worker_cannot_read_or_may_not_be_told_is_no_order(given):
    with pytest.raises(ConfigError) as refused:
        order(given, None, {})
    assert "secret" not in str(refused.value)


def test_an_order_of_another_version_is_refused_in_words():
    with pytest.raises(ConfigError, match="another version of bulkseg"):
        Order.of({"name": "x", "wishes": {"unheard_of": True}})


def test_what_failed_before_is_taken_up_once_and_not_again_by_who_goes_on(tmp_path):
    ordered = order(str(written(tmp_path)), None, {}, Wishes(retry_failed=True, redo=True, rate=5.0))
    database = Database("postgresql://db/fleet")
    first, later = ordered.options(database), ordered.options(database, again=True)
    assert (first.retry_failed, first.redo, later.retry_failed, later.redo) == (True, True, False, False)
    assert later.rate == 5.0
    assert str(later.checkpoint) == "postgresql://db/fleet#nightly"


def test_who_submits_a_job_does_not_choose_where_a_worker_takes_its_password_to(tmp_path):
    ordered = order(str(written(tmp_path, 'checkpoint = "postgresql://elsewhere/x#mine"')), None, {})
    assert str(ordered.options(Database("postgresql://db/fleet")).checkpoint) == "postgresql://db/fleet#mine"


def test_the_terms_are_what_a_test_says_and_else_the_usual():
    assert Terms.of({}) == Terms()
    assert Terms.of({"BULKSEG_FLEET_TERMS": "beat=0.5,lease=2"}) == Terms(beat=0.5, lease=2.0)


def test_an_address_keeps_what_it_says_of_the_connection():
    told = conninfo(Database("postgresql://u@h/d?connect_timeout=60"))
    assert ("connect_timeout=60" in told, "keepalives_idle=5" in told) == (True, True)


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.AdminShutdown("going down"), True),
        (psycopg.errors.DiskFull("no space"), False),
        (psycopg.errors.UndefinedTable("no table"), False),
        (caused(ConnectorException(), psycopg.OperationalError("gone")), True),
        (caused(StorageFull("x"), caused(CheckpointError("y"), psycopg.OperationalError("gone"))), True),
        (StorageFull("x"), False),
    ],
)
def test_a_database_that_is_away_is_told_from_one_that_says_no(error, away):
    assert is_away(error) is away


class Failing:
    """Fails so often, and then gives a word."""

    def __init__(self, *errors):
        self.errors = list(errors)

    async def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        return "there"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(engine, "_WAITS", (0.0,))


async def test_a_statement_waits_for_the_database_and_one_that_is_wrong_does_not():
    gone, full = psycopg.OperationalError("gone"), psycopg.errors.DiskFull("no space")
    patience = Patience()
    before = patience.sound_since
    assert await patience.over(Failing(gone, full, gone)) == "there"
    assert patience.sound_since > before
    with pytest.raises(psycopg.errors.UndefinedTable):
        await patience.over(Failing(psycopg.errors.UndefinedTable()))


async def test_whoever_is_in_a_hurry_waits_no_longer():
    patience = Patience()
    waiting = asyncio.create_task(patience.over(Failing(*(psycopg.OperationalError("gone"),) * 10**6)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    patience.seconds = 0.0
    with pytest.raises(psycopg.OperationalError):
        await waiting


@pytest.mark.parametrize(
    ("end", "status"),
    [(End(0), "succeeded"), (End(1), "failed"), (End(3, cancelled=True), "aborted")],
)
def test_an_end_has_a_word_of_the_queues_own(end, status):
    assert end.status.value == status


class Rows:
    """A connection that knows these jobs and no worker."""

    def __init__(self, *jobs):
        self.answers = [[], list(jobs)]

    def execute(self, _query):
        return self

    def fetchall(self):
        return self.answers.pop(0)


ROW = {
    "job": "nightly",
    "site": "acme",
    "status": "todo",
    "abort_requested": False,
    "worker": "w-1",
    "submitted_at": datetime(2026, 1, 1, tzinfo=UTC),
    "started_at": None,
    "ended_at": None,
    "progress": None,
    "note": None,
    "summary": None,
    "exit": None,
    "stopped": None,
}
STARTED, ENDED = (datetime(2026, 1, day, tzinfo=UTC) for day in (2, 3))
PROGRESS = {"total": 10, "done": 4, "in_flight": 1, "failed": 1, "unknown": 1, "reached": 9.5}


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({}, {"state": "queued", "since": "2026-01-01T00:00:00+00:00", "worker": None, "done": None}),
        ({"started_at": STARTED, "note": "held"}, {"state": "waiting", "why": "held", "worker": None}),
        (
            {"status": "doing", "started_at": STARTED, "progress": PROGRESS},
            {"state": "running", "worker": "w-1", "done": 4, "failed": 2, "waiting": 5, "rate": 9.5},
        ),
        ({"status": "doing", "abort_requested": True, "started_at": STARTED}, {"state": "stopping"}),
        (
            {"status": "failed", "ended_at": ENDED, "exit": 2, "stopped": "wrong"},
            {
                "state": "ended",
                "since": "2026-01-03T00:00:00+00:00",
                "exit": 2,
                "why": "wrong",
                "worker": None,
            },
        ),
    ],
)
def test_the_state_of_a_job_is_told_in_one_word(row, shown):
    ((job,), workers) = document(Rows({**ROW, **row}), Terms()).values()
    assert {name: job[name] for name in shown} == shown
    assert workers == []

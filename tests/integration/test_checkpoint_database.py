"""A checkpoint in PostgreSQL: who holds it, what a late holder may do, and a server that goes and comes."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date

import psutil
import psycopg
import pytest

from bulkseg.checkpoint import SpecRow, Terms, put_aside, read
from bulkseg.checkpoint.schema import VERSION
from bulkseg.errors import CheckpointBusy, CheckpointError, CheckpointLost, StorageFull
from bulkseg.location import located
from bulkseg.model import Intent, Record, State
from tests import cluster as clusters
from tests.checkpoints import NOW, created, ids, opened, source, take_in

pytestmark = pytest.mark.needs("pg_ctl")

SHORT = Terms(lease=0.2, patience=20.0)


@pytest.fixture
def database(cluster, request):
    return located(f"{cluster.url}#{request.node.name}")


def sql(database, statement: str, *values):
    with closing(psycopg.connect(database.url, autocommit=True)) as connection:
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def rows(place) -> list[SpecRow]:
    with read(place) as reader:
        return list(reader.specs())


# --- Who holds it ---------------------------------------------------------------------------------------

HOLD = """
import sys, time
from bulkseg.location import located
from tests.checkpoints import opened
checkpoint = opened(located(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def held_elsewhere(database) -> Iterator[subprocess.Popen[str]]:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, f"{database.url}#{database.name}"], stdout=subprocess.PIPE, text=True
    )
    with other:
        try:
            assert other.stdout.readline() == "held\n"
            yield other
        finally:
            other.kill()


def test_a_second_process_is_told_who_holds_it_and_one_that_was_killed_holds_nothing(database):
    with held_elsewhere(database) as other:
        with pytest.raises(CheckpointBusy) as busy:
            opened(database)
        assert f"process {other.pid} on {socket.gethostname()}, since " in str(busy.value)
        assert busy.value.exit_status == 4
        other.kill()
        other.wait()
    with opened(database) as checkpoint:
        assert checkpoint.facts.cut_off_until() is None  # what is dead sends nothing


def test_a_process_that_stands_still_holds_it_as_long_as_its_lease(database):
    with held_elsewhere(database) as other:
        other.send_signal(signal.SIGSTOP)
        with pytest.raises(CheckpointBusy):
            opened(database)
        sql(database, "UPDATE bulkseg.checkpoint SET expires_at = now() - interval '1 s' WHERE name = %s",
            database.name)  # fmt: skip
        began = time.monotonic()
        with opened(database, terms=Terms(monotonic=time.monotonic)) as checkpoint:
            assert began + 30.0 <= checkpoint.facts.cut_off_until() <= time.monotonic() + 30.0
        with opened(database) as again:  # given back cleanly; and what was cut off is not forgotten for that
            assert again.facts.cut_off_until() is not None


def test_a_lease_is_renewed_as_long_as_the_process_lives(database):
    with opened(database, terms=SHORT) as checkpoint:
        time.sleep(0.5)
        assert checkpoint.may_send()
        with pytest.raises(CheckpointBusy):
            opened(database)


async def test_a_late_holder_may_send_nothing_and_record_nothing_but_ids(database):
    late = opened(database, terms=SHORT)
    take_in(late, source("abcd"))
    late.begin_run(NOW, date(2026, 1, 1))
    await late.intend([Intent(number, 1, NOW) for number in (1, 2)])
    late._lease.end()  # it stands still
    await asyncio.sleep(0.25)
    assert not late.may_send()
    with opened(database, terms=SHORT) as successor:
        with pytest.raises(CheckpointLost, match="taken over by another process") as lost:
            await late.intend([Intent(3, 1, NOW)])
        assert lost.value.exit_status == 4
        with pytest.raises(CheckpointLost):
            await late.record([created(1, "17"), Record(2, State.PENDING, 0, NOW)])
        await late.record([created(4, "18")])
        for write in (lambda: late.warn(1, "x"), lambda: late.begin_run(NOW, date(2026, 1, 1))):
            with pytest.raises(CheckpointLost):
                write()
        states = {row.key: (row.state, row.segment_id) for row in rows(database)}
        assert states == {
            "a": (State.CREATED, "17"),
            "b": (State.SENDING, None),
            "c": (State.PENDING, None),
            "d": (State.CREATED, "18"),
        }
        assert [record.segment_id for record in successor.facts.answered([1, 2, 3])] == ["17"]
        late.close()
        assert successor.may_send()
        with pytest.raises(CheckpointBusy):  # what a late one lets go of is not another's lease
            opened(database)


async def test_a_holder_that_stands_still_in_the_middle_of_a_transaction_is_in_nobodys_way(database):
    late = opened(database, terms=Terms(lease=0.2, patience=5.0))
    take_in(late, source("ab"))
    late._own.execute("BEGIN")
    late._own.execute("SELECT FROM bulkseg.checkpoint FOR KEY SHARE")
    late._lease.end()
    await asyncio.sleep(0.25)
    began = time.monotonic()
    with opened(database):
        assert time.monotonic() - began < 5.0
        await late.record([created(1, "17")])  # by a new connection
    assert rows(database)[0].segment_id == "17"
    late.close()


def test_many_that_begin_at_once_in_an_empty_database_do_not_collide(cluster):
    sql(located(cluster.url), "CREATE DATABASE fresh")
    url = cluster.url.replace("/postgres?", "/fresh?")

    def open_one(number: int) -> str:
        try:
            with opened(located(f"{url}#{number % 3}")) as checkpoint:
                take_in(checkpoint, source("ab"))
                time.sleep(0.2)
                return "held"
        except CheckpointBusy:
            return "busy"

    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(open_one, range(6)))
    assert sorted(told) == ["busy"] * 3 + ["held"] * 3
    assert sql(located(url), "SELECT count(*) FROM bulkseg.checkpoint") == [(3,)]


# --- Names, versions, and what cannot be used -----------------------------------------------------------


def test_what_is_put_aside_keeps_its_content_under_another_name(database):
    with opened(database) as checkpoint:
        take_in(checkpoint, source("abc"))
        with pytest.raises(CheckpointBusy):
            put_aside(database, job="nightly", now=NOW)
    aside = put_aside(database, job="nightly", now=NOW)
    assert aside.name == f"{database.name}.20251009T085320.000000Z.old"
    with read(aside) as reader:
        assert reader.meta.specs == 3
    with opened(database) as checkpoint:
        assert checkpoint.count_open() == 0
    with pytest.raises(CheckpointError, match="is there already"):
        put_aside(database, job="nightly", now=NOW)
    with pytest.raises(CheckpointError, match="checkpoint of the job nightly, not of other"):
        put_aside(database, job="other", now=NOW)


def test_an_older_version_is_brought_forward_and_one_that_fails_half_way_changes_nothing(database):
    with opened(database) as checkpoint:
        take_in(checkpoint, source("abc"))
    sql(database, "UPDATE bulkseg.checkpoint SET version = 0 WHERE name = %s", database.name)
    with pytest.raises(CheckpointError, match="by an older bulkseg"):
        read(database)
    with pytest.raises(CheckpointError):
        opened(database, migrations={0: ["DROP TABLE stood", "DROP TABLE not_there"]})
    with opened(database, migrations={0: ["ALTER TABLE run ADD COLUMN more REAL"]}) as checkpoint:
        assert checkpoint.migrated_from == 0
        assert set(ids(checkpoint)) == set("abc")
    with opened(database) as checkpoint:
        assert checkpoint.migrated_from is None


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE bulkseg.checkpoint SET version = {newer} WHERE id = {id}", "made by a newer bulkseg"),
        ("UPDATE bulkseg.checkpoint SET job = 'other' WHERE id = {id}", "of the job other, not of nightly"),
        ("DROP TABLE bulkseg_{id}.spec", "is damaged"),
        ("DROP SCHEMA bulkseg_{id} CASCADE", "is damaged"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nobody_holds_it(database, statement, message):
    opened(database).close()
    ((number,),) = sql(database, "SELECT id FROM bulkseg.checkpoint WHERE name = %s", database.name)
    sql(database, statement.format(id=number, newer=VERSION + 1))
    with pytest.raises(CheckpointError, match=message) as refused:
        opened(database)
    assert refused.value.exit_status == 2
    free = sql(database, "SELECT expires_at IS NULL FROM bulkseg.checkpoint WHERE id = %s", number)
    assert free == [(True,)]


def test_an_address_without_a_name_is_the_only_one_there_or_the_names_are_told(cluster):
    sql(located(cluster.url), "CREATE DATABASE lonely")
    plain = located(cluster.url.replace("/postgres?", "/lonely?"))
    with pytest.raises(CheckpointError, match="there is no checkpoint here"):
        read(plain)
    opened(plain).close()
    with read(plain) as reader:
        assert reader.meta.job == "nightly"
    opened(replace(plain, name="second")).close()
    with pytest.raises(CheckpointError, match="add #NAME; the checkpoints there are: nightly, second"):
        read(plain)


def test_a_database_in_another_encoding_is_refused(cluster):
    sql(located(cluster.url), "CREATE DATABASE old ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(CheckpointError, match="encoding LATIN1; a checkpoint needs UTF8"):
        opened(located(cluster.url.replace("/postgres?", "/old?")))


def test_a_database_that_is_not_there_is_told_without_the_password():
    secret = "hunter2-hunter2"
    with pytest.raises(CheckpointError, match="cannot be reached") as refused:
        opened(located(f"postgresql://u:{secret}@127.0.0.1:1/db"))
    assert secret not in str(refused.value)


def test_without_the_extra_it_is_told_how_to_get_it():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from bulkseg.checkpoint import read; from bulkseg.errors import ConfigError\n"
        "from bulkseg.location import located\n"
        "try: read(located('postgresql://h/db'))\n"
        "except ConfigError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "a checkpoint in PostgreSQL needs more: pip install 'bulkseg[fleet]'\n"


async def test_what_a_text_of_the_database_cannot_hold_costs_no_id(database):
    with opened(database) as checkpoint:
        take_in(checkpoint, source("a"))
        await checkpoint.record([created(1, "17", warning="a\0b \\u0000")])
        (row,) = rows(database)
        assert (row.segment_id, row.warning) == ("17", "a\ufffdb \\u0000")


async def test_a_disk_that_is_full_is_told_as_such_and_the_writer_lives_on(database):
    with opened(database) as checkpoint:
        take_in(checkpoint, source("ab"))
        ((number,),) = sql(database, "SELECT id FROM bulkseg.checkpoint WHERE name = %s", database.name)
        sql(
            database,
            f"""
            CREATE FUNCTION bulkseg_{number}.full() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
            CREATE TRIGGER full_disk BEFORE UPDATE ON bulkseg_{number}.spec
            FOR EACH ROW EXECUTE FUNCTION bulkseg_{number}.full()""",
        )
        with pytest.raises(StorageFull, match=r"could not be written \(No space left on device\)"):
            await checkpoint.record([created(1, "17")])
        sql(database, f"DROP TRIGGER full_disk ON bulkseg_{number}.spec")
        await checkpoint.record([created(1, "17")])
    assert rows(database)[0].segment_id == "17"


# --- A server that goes and comes -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_cluster():
    with clusters.running() as cluster:
        yield cluster


@pytest.fixture
def restarting(own_cluster):
    yield own_cluster
    if not (own_cluster.folder / "data" / "postmaster.pid").exists():
        own_cluster.start()


async def test_a_server_that_is_restarted_is_waited_for_and_nothing_is_lost_or_doubled(restarting):
    place = located(f"{restarting.url}#restarted")
    with opened(place, terms=Terms(patience=20.0)) as checkpoint:
        take_in(checkpoint, source("abcdefgh"))
        number = checkpoint.begin_run(NOW, date(2026, 1, 1))
        await checkpoint.intend([Intent(1, 1, NOW)])
        restarting.stop()
        writing = asyncio.gather(
            checkpoint.record([created(1, "17")]), checkpoint.intend([Intent(2, 1, NOW), Intent(3, 1, NOW)])
        )
        await asyncio.sleep(0.1)
        assert not writing.done()
        await asyncio.to_thread(restarting.start)
        await writing
        assert checkpoint.facts.us(number) is None
        checkpoint.warn(1, "odd")
        assert [one.key for one in checkpoint.open_specs(0, 9)] == list("defgh")
        checkpoint.end_run(number, {"exit": 0}, NOW)
    row = next(row for row in rows(place) if row.key == "a")
    assert (row.state, row.segment_id, row.warning) == (State.CREATED, "17", "odd")


async def test_a_server_that_stays_away_fails_what_waits_and_can_be_written_to_later(restarting):
    place = located(f"{restarting.url}#away")
    with opened(place, terms=Terms(patience=0.3)) as checkpoint:
        take_in(checkpoint, source("ab"))
        restarting.stop()
        with pytest.raises(StorageFull, match=r"cannot be reached .*; what was recorded before is safe"):
            await checkpoint.record([created(1, "17")])
        restarting.start()
        await checkpoint.record([created(1, "17")])
        assert checkpoint.counts()[State.CREATED] == 1


async def test_connections_that_are_cut_in_the_middle_of_commits_lose_nothing(restarting):
    """The commit that was under way may have been done or not: it is done again, and changes nothing more."""
    place = located(f"{restarting.url}#cut")
    keys = [f"{number:03}" for number in range(200)]
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE '%%pg_temp.work_off%%' AND pid <> pg_backend_pid()"
    )
    with opened(place, terms=Terms(patience=20.0)) as checkpoint:
        take_in(checkpoint, source(keys))

        async def one(number: int) -> None:
            await checkpoint.intend([Intent(number, 1, NOW)])
            await checkpoint.record([created(number, str(1000 + number))])

        for first in range(1, 201, 20):
            working = asyncio.gather(*(one(number) for number in range(first, first + 20)))
            await asyncio.to_thread(sql, place, cut)
            await working
        assert checkpoint.counts()[State.CREATED] == 200
    assert {row.segment_id for row in rows(place)} == {str(1001 + number) for number in range(200)}


def test_the_tests_leave_no_server_behind():
    with clusters.running() as cluster:
        pid = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
    assert not cluster.folder.exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

"""The table of tokens, over a real PostgreSQL: one chain for all workers, each token spent once."""

import asyncio
import json
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import psycopg
import pytest
from pydantic import SecretStr

from bulkseg.clock import Clock
from bulkseg.eloqua.auth import TokenAuth
from bulkseg.eloqua.sites import load_worker_site
from bulkseg.eloqua.tokens import Tokens
from bulkseg.eloqua.tokentable import TABLES, TokenTable
from bulkseg.errors import ConfigError, ServerGone, SignInRefused, StorageFull
from bulkseg.location import Database
from bulkseg.sandbox import token_environment
from tests.integration.commands import ROOT, finish, script
from tests.integration.signing_in import place
from tests.unit.aioresponse import LOGIN, oauth
from tests.unit.test_eloqua_auth import LOST, NO_PASSWORD, SPENT, Server, Time
from tests.virtual import VirtualTime

pytestmark = pytest.mark.needs("pg_ctl")
KEPT = Tokens(
    "client", LOGIN, refresh="refresh-0", access="access-0", good_until=5.5, seed="d", password_at=1.0
)
# So long the one who comes next waits for a token that may be on its way, in seconds.
SPENDING = 0.5
_names = count()

# A worker that has the chain, and goes on holding it: by then its token is on its way, or not yet.
HOLDS = """
import asyncio, sys
from bulkseg.clock import Clock
from bulkseg.eloqua.tokens import Tokens
from bulkseg.eloqua.tokentable import TokenTable
from bulkseg.location import Database

async def main(url, site, client, login, spends):
    table = TokenTable(Database(url), site, client, login, spending=0.5)
    async with table.held(Clock()):
        if spends == "spends":
            table.ready(table.read())
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""
SIGNS_IN = """
import asyncio
from bulkseg.eloqua.client import connect
from bulkseg.eloqua.sites import load_worker_site
from bulkseg.location import Database

async def main():
    async with connect(load_worker_site(None, Database({url!r})), timeout=30, concurrency=1) as server:
        print((await server.check()).user_name)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def database(cluster):
    with psycopg.connect(cluster.url, autocommit=True) as raw:
        for statement in TABLES:
            raw.execute(statement)
    return Database(cluster.url)


@pytest.fixture
def name():
    return f"site-{next(_names)}"


@pytest.fixture
def table(database, name):
    return TokenTable(database, name, "client", LOGIN, spending=SPENDING, patience=1.0)


async def kept(table):
    async with table.held(Clock()):
        return await asyncio.to_thread(table.read)


async def put(table, tokens=KEPT):
    async with table.held(Clock()):
        await asyncio.to_thread(table.write, tokens)


def cut(table):
    """Its connection breaks, and it has not noticed."""
    with psycopg.connect(table._database.url, autocommit=True) as raw:
        raw.execute("SELECT pg_terminate_backend(%s)", (table._connection.info.backend_pid,))


@contextmanager
def holder(table, spends="waits"):
    """Another process that holds the chain."""
    command = [HOLDS, table._database.url, *table._chain.values(), spends]
    process = script_with(*command)
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def script_with(code, *arguments):
    return script(f"import sys; sys.argv[1:] = {list(arguments)!r}\n{code}", cwd=ROOT)


def auth(server, table, clock, monkeypatch, where=NO_PASSWORD):
    monkeypatch.setattr("bulkseg.eloqua.auth.store_of", lambda *_: table)
    return TokenAuth(where, oauth(refresh_token=SecretStr("refresh-0")), server, clock)


async def shown(one):
    return (await one.headers())["Authorization"]


# --- Kept -----------------------------------------------------------------------------------------------


async def test_what_was_written_is_read_again_and_each_chain_is_its_own(database, name, table):
    assert await kept(table) is None
    await put(table)
    assert await kept(table) == KEPT
    assert await kept(TokenTable(database, name, "client", "https://other.test")) is None


async def test_the_first_use_takes_the_given_token_over_and_the_next_is_there_for_all(table, monkeypatch):
    server = Server()
    assert await shown(auth(server, table, Time().clock(), monkeypatch)) == "Bearer access-1"
    assert await shown(auth(server, table, Time().clock(), monkeypatch)) == "Bearer access-1"
    assert (server.spent, (await kept(table)).refresh) == (["refresh-0"], "refresh-1")


async def test_a_rotation_whose_answer_was_lost_is_asked_for_once_more(table, monkeypatch):
    server = Server([LOST])
    assert await shown(auth(server, table, Time().clock(), monkeypatch)) == "Bearer access-2"
    assert (server.spent, (await kept(table)).refresh) == (["refresh-0"] * 2, "refresh-2")
    server = Server([LOST, LOST])
    await put(table, replace(KEPT, access=""))
    with pytest.raises(SignInRefused, match=r"twice, to a refresh token that is good once"):
        await shown(auth(server, table, Time().clock(), monkeypatch))
    assert (await kept(table)).refresh == "refresh-0"


async def test_what_is_damaged_or_missing_is_told_without_a_secret(database, name, table):
    await put(table)
    with psycopg.connect(database.url, autocommit=True) as raw:
        raw.execute(
            'UPDATE bulkseg.token SET document = \'{"refresh": "refresh-0"}\' WHERE site = %s', (name,)
        )
    with pytest.raises(SignInRefused, match=f"the table of tokens .* \\(site {name}\\) is damaged") as told:
        await kept(table)
    assert "refresh-0" not in f"{told.value} {table!s} {table!r}"
    elsewhere = TokenTable(Database(database.url.replace("/postgres?", "/template1?")), name, "client", LOGIN)
    with pytest.raises(ConfigError, match="make it with `bulkseg fleet init`"):
        await kept(elsewhere)
    with pytest.raises(ServerGone, match="cannot be used for now"):
        await kept(TokenTable(Database("postgresql://bulkseg@127.0.0.1:1/none"), name, "client", LOGIN))


async def test_a_worker_with_nothing_to_begin_with_is_told_what_to_set(database, name):
    environ = {"ELOQUA_CLIENT_ID": "client", "ELOQUA_CLIENT_SECRET": "client-secret"}
    where = load_worker_site(None, database, environ)
    one = TokenAuth(replace(where, name=name), where.oauth, Server(), Time().clock())
    with pytest.raises(SignInRefused, match=r"nothing is kept in .*: set ELOQUA__SITE_.*__REFRESH_TOKEN"):
        await one.headers()


# --- One process at a time ------------------------------------------------------------------------------


async def test_two_processes_that_race_for_one_chain_spend_its_token_once(tmp_path, database):
    async with place(tmp_path) as there:
        environ = token_environment(there.sandbox)
        code = SIGNS_IN.format(url=database.url)
        racing = [script(code, cwd=tmp_path, site=environ) for _ in range(2)]
        ended = await asyncio.gather(*(asyncio.to_thread(finish, process) for process in racing))
        assert [one.status for one in ended] == [0, 0], ended
        assert there.sandbox.oauth.asked == ["refresh_token"]


async def test_a_process_that_is_killed_lets_go(table):
    await put(table)
    with holder(table) as process:
        process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(kept(table), 5) == KEPT


async def test_a_token_that_may_be_on_its_way_is_waited_for(table):
    await put(table)
    with holder(table, "spends") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed_at = time.monotonic()
        assert await asyncio.wait_for(kept(table), 5) == KEPT
        assert time.monotonic() - killed_at >= SPENDING / 2


async def test_who_ends_without_a_new_token_keeps_nobody_waiting(database, name):
    table = TokenTable(database, name, "client", LOGIN)
    await put(table)
    async with table.held(Clock()):
        table.ready(KEPT)
    assert await asyncio.wait_for(kept(table), 5) == KEPT


async def test_a_process_that_stands_still_keeps_it_and_nobody_else_spends_its_token(table, monkeypatch):
    await put(table)
    with holder(table) as process:
        process.send_signal(signal.SIGSTOP)
        server = Server()
        with pytest.raises(SignInRefused, match="another process has held the table of tokens"):
            await shown(auth(server, table, VirtualTime().clock(), monkeypatch))
        assert server.forms == []


# --- A connection that breaks ---------------------------------------------------------------------------


async def test_a_token_is_not_spent_when_the_connection_is_gone(table, monkeypatch):
    await put(table, replace(KEPT, access=""))
    server, read = Server(), table.read

    def read_and_cut():
        found = read()
        cut(table)
        return found

    monkeypatch.setattr(table, "read", read_and_cut)
    one = auth(server, table, Time().clock(), monkeypatch)
    with pytest.raises(ServerGone, match="cannot be used for now"):
        await shown(one)
    assert server.forms == []
    monkeypatch.setattr(table, "read", read)
    assert await shown(one) == "Bearer access-1"


async def test_a_token_that_comes_after_the_connection_broke_is_written_all_the_same(table, monkeypatch):
    server = Server(answering=lambda: cut(table))
    assert await shown(auth(server, table, Time().clock(), monkeypatch)) == "Bearer access-1"
    assert (await kept(table)).refresh == "refresh-1"


async def test_what_another_has_put_there_meanwhile_stays(database, name, table):
    await put(table)
    async with table.held(Clock()):
        table.ready(KEPT)
        cut(table)
        other = TokenTable(database, name, "client", LOGIN, spending=SPENDING)
        await put(other, replace(KEPT, refresh="newer"))
        table.write(replace(KEPT, refresh="late"))
    assert (await kept(table)).refresh == "newer"


async def test_who_is_refused_takes_what_another_brought_meanwhile(database, name, table, monkeypatch):
    await put(table, replace(KEPT, access="", seed=""))
    late = TokenTable(database, name, "client", LOGIN)
    late._seen = "refresh-0"  # it has lost its hold, and its answer comes now

    def answering():
        late.write(replace(KEPT, refresh="refresh-9", access="access-9", good_until=1e12))

    server = Server([SPENT], answering=answering)
    monkeypatch.setattr("bulkseg.eloqua.auth.store_of", lambda *_: table)
    one = TokenAuth(NO_PASSWORD, oauth(), server, Time().clock())
    assert await shown(one) == "Bearer access-9"
    assert (server.spent, (await kept(table)).refresh) == (["refresh-0"], "refresh-9")


async def test_a_database_that_stays_away_is_told(table):
    async with table.held(Clock()):
        cut(table)
        table._database = Database("postgresql://bulkseg@127.0.0.1:1/none")
        with pytest.raises(StorageFull, match=r"cannot be written: .*give a new one"):
            await asyncio.to_thread(table.write, KEPT)


def test_the_kept_document_is_that_of_the_file(database, name, table):
    asyncio.run(put(table))
    with psycopg.connect(database.url) as raw:
        ((document,),) = raw.execute("SELECT document::text FROM bulkseg.token WHERE site = %s", (name,))
    assert Tokens(**json.loads(document)) == KEPT

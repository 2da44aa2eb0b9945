"""No secret in any file, any output or any traceback of runs that fail; not as it is, and not in base64."""

import asyncio
import base64
import json
import subprocess
import sys

import orjson
import pytest

from tests.integration.commands import Ended, environment, write_csv
from tests.integration.signing_in import everything, place, shows
from tests.integration.wire import answers, http, wire

# The command, but it crashes in the middle with all that it knows in the words of the exception.
CRASHING = """
import logging, sys
from bulkseg.eloqua.transport import Transport

real, left = Transport.request, int(sys.argv.pop(1))

async def request(self, method, url, headers, body=None):
    global left
    if method == "POST":
        left -= 1
    if left < 0:
        logging.getLogger("aiohttp").error("sent %s", dict(headers), exc_info=ValueError(headers, body))
        raise RuntimeError(f"crashed with {headers} and {body}, from {self}")
    return await real(self, method, url, headers, body)

Transport.request = request
from bulkseg.cli import main
sys.exit(main())
"""
PASSWORD = "correct/Horse+battery9"  # of nobody


def crash(there, site, *, after):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CRASHING, str(after), "run", "s.csv", "--log-level", "debug"],
        cwd=there.folder,
        env=environment(site),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def none_shown(looked_at, *secrets):
    assert all(secrets)
    assert [
        (name, secret) for name, content in looked_at.items() for secret in secrets if shows(content, secret)
    ] == []


@pytest.mark.parametrize("after", [0, 5])
async def test_a_crash_with_an_access_token_shows_no_secret(tmp_path, after):
    write_csv(tmp_path / "s.csv", 20)
    async with place(tmp_path) as there:
        site = there.by_token
        ended = await asyncio.to_thread(crash, there, site, after=after)
    assert ended.status == 1
    assert "Traceback" in ended.err
    assert "crashed with" in ended.err
    kept = json.loads(there.token_file.read_bytes()) if after else {}
    tokens = [kept[name] for name in ("refresh", "access") if name in kept]
    secrets = (site["ELOQUA_CLIENT_SECRET"], site["ELOQUA_REFRESH_TOKEN"], *tokens)
    none_shown(everything(tmp_path, ended, but=("kept.token",)), *secrets)


async def test_a_crash_with_a_password_shows_it_nowhere(tmp_path):
    write_csv(tmp_path / "s.csv", 20)
    async with place(tmp_path) as there:
        site = {**there.by_password, "ELOQUA_BASE_URL": there.sandbox.url, "ELOQUA_PASSWORD": PASSWORD}
        ended = await asyncio.to_thread(crash, there, {**site, "ELOQUA_USER": "somebody"}, after=-1)
    assert (ended.status, "Traceback" in ended.err) == (1, True)
    none_shown(everything(tmp_path, ended), PASSWORD)


async def test_a_server_that_sends_back_what_it_got_spreads_no_secret(tmp_path):
    write_csv(tmp_path / "s.csv", 5)
    page = http("200 OK", b'{"elements": [], "page": 1, "pageSize": 1000, "total": 0}')

    async def echo(found, reader, writer):
        while True:
            await found.request(reader)
            line, headers, _ = found.arrived[-1]
            body = orjson.dumps({"you sent": headers["authorization"], "your password": PASSWORD})
            writer.write(page if line.startswith("GET") else http("400 Bad Request", body))
            await writer.drain()

    async with wire(echo) as server:
        url = str(server.url.origin())
        site = {
            "ELOQUA_COMPANY": "C",
            "ELOQUA_USER": "u",
            "ELOQUA_PASSWORD": PASSWORD,
            "ELOQUA_BASE_URL": url,
        }
        async with place(tmp_path) as there:
            ended = await there.run("run", "s.csv", "--json", site=site)
            results = await there.run("results", "s.csv", "-o", "r.csv", site={})
    assert ended.document["states"]["failed"] >= 1
    assert "[redacted]" in (tmp_path / "r.csv").read_text()
    none_shown(everything(tmp_path, ended, results), PASSWORD)


async def test_a_token_endpoint_that_repeats_the_token_in_its_refusal_spreads_it_not(tmp_path):
    body = b'{"error": "invalid_grant", "error_description": "the token first-Refresh/token+1 is spent"}'
    async with wire(answers(http("400 Bad Request", body))) as server:
        site = {
            "ELOQUA_CLIENT_ID": "c",
            "ELOQUA_CLIENT_SECRET": "client-Secret/1",
            "ELOQUA_REFRESH_TOKEN": "first-Refresh/token+1",
            "ELOQUA_TOKEN_FILE": str(tmp_path / "kept.token"),
            "ELOQUA_LOGIN_URL": str(server.url.origin()),
        }
        async with place(tmp_path) as there:
            ended = await there.run("whoami", "--json", site=site)
    assert (ended.status, "is spent" in ended.err) == (3, True)
    none_shown(everything(tmp_path, ended, but=("kept.token",)), "first-Refresh/token+1", "client-Secret/1")


def test_the_search_itself_finds_what_is_hidden():
    for before in (b"", b"x", b"xy"):
        assert shows(b"so: " + base64.b64encode(before + PASSWORD.encode() + b"z") + b".", PASSWORD)
    assert not shows(b"nothing of the kind", PASSWORD)

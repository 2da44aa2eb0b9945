"""Answers that are not what they say: a run ends in words, never in a crash, whatever a server sends."""

import asyncio
import gzip

import orjson
import pytest

from tests.integration.commands import bulkseg, write_csv, write_job
from tests.integration.wire import http, wire

EMPTY = http("200 OK", b'{"elements": [], "page": 1, "pageSize": 1000, "total": 0}')
TOO_LONG = b'{"elements": ["' + b"x" * (33 * 1024 * 1024) + b'"]}'

ODD = {
    "nothing": http("201 Created", b""),
    "no JSON": http("201 Created", b"\xff\xfe<not json>"),
    "an array": http("201 Created", b'[[{"id": 7}]]'),
    "a number": http("201 Created", b"7"),
    "nested without end": http("201 Created", b"[" * 100_000),
    "an id that is none": http("201 Created", b'{"id": {"id": []}, "name": ["x"], "createdAt": {}}'),
    "half of it": http("201 Created", b'{"id": "7", "na', length=500),
    "zipped, but it is not": http("201 Created", b'{"id": "7"}', "Content-Encoding: gzip"),
    "zipped, cut": http("201 Created", gzip.compress(b'{"id": "7"}')[:-15], "Content-Encoding: gzip"),
    "a charset nobody knows": http(
        "400 Bad", b'[{"type": 5}]', "Content-Type: application/json; charset=klingon"
    ),
    "bytes in headers": http(
        "400 Bad", b"{}", "X-Request-Id: \x80\x81\xff", "Date: never", "Retry-After: -\xfc"
    ),
    "errors of no known form": http("400 Bad", b'[null, 7, {"requirement": []}, {"container": "x"}]'),
    "a pause without end": http("429 Too Many", b"", "Retry-After: 0, 99999999999999999999"),
    "a status that there is not": http("799 What", b"<html>\x00</html>"),
    "a redirect": http("302 Found", b"", "Location: http://example.test/login"),
}


def scripted(to_post, to_get=EMPTY):
    """A server whose first create gets `to_post`, and the others a 400; lists get `to_get`."""
    posted = []

    async def script(found, reader, writer):
        while True:
            await found.request(reader)
            posting = found.lines[-1].startswith("POST")
            posted.extend([True] * posting)
            refusal = http("400 Bad Request", b"")
            writer.write((to_post if len(posted) == 1 else refusal) if posting else to_get)
            await writer.drain()

    return script


async def run(folder, script):
    write_csv(folder / "segments.csv", 3)
    write_job(
        folder / "j.toml", settle="0s", give_up_after="1s", max_attempts=1, max_failures=10, timeout="2s"
    )
    async with wire(script) as server:
        url = str(server.url.origin())
        site = {"ELOQUA_COMPANY": "C", "ELOQUA_USER": "u", "ELOQUA_PASSWORD": "p", "ELOQUA_BASE_URL": url}
        return await asyncio.to_thread(
            bulkseg, "run", "j.toml", "--json", "--no-canary", cwd=folder, site=site
        )


@pytest.mark.parametrize("what", ODD)
async def test_an_odd_answer_to_a_create_ends_in_words(tmp_path, what):
    ended = await run(tmp_path, scripted(ODD[what]))
    states = ended.document["states"]
    assert ended.status in (1, 3)
    assert "bug" not in ended.err
    assert "Traceback" not in ended.err
    assert states["sending"] == states["created"] == 0
    assert sum(states.values()) == 3


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
async def test_a_segment_that_is_nested_without_end_ends_every_command_in_words(tmp_path, opening, closing):
    deep = b'{"id": "7", "name": "Segment 0001", "depth": "complete", "elements": [%b1%b]}'
    deep %= (opening * 1000, closing * 1000)
    element = {"id": "7", "name": "Segment 0001"}
    there = orjson.dumps({"elements": [element], "page": 1, "pageSize": 1000, "total": 1})
    posted = []

    async def script(found, reader, writer):
        while True:
            await found.request(reader)
            line = found.lines[-1]
            posted.extend([line] * line.startswith("POST"))
            reading = deep if "/segment/7" in line else there if posted else EMPTY.partition(b"\r\n\r\n")[2]
            writer.write(http("201 Created", deep) if line.startswith("POST") else http("200 OK", reading))
            await writer.drain()

    write_csv(tmp_path / "segments.csv", 1)
    write_job(tmp_path / "j.toml", settle="0s", give_up_after="1s", timeout="2s")
    async with wire(script) as server:
        url = str(server.url.origin())
        site = {"ELOQUA_COMPANY": "C", "ELOQUA_USER": "u", "ELOQUA_PASSWORD": "p", "ELOQUA_BASE_URL": url}
        for command in (("run", "j.toml", "--json"), ("verify", "j.toml"), ("pull", "7")):
            ended = await asyncio.to_thread(bulkseg, *command, cwd=tmp_path, site=site)
            assert "bug" not in ended.err
            assert "Traceback" not in ended.err
            assert ended.status in (0, 1, 3)
    assert len(posted) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"7",
        orjson.dumps({"elements": [None, 5, {"id": {}}], "page": 1, "pageSize": 9, "total": 3}),
        orjson.dumps({"elements": {}, "total": "many"}),
        orjson.dumps({"elements": [{"id": "1", "name": {"a": []}, "createdAt": "\U0001f600"}], "total": 1}),
        TOO_LONG,
    ],
    ids=[
        "nothing",
        "no JSON",
        "a number",
        "elements that are none",
        "no total",
        "odd properties",
        "too long",
    ],
)
async def test_an_odd_list_ends_in_words(tmp_path, body):
    ended = await run(tmp_path, scripted(http("201 Created", b""), http("200 OK", body)))
    assert ended.status in (1, 3)
    assert "bug" not in ended.err
    assert "Traceback" not in ended.err
    if body is TOO_LONG:
        assert "more than 33,554,432 bytes, which was cut off" in ended.document["stopped"]

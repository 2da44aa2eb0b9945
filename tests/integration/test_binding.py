"""A checkpoint and its site: whoever comes with another one's credentials is refused, and nothing changes."""

import asyncio

import pytest

from bulkseg.sandbox import Settings, environment
from tests.integration.beside import beside, discovering, every_row, write_names
from tests.integration.commands import bulkseg, sandbox, write_csv
from tests.integration.terminal import Terminal

ONLINE = [
    ("run", "--json"),
    ("run", "--json", "--redo", "--retry-failed", "--accept-warnings", "--no-canary"),
    ("verify", "--json"),
    ("undo", "--json", "--yes", "--force"),
]


def contents(folder):
    """All that is on record, and which files are there."""
    return every_row(folder / "s.checkpoint"), sorted(one.name for one in folder.iterdir())


@pytest.fixture
async def ran(tmp_path):
    """A job of which half has run at site 1000."""
    job = write_names(tmp_path / "s.csv", ["a", "b", "c", "d"])
    async with beside(tmp_path) as place:
        assert (await place.here(job, limit=2)).exit == 0
        yield place, job


@pytest.fixture
async def other(tmp_path):
    """Another site, where segments of these names, and of these ids, stand."""
    async with beside(tmp_path, Settings(site_id="2000", record_arrivals=True)) as place:
        for name in ("a", "b"):
            place.sandbox.store.add(name)
        yield place


@pytest.mark.parametrize("command", ONLINE, ids=" ".join)
async def test_another_sites_credentials_exit_2_and_ask_for_nothing_but_who_they_are(
    tmp_path, ran, other, command
):
    _, job = ran
    before = contents(tmp_path)
    ended = await other.command(command[0], job, *command[1:])
    assert ended.status == ended.document["exit"] == 2
    for words in ("belongs to the site 1000", "this is 2000", "nothing was"):
        assert words in ended.err
    assert other.asked() == ["/id"]
    assert other.names() == ["a", "b"]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("first", ["the base URL", "the login"])
async def test_one_site_that_is_known_by_its_id_and_by_its_base_url_is_two_and_the_words_say_why(
    tmp_path, first
):
    write_csv(tmp_path / "segments.csv", 1)
    with sandbox(cwd=tmp_path) as by_url:
        by_id = {name: value for name, value in by_url.items() if name != "ELOQUA_BASE_URL"}
        ways = (by_url, by_id) if first == "the base URL" else (by_id, by_url)
        ran, again = [
            await asyncio.to_thread(bulkseg, "run", "segments.csv", cwd=tmp_path, site=site) for site in ways
        ]
    assert (ran.status, again.status) == (0, 2)
    assert "ELOQUA_BASE_URL as it was at the first run" in again.err


@pytest.mark.parametrize("command", [ONLINE[0], ONLINE[3]], ids=" ".join)
async def test_where_no_site_is_discovered_the_base_url_stands_for_it(tmp_path, other, command):
    job = write_names(tmp_path / "s.csv", ["a", "b", "c"])
    async with beside(tmp_path) as place:
        by_url = environment(place.sandbox.url)
        assert (await place.run(job, "--limit", "1", **by_url)).status == 0
        before = contents(tmp_path)
        ended = await other.command(command[0], job, *command[1:], **environment(other.sandbox.url))
        assert (ended.status, other.asked()) == (2, [])
        assert contents(tmp_path) == before
        same = {**by_url, "ELOQUA_BASE_URL": by_url["ELOQUA_BASE_URL"] + "/API/REST/2.0/"}
        assert (await place.command(command[0], job, *command[1:], **same)).status == 0


async def test_a_run_that_is_refused_leaves_the_checkpoint_as_it_is_to_the_byte(tmp_path, ran, other):
    _, job = ran
    before = (tmp_path / "s.checkpoint").read_bytes()
    assert (await other.run(job)).status == 2
    assert (tmp_path / "s.checkpoint").read_bytes() == before


async def test_nobody_is_asked_whether_to_send_to_another_site(tmp_path, ran, other):
    _, job = ran
    terminal = Terminal("run", job, cwd=tmp_path, site=other.site)
    assert await asyncio.to_thread(terminal.end) == 2
    assert "[y/N]" not in terminal.said


async def test_the_same_site_at_another_address_is_the_same_site(tmp_path, ran):
    _, job = ran
    async with beside(tmp_path) as moved:
        for name in ("a", "b"):
            moved.sandbox.store.add(name)
        ended = await moved.run(job)
        assert (ended.status, moved.names()) == (0, ["a", "b", "c", "d"])


async def test_a_refused_first_sign_in_binds_to_nothing(tmp_path, other):
    job = write_names(tmp_path / "s.csv", ["c"])
    assert (await other.run(job, ELOQUA_PASSWORD="wrong")).status == 3
    async with beside(tmp_path) as place:
        assert (await place.here(job)).exit == 0


async def test_a_fresh_checkpoint_may_go_to_another_site_and_the_old_one_stays_bound(tmp_path, ran, other):
    place, job = ran
    assert (await other.run(job, "--fresh", "--if-exists", "skip")).status == 0
    assert other.names() == ["a", "b", "c", "d"]
    (old,) = tmp_path.glob("*.old")
    refused = await other.command("undo", "--yes", "--json", old)
    assert refused.status == 2
    assert len(other.names()) == 4
    undone = await place.command("undo", "--yes", "--json", old)
    assert (undone.status, place.names()) == (0, [])


async def test_plan_status_and_results_need_no_site_and_tell_whose_it_is(ran):
    place, job = ran
    nowhere = {**discovering("http://127.0.0.1:9"), "ELOQUA_PASSWORD": ""}
    for command in ("plan", "status", "results"):
        assert (await place.command(command, job, **nowhere)).status == 0
    assert (await place.command("status", job, "--json", **nowhere)).document["site"] == "1000"

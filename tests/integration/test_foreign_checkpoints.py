"""The commands over a file that is no checkpoint of theirs: clear words, exit 2, not a byte changed."""

import os
import sqlite3
from contextlib import closing

import pytest

from bulkseg.checkpoint.schema import VERSION
from tests.integration.beside import beside, end_of, reached, write_names
from tests.integration.disks import disk, is_mortal, read_only

COMMANDS = {
    "run": ("run", "s.csv", "--json"),
    "plan": ("plan", "s.csv", "--json"),
    "status": ("status", "s.csv", "--json"),
    "results": ("results", "s.csv", "--json", "-o", "out.csv"),
    "verify": ("verify", "s.csv", "--json"),
    "undo": ("undo", "s.csv", "--json", "--yes"),
}


def cut_in_the_header(path):
    os.truncate(path, 50)


def cut_in_the_middle(path):
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def cut_within_a_page(path):
    os.truncate(path, path.stat().st_size - 1_000)


def emptied(path):
    os.truncate(path, 0)


def scribbled_over(path):
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8_000)


def text(path):
    path.write_text("name\nsomebody's notes\n")


def another_programs(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE bookmarks (url)")


def of_a_newer_version(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")


FOREIGN = {
    cut_in_the_header: "damaged",
    cut_in_the_middle: "damaged",
    cut_within_a_page: "damaged",
    emptied: "damaged",
    scribbled_over: "damaged",
    text: "not a bulkseg checkpoint",
    another_programs: "another program's database",
    of_a_newer_version: "newer bulkseg",
}


@pytest.fixture
async def ran(tmp_path):
    job = write_names(tmp_path / "s.csv", [f"s {number}" for number in range(400)])
    async with beside(tmp_path) as place:
        assert (await place.here(job, limit=5)).exit == 0
        place.sandbox.store.arrivals.clear()
        yield place


def contents(folder):
    """Every file but the lock, which says who was there last."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix != ".lock"}


# Every kind against a run, and those that lie deepest against every command.
REFUSED = [
    (make, command)
    for make in FOREIGN
    for command in COMMANDS
    if command == "run" or make in (cut_within_a_page, of_a_newer_version)
]


@pytest.mark.parametrize(("make", "command"), REFUSED)
async def test_it_is_refused_in_words_and_not_touched(tmp_path, ran, make, command):
    make(tmp_path / "s.checkpoint")
    before = contents(tmp_path)
    ended = await ran.command(*COMMANDS[command])
    assert (ended.status, ended.document["exit"]) == (2, 2), ended.err
    assert FOREIGN[make] in ended.err
    assert "s.checkpoint" in ended.err
    assert "Traceback" not in ended.err
    assert contents(tmp_path) == before
    assert ran.asked() == []


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_checkpoint_of_another_job_is_refused_and_its_segments_stay(tmp_path, ran, command):
    """Both jobs have the same place for their checkpoint."""
    job = tmp_path / "s.toml"
    job.write_text('[source]\npath = "s.csv"\n[[segment]]\nname = "{{ name }}"\n')
    before, made = contents(tmp_path), ran.names()
    first, _, *rest = COMMANDS[command]
    ended = await ran.command(first, job, *rest)
    assert (ended.status, ended.document["exit"]) == (2, 2), ended.out
    assert "the checkpoint of the job s.csv, not of s" in ended.err
    assert contents(tmp_path) == before
    assert (ran.names(), ran.asked()) == (made, [])


async def test_a_damaged_one_is_put_aside_as_it_is_when_a_fresh_start_is_asked_for(tmp_path, ran):
    cut_within_a_page(tmp_path / "s.checkpoint")
    damaged = (tmp_path / "s.checkpoint").read_bytes()
    ended = await ran.run("s.csv", "--fresh", "--if-exists", "skip")
    assert (ended.status, ended.document["states"]["skipped"], len(ran.names())) == (0, 5, 400)
    (aside,) = tmp_path.glob("*.old")
    assert aside.read_bytes() == damaged


async def test_a_read_only_one_can_be_read_and_neither_run_nor_undone(tmp_path):
    write_names(tmp_path / "s.csv", ["a", "b"])
    folder = tmp_path / "disk"
    with disk(folder, 8) as mounted:
        if not mounted and not is_mortal():
            pytest.skip("to root, who may not mount here, no folder is read-only")
        async with beside(tmp_path) as place:
            checkpoint = folder / "s.checkpoint"
            assert (await place.run("s.csv", "--limit", "1", "--checkpoint", checkpoint)).status == 0
            before = contents(folder)
            with read_only(folder, mounted=mounted):
                for command in (("status", checkpoint), ("results", checkpoint), ("verify", checkpoint)):
                    assert (await place.command(*command)).status == 0
                for command in (("run", "s.csv", "--checkpoint", checkpoint), ("undo", checkpoint, "--yes")):
                    ended = await place.command(*command)
                    assert ended.status == 2
                    assert "cannot be written" in ended.err or "read-only" in ended.err
                    assert "Traceback" not in ended.err
            assert contents(folder) == before
            assert place.names() == ["a"]


async def test_status_and_results_are_told_while_a_run_goes_on(tmp_path):
    write_names(tmp_path / "s.csv", [f"s {number}" for number in range(200)])
    async with beside(tmp_path) as place:
        process = place.start("run", "s.csv", "--rate", "25")
        await reached(process, lambda: len(place.names()) > 10)
        status = await place.command("status", "s.csv", "--json")
        results = await place.command("results", "s.csv")
        plan = await place.command("plan", "s.csv", "--json")
        verify = await place.command("verify", "s.csv", "--json")
        assert process.poll() is None, "it goes on"
        process.terminate()
        ended = await end_of(process)
        assert (ended.status, status.status, results.status, plan.status, verify.status) == (143, 0, 0, 0, 0)
        assert 10 <= status.document["states"]["created"] < 200
        assert sum(status.document["states"].values()) == status.document["specs"] == 200
        assert status.document["runs"][0]["ended_at"] is None
        assert len(results.out.splitlines()) == 201
        assert 10 <= results.out.count(",created,") < 200
        assert verify.document["same"] >= 10

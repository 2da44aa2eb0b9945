"""`verify`, `undo` and `resolve` as they are called, in processes of their own: a job and its way back."""

import signal
import sqlite3
import time

import pytest

from bulkseg.checkpoint import read
from bulkseg.model import State
from tests.checkpoints import opened
from tests.integration.commands import bulkseg, finish, held, sandbox, start, write_csv, write_job
from tests.integration.terminal import Terminal


@pytest.fixture
def site(tmp_path):
    with sandbox("--latency", "0.01", cwd=tmp_path) as variables:
        yield variables


@pytest.fixture
def job(tmp_path, site):
    write_csv(tmp_path / "segments.csv", 60)
    made = write_job(tmp_path / "nightly.toml", rate=300, concurrency=8, timeout="10s")
    assert bulkseg("run", made, cwd=tmp_path, site=site).status == 0
    return made


def test_what_a_run_made_is_verified_and_undone(tmp_path, site, job):
    checked = bulkseg("verify", job, cwd=tmp_path, site=site)
    assert checked.status == 0
    assert "60  as they should be" in checked.out
    assert "60 compared with their specs" in checked.out
    gone = bulkseg("undo", job, "--yes", cwd=tmp_path, site=site)
    assert gone.status == 0
    assert "60  undone" in gone.out
    assert held(site) == {}
    again = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert (again.status, again.document["requests"]["sent"]) == (0, 0)


def test_the_checkpoint_finds_its_job_beside_it(tmp_path, site, job):
    checked = bulkseg("verify", "nightly.checkpoint", "--json", cwd=tmp_path, site=site)
    assert checked.status == checked.document["exit"] == 0
    assert checked.document["compared"] == {"spec": 60, "record": 0}
    assert checked.document["note"] is None
    job.unlink()
    alone = bulkseg("verify", "nightly.checkpoint", "--json", cwd=tmp_path, site=site)
    assert (alone.status, alone.document["compared"]) == (0, {"spec": 0, "record": 60})
    assert "its job was not found" in alone.document["note"]


def test_a_job_that_ran_with_another_var_and_checkpoint_is_compared_when_both_are_named(tmp_path, site):
    write_csv(tmp_path / "segments.csv", 3)
    job = write_job(tmp_path / "nightly.toml", rate=300)
    job.write_text(
        job.read_text().replace('name = "{{ name }}"', 'name = "{{ name }} {{ q }}"') + '[vars]\nq = "Q4"\n'
    )
    named = ("--var", "q=Q1", "--checkpoint", "other.checkpoint")
    assert bulkseg("run", job, *named, cwd=tmp_path, site=site).status == 0
    checked = bulkseg("verify", job, *named, "--json", cwd=tmp_path, site=site)
    assert checked.document["compared"] == {"spec": 3, "record": 0}
    without = bulkseg("verify", job, *named[2:], "--json", cwd=tmp_path, site=site)
    assert (without.status, without.document["compared"]) == (0, {"spec": 0, "record": 3})


def test_each_difference_is_a_line_that_begins_with_its_place(tmp_path, site, job):
    with sqlite3.connect(tmp_path / "nightly.checkpoint") as database:
        database.execute("UPDATE spec SET segment_id = '99999' WHERE name = 'Segment 0007'")
    database.close()
    checked = bulkseg("verify", job, cwd=tmp_path, site=site)
    assert checked.status == 1
    assert (
        "segments.csv:8: segment 99999: the server has no segment of this id" in checked.out.splitlines()[0]
    )
    assert "1  gone" in checked.out
    document = bulkseg("verify", job, "--json", cwd=tmp_path, site=site).document
    (finding,) = document["gone"]
    assert (finding["name"], finding["line"], document["exit"]) == ("Segment 0007", 8, 1)


def test_nobody_to_ask_and_no_yes_deletes_nothing(tmp_path, site, job):
    ended = bulkseg("undo", job, "--json", cwd=tmp_path, site=site)
    assert ended.status == ended.document["exit"] == 2
    assert "--yes answers for you" in ended.err
    assert len(held(site)) == 60


@pytest.mark.parametrize("command", [("verify",), ("undo", "--yes")])
def test_credentials_of_another_site_are_refused(tmp_path, job, command):
    with sandbox(cwd=tmp_path) as other:
        before = held(other)
        ended = bulkseg(command[0], job, *command[1:], "--json", cwd=tmp_path, site=other)
        assert held(other) == before
    assert ended.status == ended.document["exit"] == 2
    assert "belongs to the site" in ended.err


@pytest.mark.parametrize("command", [("verify",), ("undo", "--yes")])
def test_plain_http_to_another_machine_is_refused(tmp_path, site, job, command):
    far = {**site, "ELOQUA_BASE_URL": "http://eloqua.example"}
    ended = bulkseg(command[0], job, *command[1:], cwd=tmp_path, site=far)
    assert ended.status == 2
    assert "https" in ended.err


def test_a_signal_ends_an_undo_once_what_is_under_way_is_recorded(tmp_path, site, job):
    process = start("undo", job, "--yes", "--json", "--rate", "60", cwd=tmp_path, site=site)
    end = time.monotonic() + 30
    while len(held(site)) > 50:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    assert ended.status == ended.document["exit"] == 143
    left = held(site)
    assert 0 < len(left) <= 50
    with read(tmp_path / "nightly.checkpoint") as reader:
        assert {row.segment_id for row in reader.specs([State.CREATED])} == set(left)
    rest = bulkseg("undo", job, "--yes", "--json", cwd=tmp_path, site=site)
    assert (rest.status, len(rest.document["undone"])) == (0, len(left))
    assert held(site) == {}


def test_an_undo_that_is_killed_goes_on_where_it_stopped(tmp_path, site, job):
    process = start("undo", job, "--yes", "--rate", "60", cwd=tmp_path, site=site)
    end = time.monotonic() + 30
    while len(held(site)) > 50:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.kill()
    finish(process)
    rest = bulkseg("undo", job, "--yes", "--json", cwd=tmp_path, site=site)
    assert (rest.status, rest.document["kept"], rest.document["failed"]) == (0, [], [])
    assert held(site) == {}
    with read(tmp_path / "nightly.checkpoint") as reader:
        assert reader.counts()[State.UNDONE] == 60


def test_while_another_process_holds_the_checkpoint_undo_and_resolve_exit_4(tmp_path, site, job):
    with opened(tmp_path / "nightly.checkpoint", job="nightly"):
        for command in (("undo", job, "--yes"), ("resolve", job, "x", "--not-made")):
            assert bulkseg(*command, cwd=tmp_path, site=site).status == 4
    assert len(held(site)) == 60


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_at_a_terminal_it_asks_with_site_user_and_count(tmp_path, site, job, typed, status):
    terminal = Terminal("undo", job, cwd=tmp_path, site=site)
    terminal.until("[y/N]")
    assert f"Delete 60 segments at {site['ELOQUA_BASE_URL']} as demo?" in " ".join(terminal.said.split())
    terminal.type(typed)
    assert terminal.end() == status
    assert ("nothing was deleted" in terminal.said) is (status == 1)
    assert len(held(site)) == (60 if status else 0)


def test_an_unknown_spec_is_settled_by_hand(tmp_path):
    write_csv(tmp_path / "segments.csv", 3)
    job = write_job(tmp_path / "nightly.toml", rate=300)
    with sandbox(cwd=tmp_path) as site:
        assert bulkseg("run", job, cwd=tmp_path, site=site).status == 0
        with sqlite3.connect(tmp_path / "nightly.checkpoint") as database:
            database.execute(
                "UPDATE spec SET state = 'unknown', segment_id = NULL WHERE name = 'Segment 0002'"
            )
        database.close()
        (number,) = [number for number, name in held(site).items() if name == "Segment 0002"]

        neither = bulkseg("resolve", job, "Segment 0002", cwd=tmp_path)
        both = bulkseg("resolve", job, "Segment 0002", "--id", number, "--not-made", cwd=tmp_path)
        wrong = bulkseg("resolve", job, "Segment 0003x", "--id", number, "--json", cwd=tmp_path)
        assert (neither.status, both.status, wrong.status) == (2, 2, 2)
        assert "either --id N, or --not-made" in neither.err
        assert 'did you mean ["plain","Segment 0002"]?' in wrong.document["error"]

        settled = bulkseg("resolve", job, '["plain","Segment 0002"]', "--id", number, "--json", cwd=tmp_path)
        assert settled.status == 0
        assert (settled.document["state"], settled.document["segment_id"]) == ("created", number)
        assert bulkseg("verify", job, cwd=tmp_path, site=site).status == 0
        again = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
        assert (again.status, again.document["requests"]["sent"]) == (0, 0)

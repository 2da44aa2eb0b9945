"""`run --on-done`: the command gets the summary, whatever the end, and changes nothing of it."""

import json
import shlex
import signal
import time

import pytest

from bulkseg.checkpoint import open_checkpoint
from tests.integration.commands import bulkseg, finish, held, sandbox, start, write_csv, write_job


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox("--latency", "0.02", cwd=tmp_path_factory.mktemp("sandbox")) as variables:
        yield variables


def keeps(folder):
    """A command that keeps what it is told, and prints what would spoil a document on stdout."""
    return f"sh -c {shlex.quote(f'cat > {folder}/told.json; echo called $ELOQUA_USER.')}"


def told(folder):
    return json.loads((folder / "told.json").read_text())


@pytest.fixture
def ran(tmp_path, site):
    """Runs these lines of a data file; gives what the command was told, once it is what stdout has."""

    def run(lines, **unlike):
        (tmp_path / "s.csv").write_text(f"name,action,source_id\n{lines}")
        command = ("run", "s.csv", "--rate", 500, "--if-exists", "ignore", "--on-done", keeps(tmp_path))
        ended = bulkseg(*command, "--json", cwd=tmp_path, site={**site, **unlike})
        assert told(tmp_path) == ended.document
        assert ended.document["exit"] == ended.status
        assert "called ." in ended.err.splitlines()
        return ended.document

    return run


def test_it_is_told_of_what_went_well_and_of_what_was_refused(ran):
    assert ran("a,,\nb,,\n")["states"]["created"] == 2
    assert ran("a,,\nb,,\nc,copy,99999\n")["states"]["failed"] == 1


def test_it_is_told_of_a_run_that_never_began(ran, tmp_path):
    assert ran("a,,\nA,,\n")["total"] == 1
    assert ran("a,,\n", ELOQUA_USER="")["exit"] == 2
    wrong = {"ELOQUA_PASSWORD": "correct horse battery", "ELOQUA_BASE_URL": ""}
    assert ran("a,,\n", **wrong)["exit"] == 3
    with open_checkpoint(tmp_path / "s.checkpoint", job="s.csv", now=time.time()):
        assert ran("a,,\n")["exit"] == 4


def test_it_is_told_once_of_a_run_that_a_signal_has_drained(tmp_path, site):
    write_csv(tmp_path / "segments.csv", 100)
    job = write_job(tmp_path / "nightly.toml", rate=40)
    process = start("run", job, "--json", "--on-done", keeps(tmp_path), cwd=tmp_path, site=site)
    until((tmp_path / "nightly.checkpoint").exists)
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    assert told(tmp_path) == ended.document
    assert (ended.status, ended.err.count("called .")) == (143, 1)


def test_it_is_not_called_after_a_second_signal(tmp_path):
    write_csv(tmp_path / "segments.csv", 20)
    with sandbox("--fault", "hang:3", cwd=tmp_path) as site:
        process = start("run", "segments.csv", "--on-done", keeps(tmp_path), cwd=tmp_path, site=site)
        until(lambda: len(held(site)) > 2)
        process.send_signal(signal.SIGTERM)
        until(lambda: '"draining"' in process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143
        finish(process)
    assert not (tmp_path / "told.json").exists()


def until(reached, patience=30.0):
    end = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--on-done", "no-such-program"), "no program no-such-program"),
        (("--on-done", "touch told.json", "--limit", 0), "Usage:"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent_and_tells_nobody(tmp_path, site, arguments, why):
    write_csv(tmp_path / "s.csv", 1)
    ended = bulkseg("run", "s.csv", *arguments, cwd=tmp_path, site=site)
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err
    assert not (tmp_path / "told.json").exists()
    assert not (tmp_path / "s.checkpoint").exists()


def test_a_command_that_fails_is_an_event_and_the_run_ends_as_it_would(tmp_path, site):
    write_csv(tmp_path / "s.csv", 1)
    ended = bulkseg("run", "s.csv", "--on-done", "sh -c 'exit 7'", "--json", cwd=tmp_path, site=site)
    assert ended.status == ended.document["exit"]
    (failed,) = ended.events("on_done_failed")
    assert ended.log[-1] == failed
    assert (failed["job"], failed["run"], failed["error"]) == ("s.csv", 1, "ended with status 7")


def test_a_signal_while_it_is_called_ends_the_command_and_not_the_run(tmp_path, site):
    write_csv(tmp_path / "s.csv", 1)
    slow = "sh -c 'echo called > called; sleep 60'"
    process = start("run", "s.csv", "--if-exists", "ignore", "--on-done", slow, cwd=tmp_path, site=site)
    until((tmp_path / "called").exists)
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    assert ended.status == 0
    assert '"was ended because SIGTERM came"' in ended.err

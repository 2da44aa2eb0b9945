"""How a run ends: by a signal, by an answer, or because it cannot go on; each with its exit status."""

import re
import select
import signal
import time

import pytest

from tests.integration.commands import bulkseg, finish, held, sandbox, start, write_csv, write_job
from tests.integration.terminal import Terminal


@pytest.fixture
def site(tmp_path):
    with sandbox("--latency", "0.02", cwd=tmp_path) as variables:
        yield variables


@pytest.fixture
def job(tmp_path):
    write_csv(tmp_path / "segments.csv", 120)
    return write_job(tmp_path / "nightly.toml", rate=40, concurrency=8, timeout="10s")


def wait_for(process, reached, patience=30.0):
    end = time.monotonic() + patience
    while not reached():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_once_what_is_under_way_is_recorded(tmp_path, site, job, signum, status):
    process = start("run", job, "--json", cwd=tmp_path, site=site)
    wait_for(process, lambda: len(held(site)) > 10)
    process.send_signal(signum)
    ended = finish(process)
    shown = ended.document
    assert ended.status == shown["exit"] == status
    assert shown["stopped"] == f"stopped by {signum.name}"
    assert shown["states"]["sending"] == shown["states"]["unknown"] == 0
    assert shown["states"]["created"] == len(held(site)) < 120
    assert [line["signal"] for line in ended.events("draining")] == [signum.name]

    again = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert again.status == 0
    assert len(held(site)) == again.document["states"]["created"] == 120


def test_a_second_signal_ends_at_once(tmp_path, job):
    with sandbox("--fault", "hang:5", cwd=tmp_path) as site:
        process = start("run", job, cwd=tmp_path, site=site)
        wait_for(process, lambda: len(held(site)) > 10)
        process.send_signal(signal.SIGTERM)
        wait_for(process, lambda: select.select([process.stderr], [], [], 0)[0])
        time.sleep(0.3)
        assert process.poll() is None, "it waits for what hangs"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 143
        finish(process)


def test_a_signal_while_the_source_is_checked_ends_before_anything_is_sent(tmp_path, site):
    source = write_csv(tmp_path / "segments.csv", 200_000)
    process = start("run", source, "--json", "--log-level", "debug", cwd=tmp_path, site=site)
    assert '"checking"' in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    assert ended.status == ended.document["exit"] == 143
    assert ended.document["run"] is None
    assert ended.document["stopped"] == "stopped by SIGTERM; nothing was sent"
    assert held(site) == {}


def test_a_second_run_over_the_same_checkpoint_exits_4(tmp_path, site, job):
    first = start("run", job, cwd=tmp_path, site=site)
    wait_for(first, lambda: len(held(site)) > 3)
    second = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert second.status == second.document["exit"] == 4
    assert str(first.pid) in second.err
    assert finish(first).status == 0


def test_a_refused_sign_in_exits_3_and_shows_no_password(tmp_path, site, job):
    wrong = {**site, "ELOQUA_PASSWORD": "correct horse battery"}
    del wrong["ELOQUA_BASE_URL"]
    ended = bulkseg("run", job, "--json", "--log-level", "debug", cwd=tmp_path, site=wrong)
    assert ended.status == ended.document["exit"] == 3
    assert "Sandbox\\demo" in ended.err
    assert "correct horse" not in ended.out + ended.err
    assert held(site) == {}


def test_without_credentials_a_run_exits_2_and_says_which_are_missing(tmp_path, job):
    ended = bulkseg("run", job, cwd=tmp_path)
    assert ended.status == 2
    assert ended.err.startswith("ELOQUA_COMPANY, ELOQUA_USER and ELOQUA_PASSWORD not set")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["status", "results"])
def test_a_checkpoint_that_is_not_there_exits_2(tmp_path, job, command):
    for given in ("nothing.checkpoint", job):
        ended = bulkseg(command, given, cwd=tmp_path)
        assert (ended.status, ended.out) == (2, "")
        assert "checkpoint" in ended.err


def test_at_a_terminal_it_asks_shows_how_far_it_is_and_what_became_of_it(tmp_path, site, job):
    del site["ELOQUA_BASE_URL"]
    terminal = Terminal("run", job, cwd=tmp_path, site=site)
    terminal.until("[y/N]")
    assert "120  to send, about 3 s at 40 requests a second" in terminal.said
    assert "Send 120 requests to Sandbox as demo?" in terminal.said
    assert "user: demo" in terminal.said
    terminal.type("y\n")
    terminal.until("requests/s")
    assert terminal.end() == 0
    assert "nightly, run 1" in terminal.said
    assert re.search(r"\d+/120", terminal.said)
    assert "120  created" in terminal.said
    assert '{"' not in terminal.said


@pytest.mark.parametrize(("typed", "status"), [("n\n", 1), ("\n", 1), ("\x04", 1), ("signal", 130)])
def test_anything_but_a_yes_sends_nothing(tmp_path, site, job, typed, status):
    base = dict(site)
    del site["ELOQUA_BASE_URL"]
    terminal = Terminal("run", job, cwd=tmp_path, site=site)
    terminal.until("[y/N]")
    if typed == "signal":
        terminal.process.send_signal(signal.SIGINT)
    else:
        terminal.type(typed)
    assert terminal.end() == status
    assert "nothing was sent" in terminal.said
    assert "Traceback" not in terminal.said
    assert held(base) == {}


def test_yes_asks_nothing_and_neither_does_a_run_that_has_nothing_to_send(tmp_path, site, job):
    for arguments in (("run", job, "--yes", "--rate", "300"), ("run", job)):
        terminal = Terminal(*arguments, cwd=tmp_path, site=site)
        assert terminal.end() == 0
        assert "[y/N]" not in terminal.said
    assert len(held(site)) == 120

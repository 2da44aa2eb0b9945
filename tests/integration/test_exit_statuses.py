"""Each way in which `run` ends: its exit status, and the one document on stdout that says the same."""

import signal
import time

import pytest

from bulkseg.checkpoint import open_checkpoint
from bulkseg.model import State
from tests.integration.commands import bulkseg, finish, held, sandbox, start, write_job
from tests.integration.wire import unused_port

KEYS = [
    "job",
    "checkpoint",
    "run",
    "rows",
    "specs",
    "states",
    "requests",
    "seconds",
    "rate",
    "stopped",
    "exit",
]
REQUESTS = ["sent", "searches", "throttled", "retried"]
# Beside the contract's keys, where a run has not begun: what was wrong.
WRONG = {"error", "problems", "total"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox("--latency", "0.02", cwd=tmp_path_factory.mktemp("sandbox")) as variables:
        yield {name: value for name, value in variables.items() if name != "ELOQUA_BASE_URL"}


@pytest.fixture
def ran(tmp_path, request, site):
    """Runs these lines of a data file and gives the document, once it is known to be what it has to be.

    Each test's names are its own, so that they can share a sandbox.
    """

    def run(*lines, **limits):
        unlike = {name: limits.pop(name) for name in list(limits) if name.startswith("ELOQUA_")}
        job = written(tmp_path, request.node.name, *lines, **limits)
        return checked(bulkseg("run", job, "--json", cwd=tmp_path, site={**site, **unlike}))

    return run


def written(folder, unique, *lines, **limits):
    (folder / "segments.csv").write_text("name,source\n" + "".join(f"{unique} {line}\n" for line in lines))
    job = write_job(folder / "nightly.toml", **{"rate": 500, **limits})
    copies = (
        'when = "not source"\n[[segment]]\ntemplate = "copy"\naction = "copy"\nwhen = "source"\n'
        'source_id = "{{ source }}"\nname = "{{ name }}"\n\n[limits]'
    )
    job.write_text(job.read_text().replace("[limits]", copies))
    return job


def checked(ended):
    """The document, which has every key of the contract and the exit status of the process."""
    document = ended.document
    assert [key for key in document if key not in WRONG] == KEYS
    assert list(document["states"]) == [str(state) for state in State]
    assert list(document["requests"]) == REQUESTS
    assert document["exit"] == ended.status
    assert (document["stopped"] is None) is (ended.status in (0, 1))
    assert "Traceback" not in ended.err
    if document["run"] is None:
        assert sum(document["states"].values()) == document["requests"]["sent"] == 0
    else:
        assert sum(document["states"].values()) == document["specs"]
    return document


def test_0_when_all_is_done_and_nothing_unknown(ran):
    document = ran("a,", "b,")
    assert (document["exit"], document["run"], document["states"]["created"]) == (0, 1, 2)


def test_1_when_something_was_refused(ran):
    document = ran("a,", "b,99999", max_failures=9)
    assert document["exit"] == 1
    assert (document["states"]["created"], document["states"]["failed"]) == (1, 1)


def test_2_when_the_source_is_wrong(ran):
    document = ran("a,", "a,")
    assert (document["exit"], document["run"], document["total"]) == (2, None, 1)
    assert "comes twice" in document["stopped"]


def test_2_when_the_credentials_are_missing(ran):
    document = ran("a,", ELOQUA_USER="")
    assert (document["exit"], document["run"]) == (2, None)
    assert "ELOQUA_USER" in document["stopped"]


def test_3_when_the_sign_in_is_refused(ran):
    document = ran("a,", ELOQUA_PASSWORD="another")
    assert (document["exit"], document["run"]) == (3, None)
    assert "Not authenticated" in document["stopped"]


def test_3_when_the_server_is_gone_for_too_long(ran):
    document = ran("a,", give_up_after="1s", ELOQUA_BASE_URL=f"http://127.0.0.1:{unused_port()}")
    assert (document["exit"], document["run"], document["states"]["pending"]) == (3, 1, 1)
    assert "give_up_after" in document["stopped"]


def test_3_when_too_many_fail(ran):
    document = ran(
        *(f"{number},{99990 + number}" for number in range(9)), "z,", max_failures=2, concurrency=1
    )
    assert document["exit"] == 3
    assert "max_failures = 2" in document["stopped"]
    assert document["states"]["failed"] >= 3
    assert document["states"]["pending"] > 0


def test_4_when_another_process_holds_the_checkpoint(ran, tmp_path):
    with open_checkpoint(tmp_path / "nightly.checkpoint", job="nightly", now=time.time()):
        document = ran("a,")
    assert (document["exit"], document["run"]) == (4, None)


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_when_a_signal_ends_it_and_status_keeps_the_same_document(tmp_path, site, signum, status):
    job = written(tmp_path, signum.name, *(f"{number}," for number in range(100)), rate=40)
    process = start("run", job, "--json", cwd=tmp_path, site=site)
    base = {"ELOQUA_BASE_URL": site["ELOQUA_LOGIN_URL"]}

    def made():
        return sum(name.startswith(f"{signum.name} ") for name in held(base).values())

    end = time.monotonic() + 30
    while made() < 5:
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signum)
    document = checked(finish(process))
    assert document["exit"] == status
    assert document["states"]["created"] == made() < 100
    assert document["states"]["sending"] == 0
    kept = bulkseg("status", job, "--json", cwd=tmp_path).document
    assert [run["summary"] for run in kept["runs"]] == [document]

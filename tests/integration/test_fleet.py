"""A fleet over a real PostgreSQL: what is queued, and how its workers share it."""

import subprocess
import sys
from itertools import pairwise

import pytest

from tests.fleets import fleet, until
from tests.integration.commands import ROOT, finish

pytestmark = pytest.mark.needs("pg_ctl")


@pytest.fixture
def at(cluster, tmp_path):
    """A fleet for a site."""
    with fleet(cluster, tmp_path) as one:
        assert one("init").status == 0
        yield one


@pytest.fixture
def two(cluster, tmp_path):
    """A fleet for two."""
    with fleet(cluster, tmp_path, "ab") as one:
        assert one("init").status == 0
        yield one


def rate(stats):
    """Requests a second, sign-ins left out."""
    times = stats["requests"]
    return (len(times) - 1) / (times[-1] - times[0])


# --- The queue ------------------------------------------------------------------------------------------


def test_what_is_queued_is_not_queued_twice_and_can_be_taken_out(at):
    job = at.job("nightly", "a", 3)
    first, second = at("submit", job, "--json"), at("submit", job)
    assert [(each["queued"], each["site"]) for each in first.document["jobs"]] == [(True, "a")]
    assert (second.status, second.out) == (0, "nightly: is queued already, and not queued twice\n")
    assert at("cancel", job).out == "nightly: taken out of the queue\n"
    assert at("cancel", "nightly").out == "nightly: neither queued nor running\n"
    ended = at.jobs()["nightly"]
    assert (ended["state"], ended["exit"]) == ("ended", 3)
    assert at("submit", job).out == "nightly: queued (site a)\n"
    assert at("cancel", "nightly", "unheard-of").status == 2
    assert at.jobs()["nightly"]["state"] == "queued"


def test_of_jobs_one_of_which_is_wrong_none_is_queued(at):
    good, bad = at.job("good", "a", 2), at.job("bad", "a", 2)
    (at.folder / "bad.csv").write_text("name\nA\nA\n")
    refused = at("submit", good, bad, "--json")
    assert (refused.status, refused.document["problems"][0]["line"]) == (2, 3)
    assert at.jobs() == {}


def test_a_database_is_made_ready_once_by_however_many(cluster, tmp_path):
    with fleet(cluster, tmp_path, "") as one:
        early = one("submit", one.job("nightly", "a", 1))
        assert (early.status, "run `bulkseg fleet init` once" in early.err) == (2, True)
        made = [finish(each) for each in [one.start("init") for _ in range(3)]]
        assert [each.status for each in made] == [0, 0, 0]
        assert sorted(each.out.rpartition(": ")[2] for each in made) == ["made\n", *2 * ["ready already\n"]]


def test_without_the_extra_each_command_says_how_to_get_it():
    block = "import sys; sys.modules['procrastinate'] = None; from bulkseg.cli import main; sys.exit(main())"
    for arguments in (["init"], ["submit", "x.csv"], ["worker"], ["status"], ["cancel", "x"]):
        command = [sys.executable, "-c", block, "fleet", *arguments, "--database", "postgresql://x@y/z"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, "pip install 'bulkseg[fleet]'" in done.stderr) == (2, True), arguments


def test_a_database_that_is_not_named_or_not_there_is_told_without_its_password(at):
    nowhere = "postgresql://u:hunter2@127.0.0.1:9/x"
    away = at("status", "--database", nowhere)
    assert (away.status, "cannot be reached" in away.err, "hunter2" in away.err) == (2, True, False)
    assert "no database is named" in at("status", "--database", "").err


# --- Running --------------------------------------------------------------------------------------------


def test_two_sites_go_side_by_side_each_at_its_own_rate(two):
    worker = two.worker(sites=2)
    jobs = [two.job("fast", "a", 80, rate=40), two.job("slow", "b", 40, rate=20)]
    done = two("submit", *jobs, "--wait", "--json")
    assert (done.status, [each["exit"] for each in done.document["jobs"]]) == (0, [0, 0])
    seen = {site: two.made(site) for site in "ab"}
    assert {site: stats["made"] for site, stats in seen.items()} == {"a": 80, "b": 40}
    assert rate(seen["a"]) <= 1.1 * 40
    assert rate(seen["b"]) <= 1.1 * 20
    assert max(stats["creates"][0] for stats in seen.values()) < min(
        stats["creates"][-1] for stats in seen.values()
    )
    assert {(line["job"], line["site"]) for line in worker.lines("run_ended")} == {
        ("fast", "a"),
        ("slow", "b"),
    }


def test_one_site_is_worked_on_by_one_process_at_a_time(at):
    workers = [at.worker(sites=2), at.worker(sites=2)]
    jobs = [at.job(name, "a", 20) for name in ("one", "two", "three")]
    assert at("submit", *jobs, "--wait").status == 0
    spans = sorted(
        (record["started_at"], record["ended_at"]) for record in map(at.runs, ("one", "two", "three"))
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert sum(len(worker.lines("run_ended")) for worker in workers) == 3
    at.all_made_once("a", 60)


def test_files_that_no_worker_can_reach_go_along(at):
    at.worker()
    job = at.job("nightly", "a", 3)
    assert at("submit", job, "--embed").status == 0
    for path in (job, job.with_suffix(".csv")):
        path.unlink()
    until(lambda: at.jobs()["nightly"]["exit"] == 0)
    at.all_made_once("a", 3)


def test_a_job_that_fails_says_so_to_who_waits_and_ends_no_worker(at):
    at.worker()
    job = at.job("nightly", "nowhere", 2)
    failed = at("submit", job, "--wait", "--json")
    assert (failed.status, "ELOQUA__NOWHERE__" in failed.document["jobs"][0]["stopped"]) == (2, True)
    assert at("submit", at.job("good", "a", 2), "--wait").status == 0


def test_a_running_job_that_is_cancelled_records_what_is_under_way_and_goes_on_when_submitted_again(at):
    at.worker()
    job = at.job("nightly", "a", 120)
    with at.waiting(job) as process:
        at.made("a", 20)
        assert "told to stop" in at("cancel", "nightly").out
        ended = finish(process)
    assert (ended.status, "fleet cancel" in ended.document["jobs"][0]["stopped"]) == (3, True)
    states = ended.document["jobs"][0]["summary"]["states"]
    assert states["created"] == at.made("a")["made"] < 120
    assert states["sending"] == 0
    assert at("submit", job, "--wait").status == 0
    at.all_made_once("a", 120)

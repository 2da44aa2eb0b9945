"""`run --metrics`: the file says how it went, whatever the end, before --on-done is called."""

import signal
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.commands import bulkseg, finish, sandbox, start, write_csv, write_job


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox("--latency", "0.02", cwd=tmp_path_factory.mktemp("sandbox")) as variables:
        yield {name: value for name, value in variables.items() if name != "ELOQUA_BASE_URL"}


def kept(path):
    """Every sample, by its name and its last label."""
    families = text_string_to_metric_families(path.read_text())
    samples = [sample for family in families for sample in family.samples]
    assert {(sample.labels.pop("job"), sample.labels.pop("site")) for sample in samples} == {
        ("nightly", "default")
    }
    return {" ".join([one.name.removeprefix("bulkseg_"), *one.labels.values()]): one.value for one in samples}


def test_it_says_how_the_runs_went(tmp_path, site):
    (tmp_path / "segments.csv").write_text("name\na\nb\n")
    job = write_job(tmp_path / "nightly.toml", rate=500)
    command = ("run", job, "--metrics", "m.prom", "--on-done", "cp m.prom done.prom", "--json")
    ended = bulkseg(*command, cwd=tmp_path, site=site)
    first = kept(tmp_path / "m.prom")
    assert (ended.status, ended.document["exit"], first["run_exit_status"]) == (0, 0, 0)
    assert (first["specs created"], first["specs failed"], first["run_specs open"]) == (2, 0, 0)
    assert first["requests_total sent"] == ended.document["requests"]["sent"] == 2
    assert first["requests_total searches"] == ended.document["requests"]["searches"]
    assert first["run_started_timestamp_seconds"] < first["run_ended_timestamp_seconds"] <= time.time()
    assert first["last_success_timestamp_seconds"] == first["run_ended_timestamp_seconds"]
    assert kept(tmp_path / "done.prom") == first

    refused = bulkseg(*command, cwd=tmp_path, site=site | {"ELOQUA_PASSWORD": "another"})
    second = kept(tmp_path / "m.prom")
    assert refused.status == second["run_exit_status"] == 3
    assert second["run_ended_timestamp_seconds"] > first["run_ended_timestamp_seconds"]
    same = ("specs created", "requests_total sent", "last_success_timestamp_seconds")
    assert [second[name] for name in same] == [first[name] for name in same]


def test_it_says_that_a_run_is_going_on_and_how_a_signal_ended_it(tmp_path, site):
    write_csv(tmp_path / "segments.csv", 200)
    job = write_job(tmp_path / "nightly.toml", rate=40)
    process = start("run", job, "--metrics", "m.prom", cwd=tmp_path, site=site)
    end = time.monotonic() + 30
    going_on = {}
    while "requests_in_flight" not in going_on:
        assert time.monotonic() < end
        time.sleep(0.02)
        going_on = kept(tmp_path / "m.prom") if (tmp_path / "m.prom").exists() else {}
    assert going_on["run_specs open"] == 200
    assert "run_ended_timestamp_seconds" not in going_on
    process.send_signal(signal.SIGTERM)
    assert finish(process).status == kept(tmp_path / "m.prom")["run_exit_status"] == 143
    assert "requests_in_flight" not in kept(tmp_path / "m.prom")


@pytest.mark.parametrize(("path", "why"), [("m.txt", "end in .prom"), ("no/m.prom", "there is no folder no")])
def test_a_place_that_cannot_be_meant_is_refused_before_anything_is_sent(tmp_path, site, path, why):
    write_csv(tmp_path / "s.csv", 1)
    ended = bulkseg("run", "s.csv", "--metrics", path, cwd=tmp_path, site=site)
    assert ended.status == 2
    assert why in ended.err
    assert not (tmp_path / "s.checkpoint").exists()

"""The commands as they are used: real processes against a sandbox, from a file to its results."""

import csv
import io

import pytest

from tests.integration.commands import bulkseg, held, sandbox, start, write_csv, write_job


@pytest.fixture
def site(tmp_path):
    with sandbox("--latency", "0.005", cwd=tmp_path) as variables:
        yield variables


@pytest.fixture
def job(tmp_path):
    write_csv(tmp_path / "segments.csv", 300)
    return write_job(tmp_path / "nightly.toml", rate=300, concurrency=16)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_job_goes_from_file_to_results_and_nothing_is_sent_twice(tmp_path, site, job):
    first = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert first.status == 0
    assert first.document["states"]["created"] == 300
    assert first.document["requests"]["sent"] == 300
    assert first.document["exit"] == 0

    written = bulkseg("results", job, cwd=tmp_path)
    server = held(site)
    assert written.status == 0
    assert {row["segment_id"]: row["name"] for row in rows_of(written.out)} == server
    assert len(server) == 300

    again = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert again.status == 0
    assert again.document["run"] == 2
    assert again.document["requests"]["sent"] == 0
    assert held(site) == server


def test_where_nobody_watches_the_log_is_json_lines_from_start_to_end(tmp_path, site, job):
    done = bulkseg("run", job, cwd=tmp_path, site=site)
    assert [line["event"] for line in done.log] == ["run_started", "run_ended"]
    assert all((line["job"], line["run"]) == ("nightly", 1) for line in done.log)
    assert done.log[-1]["states"]["created"] == 300
    assert "bulkseg verify" in done.out


def test_the_log_can_be_written_for_reading(tmp_path, site, job):
    done = bulkseg("run", job, "--log-format", "console", "--limit", "3", cwd=tmp_path, site=site)
    assert "run_started" in done.err
    assert not done.err.startswith("{")
    assert done.status == 0
    assert len(held(site)) == 3


def test_plan_tells_what_a_run_would_send_without_credentials(tmp_path, job):
    told = bulkseg("plan", job, "--json", cwd=tmp_path)
    assert told.status == 0
    assert told.err == ""
    shown = told.document
    assert (shown["rows"], shown["specs"], shown["to_send"]) == (300, 300, 300)
    assert (shown["rate"], shown["seconds"]) == (300, 1)
    assert shown["by_action"] == {"create": 300}
    assert shown["first"][0]["body"] == {"name": "Segment 0001"}
    assert not (tmp_path / "nightly.checkpoint").exists()

    words = bulkseg("plan", job, "--rate", "10", cwd=tmp_path).out
    assert "300 rows, 300 specs (300 create)" in words
    assert "300  to send, about 30 s at 10 requests a second" in words
    assert "segments.csv:2  create  Segment 0001" in words


def test_plan_tells_what_has_changed_since_the_last_run(tmp_path, site):
    source = tmp_path / "segments.csv"
    source.write_text("key,name,description\na,First,old\nb,Second,\nc,Third,\n")
    assert bulkseg("run", source, "--rate", "300", cwd=tmp_path, site=site).status == 0
    source.write_text("key,name,description\na,First,new\nb,Second,\nd,Fourth,\n")
    told = bulkseg("plan", source, cwd=tmp_path).out
    assert "1  to send" in told
    assert "1  made already and asked for otherwise now, not sent" in told
    assert "segments.csv:2  First" in told
    assert "1  in the checkpoint, gone from the source" in told


def test_status_tells_where_a_checkpoint_stands(tmp_path, site, job):
    bulkseg("run", job, "--limit", "40", cwd=tmp_path, site=site)
    bulkseg("run", job, "--limit", "50", cwd=tmp_path, site=site)
    shown = bulkseg("status", job, "--json", cwd=tmp_path).document
    assert (shown["job"], shown["rows"], shown["specs"], shown["gone"]) == ("nightly", 300, 300, 0)
    assert (shown["states"]["created"], shown["states"]["pending"]) == (90, 210)
    assert [run["summary"]["requests"]["sent"] for run in shown["runs"]] == [40, 50]
    assert shown["runs"][0]["started_at"].endswith("+00:00")

    by_file = bulkseg("status", tmp_path / "nightly.checkpoint", cwd=tmp_path)
    assert by_file.status == 0
    assert "90  created" in by_file.out
    assert "50 sent, exit 0" in by_file.out


def test_failures_are_told_as_they_come_counted_and_listed(tmp_path, site):
    job = tmp_path / "segments.csv"
    job.write_text("name,source_id\nMade,\nCopied,99999\nMade too,\nCopied too,88888\n")
    done = bulkseg("run", job, "--json", cwd=tmp_path, site=site)
    assert done.status == done.document["exit"] == 1
    assert (done.document["states"]["created"], done.document["states"]["failed"]) == (2, 2)
    told = [(line["source"], line["line"], line["name"]) for line in done.events("spec_failed")]
    assert sorted(told) == [("segments.csv", 3, "Copied"), ("segments.csv", 5, "Copied too")]

    failed = rows_of(bulkseg("results", job, "--state", "failed", cwd=tmp_path).out)
    assert [row["name"] for row in failed] == ["Copied", "Copied too"]
    assert all(row["error"] and row["http_status"] == "404" for row in failed)
    assert "commonest errors:" in bulkseg("status", job, cwd=tmp_path).out

    words = bulkseg("run", job, "--retry-failed", cwd=tmp_path, site=site)
    assert words.status == 1
    assert f"bulkseg run {job} --retry-failed" in words.out


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl", "xlsx"])
def test_results_go_to_a_file_in_the_format_of_its_ending(tmp_path, site, job, ending):
    bulkseg("run", job, "--limit", "7", cwd=tmp_path, site=site)
    states = ("--state", "created,failed", "--state", "unknown")
    done = bulkseg("results", job, "-o", f"out.{ending}", *states, "--json", cwd=tmp_path)
    assert done.document == {"file": f"out.{ending}", "rows": 7}
    assert (tmp_path / f"out.{ending}").stat().st_size > 0


def test_a_reader_who_has_seen_enough_ends_results_without_a_word(tmp_path, site):
    job = write_csv(tmp_path / "segments.csv", 2000)
    bulkseg("run", job, "--limit", "1", cwd=tmp_path, site=site)
    process = start("results", job, cwd=tmp_path)
    assert process.stdout.readline().startswith("key,template")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 141
    process.stderr.close()


def test_names_of_any_script_come_through_every_command(tmp_path, site):
    job = tmp_path / "ñandú.csv"
    names = ["Ελλάδα Πελάτες", "日本 顧客", 'O\'Brien & "Co"', "=cmd|' /C calc'!A0"]
    with job.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name"], *([name] for name in names)])
    assert bulkseg("run", job, cwd=tmp_path, site=site).status == 0
    assert set(held(site).values()) == set(names)
    shown = bulkseg("plan", job, "--json", cwd=tmp_path)
    assert names[0] in shown.out
    assert [spec["name"] for spec in shown.document["first"]] == names
    rows = rows_of(bulkseg("results", job, cwd=tmp_path).out)
    assert [row["name"] for row in rows] == [*names[:3], "'" + names[3]]

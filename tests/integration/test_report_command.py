"""`bulkseg report` and `run --report`: a page is written, whatever the run came to."""

import pytest

from tests.integration.commands import bulkseg, sandbox, write_csv


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox("--port", 0, cwd=tmp_path_factory.mktemp("sandbox")) as variables:
        yield variables


def test_a_run_leaves_a_report_of_its_failures(tmp_path, site):
    (tmp_path / "s.csv").write_text("name,action,source_id\n<b>Copied,copy,99999\nMade,,\n")
    ended = bulkseg("run", "s.csv", "--rate", 50, "--report", "r.html", "--json", cwd=tmp_path, site=site)
    assert ended.status == 1
    page = (tmp_path / "r.html").read_text()
    assert "&lt;b&gt;Copied" in page
    assert "50/s" in page
    asked = bulkseg("report", "s.csv", "-o", "again.html", "--json", cwd=tmp_path)
    assert asked.document == {"file": "again.html", "specs": 2, "failed_or_unknown": 1}
    assert "10/s" in (tmp_path / "again.html").read_text()


def test_a_call_that_begins_no_run_is_in_its_report(tmp_path, site):
    write_csv(tmp_path / "s.csv", 1)
    site = {name: value for name, value in site.items() if name != "ELOQUA_BASE_URL"}
    refused = site | {"ELOQUA_PASSWORD": "wrong"}
    first = bulkseg("run", "s.csv", "--report", "r.html", cwd=tmp_path, site=refused)
    assert "no report was written: s.checkpoint: there is no checkpoint" in first.err
    assert bulkseg("run", "s.csv", cwd=tmp_path, site=site).status == 0
    again = bulkseg("run", "s.csv", "--report", "r.html", cwd=tmp_path, site=refused)
    assert again.status == first.status == 3
    page = (tmp_path / "r.html").read_text()
    assert "The last call began no run." in page[: page.index("<main>")]


@pytest.mark.parametrize(
    ("output", "why"), [("s.checkpoint", "ends in .html"), ("no/where.html", "there is no folder no")]
)
@pytest.mark.parametrize("command", [("report", "s.csv", "-o"), ("run", "s.csv", "--report")])
def test_a_place_that_cannot_be_meant_is_refused_before_anything_is_done(tmp_path, command, output, why):
    write_csv(tmp_path / "s.csv", 1)
    (tmp_path / "s.checkpoint").write_text("kept")
    ended = bulkseg(*command, output, cwd=tmp_path)
    assert ended.status == 2
    assert why in ended.err
    assert (tmp_path / "s.checkpoint").read_text() == "kept"

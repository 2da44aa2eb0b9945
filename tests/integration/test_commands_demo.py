"""The demo: from nothing to results, afresh each time, and never to any real Eloqua."""

import csv

from tests.integration.commands import bulkseg

ELSEWHERE = {
    "ELOQUA_COMPANY": "Acme",
    "ELOQUA_USER": "somebody",
    "ELOQUA_PASSWORD": "something",
    "ELOQUA_LOGIN_URL": "https://login.invalid",
    "ELOQUA_BASE_URL": "https://eloqua.invalid",
}


def test_the_demo_makes_747_segments_afresh_and_then_sends_nothing(tmp_path):
    folder = tmp_path / "bulkseg-demo"
    folder.mkdir()
    (folder / "countries.checkpoint").write_bytes(b"what the last demo has left")
    (folder / "mine.txt").write_text("mine")
    ended = bulkseg("demo", cwd=tmp_path, site=ELSEWHERE)
    assert ended.status == 0, ended.err
    assert "747  created" in ended.out
    assert "747 requests sent in this run" in ended.out
    assert "\n0 requests sent in this run" in ended.out
    assert "Andorra Customers" in ended.out
    assert "bulkseg-demo/countries.checkpoint" in ended.out
    with (folder / "results.csv").open(newline="", encoding="utf-8") as results:
        ids = {row["segment_id"] for row in csv.DictReader(results)}
    assert len(ids) == 747
    assert (folder / "mine.txt").read_text() == "mine"
    started = ended.events("run_started")
    assert [(line["run"], line["total"]) for line in started] == [(1, 747), (2, 0)]

    status = bulkseg("status", "bulkseg-demo/countries.toml", cwd=tmp_path)
    assert "747  created" in status.out

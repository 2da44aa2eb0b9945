"""The benchmarks run: tiny ones here, whose figures mean nothing."""

from __future__ import annotations

import pytest

from benchmarks import children, growth, soak
from benchmarks.contenders import CONTENDERS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """What they keep does not take the place of real figures."""
    monkeypatch.setattr(children, "FOLDER", tmp_path)
    monkeypatch.setattr(growth, "PICTURE", tmp_path / "growth.png")


@pytest.mark.parametrize("name", CONTENDERS)
def test_each_other_client_makes_what_it_is_asked_for(name):
    with children.server() as server:
        children.python("-m", "benchmarks.contenders", name, "20", "4", limit=30, environ=server.environ)
        assert server.stats()["names"] == 20


def test_growth_is_measured_command_by_command_and_drawn(tmp_path, monkeypatch):
    few = {name: growth.COMMANDS[name] for name in ("resume", "results .parquet")}
    monkeypatch.setattr(growth, "COMMANDS", few)
    report = growth.measure(1, (50,))
    assert [row["command"] for row in report.rows] == list(few)
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_soak_compares_what_was_made_with_what_is_on_record():
    report = soak.soak(300)
    assert "'twice': 0, 'missing': 0, 'wrong_ids': 0, 'not_created': 0" in report.budgets[-1].what
    assert report.budgets[-1].kept

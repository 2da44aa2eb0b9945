"""The jobs that come with bulkseg: each is read as a user's would be, and makes what its README says."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import orjson
import pytest

from bulkseg.expand import compile_job
from bulkseg.job import load_job
from bulkseg.model import Row, Spec
from bulkseg.rows import open_source

JOBS = Path(__file__).parents[2] / "jobs"
TODAY = date(2026, 2, 1)


def rows_of(name: str) -> list[Row]:
    job = load_job(JOBS / name)
    source = open_source(job.sources, job.base)
    try:
        return [row for batch in source.batches() for row in batch]
    finally:
        source.close()


def specs_of(name: str) -> list[Spec]:
    """The specs of a job; any problem fails the test, in its own words."""
    job = load_job(JOBS / name)
    source = open_source(job.sources, job.base)
    try:
        expander = compile_job(job, source.columns, TODAY, source.display)
        problems: list[str] = []
        rows = (row for batch in source.batches() for row in batch)
        specs = [spec for row in rows for spec in expander.expand(row, lambda p: problems.append(str(p)))]
    finally:
        source.close()
    assert problems == []
    return specs


EXAMPLES = {"countries.toml": 747, "migration.toml": 54, "simple.csv": 5, "webinars.xlsx": 5}


@pytest.mark.parametrize(("name", "count"), EXAMPLES.items())
def test_an_example_makes_as_many_specs_as_it_says_with_keys_and_names_of_their_own(name, count):
    specs = specs_of(name)
    assert len(specs) == count
    assert len({spec.key for spec in specs}) == count
    assert len({spec.folded for spec in specs}) == count


def test_every_example_is_looked_at_here_and_told_in_the_readme():
    sources = {"countries.csv", "migration.parquet"}
    there = {path.name for path in JOBS.iterdir() if path.suffix in {".toml", ".csv", ".parquet", ".xlsx"}}
    assert there - sources == set(EXAMPLES)
    readme = (JOBS / "README.md").read_text(encoding="utf-8")
    assert [name for name in there if f"`{name}`" not in readme] == []


def test_the_countries_are_those_of_iso_3166():
    rows = [row.cells for row in rows_of("countries.toml")]
    assert len({row["code"] for row in rows}) == len({row["name"] for row in rows}) == 249
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    assert all(len(row["code"]) == 2 and row["code"].isupper() for row in rows)
    # the United Nations' M49 list, with Taiwan in Asia
    regions = {"Africa": 60, "Americas": 57, "Asia": 51, "Europe": 51, "Oceania": 29, "Antarctica": 1}
    assert Counter(row["region"] for row in rows) == regions


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("AX", "Åland Islands"),
        ("CI", "Côte d'Ivoire"),
        ("CW", "Curaçao"),
        ("NA", "Namibia"),
        ("PS", "Palestine, State of"),
        ("TR", "Türkiye"),
    ],
)
def test_names_that_other_tools_mangle_are_whole(code, name):
    assert {row.cells["code"]: row.cells["name"] for row in rows_of("countries.toml")}[code] == name


def test_a_countrys_body_has_two_criteria_that_its_statement_joins():
    (spec,) = (spec for spec in specs_of("countries.toml") if spec.name == "Namibia Partners")
    body = orjson.loads(spec.body)
    (element,) = body["elements"]
    values = {part["id"]: part["condition"]["value"] for part in element["filter"]["criteria"]}
    assert values == {"-5": "NA", "-6": "Partners"}
    assert element["filter"]["statement"] == "-5 AND -6"
    assert body["description"] == "Partners in Namibia (Africa)"
    assert orjson.loads(spec.key) == ["audience", "NA", "Partners"]


def test_the_migration_copies_active_rows_only():
    specs = specs_of("migration.toml")
    retired = {
        row.cells["legacy_id"] for row in rows_of("migration.toml") if row.cells["status"] == "retired"
    }
    assert len(retired) == 6
    assert retired.isdisjoint(orjson.loads(spec.key)[1] for spec in specs)
    assert {(spec.action, spec.source_id) for spec in specs} == {("copy", str(n)) for n in range(2, 8)}
    assert "Migrated: Event Attendees - 日本 (2019)" in {spec.name for spec in specs}

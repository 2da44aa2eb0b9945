"""The job file's JSON Schema: every example fits it, and what the job file refuses by form does not."""

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from bulkseg.cli import app
from bulkseg.errors import InputError
from bulkseg.job import load_job
from bulkseg.job.schema import job_schema

ROOT = Path(__file__).parents[2]
JOBS = sorted((ROOT / "jobs").glob("*.toml"))
VALIDATOR = Draft202012Validator(job_schema())
LEAST = '[source]\npath = "s.csv"\n[[segment]]\nname = "n"\n'


def flaws(text):
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema_of_the_draft_that_it_names():
    Draft202012Validator.check_schema(job_schema())
    assert job_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_there_are_jobs_to_hold_against_it():
    assert len(JOBS) >= 2


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_every_example_fits(job):
    assert flaws(job.read_text(encoding="utf-8")) == []


def test_the_job_of_the_readme_fits():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert flaws(readme.split("```toml\n")[1].split("```")[0]) == []


@pytest.mark.parametrize(
    "more",
    [
        "",
        'folder = "Nightly/2026"',
        "folderId = 180344",
        'elements = "{{ column }}"',
        "for_each.audience = [1, true, 'NA']\nfor_each.region = ['EMEA']",
        '[limits]\nrate = 2.5\nsettle = 90\ntimeout = "500ms"\nmax_failures = "0.5%"',
        "[limits]\nmax_failures = 0",
        "[vars]\nquarter = 'Q4'\nyear = 2026",
    ],
)
def test_what_the_job_file_takes_the_schema_takes(tmp_path, more):
    assert flaws(LEAST + more) == []
    job = tmp_path / "job.toml"
    job.write_text(LEAST + more)
    load_job(job)


@pytest.mark.parametrize(
    "text",
    [
        LEAST + "nmae = 'n'",
        LEAST + "id = '5'",
        LEAST + "action = 'move'",
        LEAST + "folder = 'A'\nfolderId = '7'",
        LEAST + "elements = 5",
        LEAST + "for_each.audience = []",
        LEAST + "for_each.audience = 'EMEA'",
        LEAST + "[limits]\nrate = 0",
        LEAST + "[limits]\nconcurrency = 2.5",
        LEAST + "[limits]\ntimeout = 'soon'",
        LEAST + "[limits]\ntimeout = '30s and more'",
        LEAST + "[limits]\nmax_failures = 'many'",
        LEAST + "[limits]\nmax_failures = -1",
        LEAST + "[results]\nif_exists = 'maybe'",
        LEAST + "[sauce]",
        '[source]\npath = ""\n[[segment]]\nname = "n"',
        '[source]\npath = []\n[[segment]]\nname = "n"',
        '[source]\npath = "s.csv"',
        '[[segment]]\nname = "n"',
    ],
)
def test_what_the_job_file_refuses_by_form_the_schema_refuses(tmp_path, text):
    assert flaws(text) != []
    job = tmp_path / "job.toml"
    job.write_text(text)
    with pytest.raises(InputError):
        load_job(job)


def properties(schema):
    for part in (schema, *schema["$defs"].values()):
        yield from part["properties"].items()


def test_nothing_is_null_and_no_default_is_of_another_kind_than_its_key():
    for _, part in properties(job_schema()):
        assert "null" not in json.dumps(part)
        if "default" in part:
            assert list(Draft202012Validator(part).iter_errors(part["default"])) == []


def test_the_command_prints_it():
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout_bytes) == job_schema()

"""What is wrong in a job is said at its place, and the server hears nothing of it: not even a sign-in."""

import re
from pathlib import Path

import pytest

from bulkseg.eloqua.sites import load_site
from bulkseg.errors import InputError
from bulkseg.job import load_job
from bulkseg.pipeline import RunOptions, plan, run
from bulkseg.sandbox import Settings, environment, serve
from bulkseg.stop import Stop
from tests.integration.provisioned import Quiet

# The file, and all that is said of it: FILE:LINE: COLUMN: what is wrong and what to do.
SAID = {
    "no name column": (
        "title\nA\n",
        [r"s\.csv:1: name: is missing; .*", r"s\.csv:1: title: .*"],
    ),
    "an empty name": ('name\nA\n""\n', [r"s\.csv:3: name: .*empty.*"]),
    "a name twice": ("name\nA\nB\na\n", [r's\.csv:4: name: "a" comes twice: .*s\.csv:2 .*']),
    "a key twice": ("name,key\nA,k\nB,k\n", [r"s\.csv:3: key: .* comes twice: .*s\.csv:2 .*"]),
    "not UTF-8": (b"name\nA\nM\xfcller\n", [r"s\.csv:3: .*UTF-8.*"]),
    "an empty file": ("", [r"s\.csv: is empty: .*"]),
    "no rows": ("name\n", [r"s\.csv: has a header and no rows: .*"]),
    "ragged rows": (
        "name,description\nA,x\nB\nC,x,y\n",
        [r"s\.csv:3: the row has 1 cell, .*", r"s\.csv:4: the row has 3 cells, .*"],
    ),
    "an id that is no number": ("name,source_id\nA,x7\n", [r"s\.csv:2: source_id: must be the id .*'x7'"]),
    "a copy without a source": ("name,action\nA,copy\n", [r"s\.csv:2: source_id: is empty; .*"]),
    "an unknown action": (
        "name,action\nA,creat\n",
        [r's\.csv:2: action: must be create or copy.*"create"\?'],
    ),
    "elements that are no JSON": ("name,elements\nA,[{\n", [r"s\.csv:2: elements: is no valid JSON .*"]),
    "an unknown column": ("name,descripton\nA,x\n", [r"s\.csv:1: descripton: .*description.*"]),
    "a NUL byte": ("name\nA\nB\0\n", [r"s\.csv:3: .*NUL.*"]),
    "several at once": (
        'name,source_id\n"two\nlines",1\nA,x\nB,y\n',
        [r"s\.csv:2: name: .*", r"s\.csv:4: source_id: .*", r"s\.csv:5: source_id: .*"],
    ),
}
JOB = """
[source]
path = "s.csv"
[[segment]]
%s
name = "{{ name }}"
"""
SAID_OF_JOBS = {
    "an unknown key": ('templat = "t"', r"j\.toml: segment\[1\]\.templat: is no known key.*template.*"),
    "an unknown action": ('action = "delete"', r"j\.toml: segment\[1\]\.action: .*"),
    "a copy without a source": ('action = "copy"', r"j\.toml: segment\[1\]\.source_id: .*"),
    "a column that is not there": (
        'description = "{{ nam }}"',
        r"j\.toml: segment\[1\]\.description: .*",
    ),
}


@pytest.fixture
async def refused(tmp_path, monkeypatch):
    """Plans a job and runs it; gives what both said, once it is known that the server has heard nothing."""
    monkeypatch.chdir(tmp_path)

    async def tried(job):
        def load():
            return load_job(Path(job))

        async with serve(Settings(record_arrivals=True)) as sandbox:
            site = load_site(None, environment(sandbox.url))
            with pytest.raises(InputError) as planned:
                plan(load())
            with pytest.raises(InputError) as ran:
                await run(load(), RunOptions(), site, observer=Quiet(), stop=Stop())
            assert sandbox.store.arrivals == []
        assert ran.value.lines() == planned.value.lines()
        assert planned.value.exit_status == 2
        assert not list(tmp_path.glob("*.checkpoint*"))
        return planned.value.lines()

    return tried


def is_said(lines, patterns):
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


@pytest.mark.parametrize("what", SAID)
async def test_what_is_wrong_in_a_data_file_is_said_at_its_line_and_column(tmp_path, refused, what):
    content, patterns = SAID[what]
    (tmp_path / "s.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = await refused("s.csv")
    assert is_said(lines, patterns), lines


@pytest.mark.parametrize("what", SAID_OF_JOBS)
async def test_what_is_wrong_in_a_job_file_is_said_at_its_table_and_key(tmp_path, refused, what):
    key, pattern = SAID_OF_JOBS[what]
    (tmp_path / "s.csv").write_text("name\nA\n")
    (tmp_path / "j.toml").write_text(JOB % key)
    lines = await refused("j.toml")
    assert is_said(lines, [pattern]), lines


async def test_what_is_wrong_in_a_row_of_a_job_is_said_at_the_row(tmp_path, refused):
    (tmp_path / "s.csv").write_text("name\nA\n\na\n")
    (tmp_path / "j.toml").write_text(JOB % "")
    lines = await refused("j.toml")
    assert is_said(lines, [r's\.csv:4: name: "a" comes twice: s\.csv:2 .*']), lines

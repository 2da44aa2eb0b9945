"""What is wrong in a job or its source: `plan` and `run` say where and what, exit 2, and send nothing."""

import gzip
import json

import pytest

from tests.integration.commands import bulkseg, held, sandbox

JOB = '[source]\npath = "s.csv"\n[[segment]]\ntemplate = "t"\naction = "create"\nname = "{{ name }}"\n'

# The file, what is in it, and what is said of it.
BAD = {
    "no name column": ("s.csv", b"title\nA\n", "s.csv", "name"),
    "an empty name": ("s.csv", b'name\nA\n""\n', "s.csv:3: name:", "empty"),
    "a name twice": ("s.csv", b"name\nA\nB\na\n", "s.csv:4: name:", "s.csv:2"),
    "not UTF-8": ("s.csv", b"name\nA\nM\xfcller\n", "s.csv:3", "UTF-8"),
    "an empty file": ("s.csv", b"", "s.csv", "empty"),
    "no rows": ("s.csv", b"name\n", "s.csv", "no rows"),
    "a ragged row": ("s.csv", b"name,description\nA,x\nB\n", "s.csv:3", "cell"),
    "a copy whose id is no number": ("s.csv", b"name,source_id\nA,x7\n", "s.csv:2: source_id:", "x7"),
    "a copy without a source": ("s.csv", b"name,action\nA,copy\n", "s.csv:2: source_id:", "copy"),
    "an unknown action": ("s.csv", b"name,action\nA,delete\n", "s.csv:2: action:", "delete"),
    "elements that are no JSON": ("s.csv", b"name,elements\nA,[{\n", "s.csv:2: elements:", "JSON"),
    "an unknown column": ("s.csv", b"name,descripton\nA,x\n", "s.csv", "description"),
    "a NUL byte": ("s.csv", b"name\nA\nB\x00\n", "s.csv:3", "NUL"),
    "an unknown key": ("j.toml", JOB.replace("template", "templat").encode(), "j.toml: segment", "template"),
    "TOML that is none": ("j.toml", b"[source\n", "j.toml", ""),
    "a gzip file that is cut": ("s.csv.gz", gzip.compress(b"name\nA\n" * 999)[:-12], "s.csv.gz", ""),
    "a name that is no data file": ("s.docx", b"x", "s.docx", ".toml"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with sandbox(cwd=tmp_path_factory.mktemp("sandbox")) as variables:
        yield variables


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_with_its_place_and_nothing_is_sent(tmp_path, site, command, what):
    name, content, place, why = BAD[what]
    (tmp_path / "s.csv").write_bytes(b"name\nA\n")
    (tmp_path / name).write_bytes(content)
    ended = bulkseg(command, name, "--json", cwd=tmp_path, site=site)
    assert ended.status == ended.document["exit"] == 2
    assert any(line.startswith(place) and why in line for line in ended.err.splitlines())
    assert ended.document["total"] >= len(ended.document["problems"]) >= 1
    assert "Traceback" not in ended.err
    assert held(site) == {}
    assert not list(tmp_path.glob("*.checkpoint"))


def test_all_bad_rows_are_told_the_first_hundred_in_full(tmp_path):
    rows = "".join(f"A{number},x\n" for number in range(130))
    (tmp_path / "s.csv").write_text(f"name,source_id\n{rows}")
    ended = bulkseg("plan", "s.csv", cwd=tmp_path)
    lines = ended.err.splitlines()
    assert (ended.status, len(lines)) == (2, 101)
    assert lines[99].startswith("s.csv:101: source_id:")
    assert lines[100] == "and 30 more problems like these"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--rate", "0"], "--rate"),
        (["--concurrency", "0"], "--concurrency"),
        (["--var", "quarter"], "NAME=VALUE"),
        (["--var", "quarter=Q1"], "quarter"),
    ],
)
def test_an_option_that_cannot_be_exits_2(tmp_path, site, arguments, why):
    (tmp_path / "s.csv").write_bytes(b"name\nA\n")
    ended = bulkseg("run", "s.csv", *arguments, cwd=tmp_path, site=site)
    assert ended.status == 2
    assert why in ended.err
    assert held(site) == {}


def test_a_state_that_is_none_is_refused_with_those_that_are(tmp_path):
    ended = bulkseg("results", "s.checkpoint", "--state", "faild", cwd=tmp_path)
    assert ended.status == 2
    assert "pending, sending, created, failed" in ended.err


def test_results_as_json_needs_a_file_to_tell_of(tmp_path):
    ended = bulkseg("results", "s.checkpoint", "--json", cwd=tmp_path)
    assert ended.status == 2
    assert "-o FILE" in json.loads(ended.out)["error"]


@pytest.mark.parametrize("fault", ["lost", "lost:0", "nonsense:3"])
def test_a_fault_that_is_none_does_not_start_the_sandbox(tmp_path, fault):
    ended = bulkseg("sandbox", "--fault", fault, cwd=tmp_path)
    assert (ended.status, ended.out) == (2, "")

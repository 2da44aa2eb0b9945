"""What `plan` shows: what is made, asked for otherwise, left out; and every body in a file."""

import json
from pathlib import Path

import pytest

from bulkseg.cli.plan import counts
from bulkseg.planning import Plan
from tests.integration.commands import bulkseg, sandbox
from tests.integration.terminal import Terminal


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A job of which one was made, one refused, one gone, and one changed since; and six that are new."""
    folder = tmp_path_factory.mktemp("planned")
    (folder / "s.csv").write_text(
        "key,name,source_id,description\n1,One,,\n2,Two,999,\n3,Three,,\n4,Four,,old\n"
    )
    with sandbox(cwd=folder) as site:
        assert bulkseg("run", "s.csv", cwd=folder, site=site).status == 1
    rows = "".join(f"{number},New {number},,\n" for number in range(5, 11))
    (folder / "s.csv").write_text(f"key,name,source_id,description\n1,One,,\n2,Two,999,\n4,Four,,new\n{rows}")
    return folder


def test_each_kind_has_its_sign_the_first_ones_and_their_number(run_once):
    told = bulkseg("plan", "s.csv", cwd=run_once).out.splitlines()
    assert told[1:11] == [
        *(f"  + s.csv:{line}  create  New {line}" for line in range(5, 10)),
        "  + and 1 more",
        "  ~ s.csv:4  Four: made already, and asked for otherwise now",
        "  - s.csv:3  Two: source_id: segment 999 does not exist or is not visible to this user",
        "  - s.csv:4  Three: created, and gone from the source",
        "           6  to send, about 1 s at 10 requests a second",
    ]


def test_the_counts_of_a_plan_add_up_to_its_specs_those_in_doubt_too():
    states = {"created": 5, "sending": 1, "unknown": 2}
    plan = Plan("j", Path("j"), 8, 8, {}, {}, (), 0, 5, 0, (), 0, 0, 10.0, 0.0, states, ())
    assert list(counts(plan)) == [
        "           0  to send",
        "           3  in doubt: what became of them is found out first",
        "           5  done already",
    ]


def test_what_is_tried_again_is_among_what_is_made(run_once):
    told = bulkseg("plan", "s.csv", "--retry-failed", cwd=run_once).out.splitlines()
    assert told[1] == "  + s.csv:3  copy  Two"
    assert not any("Two:" in line for line in told)


def test_every_request_is_written_with_its_body_whatever_was_made_of_it(run_once):
    assert bulkseg("plan", "s.csv", "-o", "all.jsonl", cwd=run_once).status == 0
    lines = [json.loads(line) for line in (run_once / "all.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["One", "Two", "Four", *(f"New {n}" for n in range(5, 11))]
    assert lines[1] == {
        "key": '["segment","2"]',
        "name": "Two",
        "action": "copy",
        "template": "segment",
        "source_id": "999",
        "folder": None,
        "source": "s.csv",
        "line": 3,
        "body": {"name": "Two"},
    }


def test_no_bodies_are_written_of_a_job_that_is_wrong(tmp_path):
    (tmp_path / "s.csv").write_text("name\nA\n\nA\n")
    assert bulkseg("plan", "s.csv", "-o", "all.jsonl", cwd=tmp_path).status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]
    told = bulkseg("plan", "s.csv", "-o", "all.csv", cwd=tmp_path)
    assert "ends with .jsonl" in told.err


def test_somebody_at_a_terminal_sees_the_cell_and_the_line_that_scripts_read_comes_first(tmp_path):
    (tmp_path / "s.csv").write_text("name,source_id\nA,7x\n")
    terminal = Terminal("plan", "s.csv", cwd=tmp_path, site={})
    assert terminal.end() == 2
    first, line, caret = terminal.said.splitlines()
    assert first.startswith(
        "s.csv:2: source_id: must be the id of the segment to copy, a whole number such as"
    )
    assert (line, caret) == ("  | A,7x", "      ^^")

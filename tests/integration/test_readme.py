"""The README is true: its commands run as they stand there, its job loads, and nothing goes unsaid."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
from typer.main import get_command

from bulkseg.cli import app
from bulkseg.job import load_job
from bulkseg.model import State
from bulkseg.results import COLUMNS
from bulkseg.stop import SIGNAL_EXITS
from tests.integration.commands import ROOT, environment, sandbox

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!-- not run: [^>]+ -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = [(bool(left_out), language, text) for left_out, language, text in BLOCK.findall(README)]
MAKE = "make demo "


def blocks(language):
    return [(left_out, text) for left_out, found, text in BLOCKS if found == language]


def test_only_what_stays_in_the_foreground_or_needs_an_instance_is_not_run():
    left_out = [text for skipped, text in blocks("sh") if skipped]
    assert [text.split()[:2] for text in left_out] == [["bulkseg", "sandbox"], ["export", "ELOQUA_COMPANY=…"]]


def test_the_commands_run_as_they_stand_there(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    command = tools / "bulkseg"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bulkseg "$@"\n')
    command.chmod(0o755)
    with sandbox(cwd=tmp_path) as site:
        variables = environment(site) | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        for _, text in [block for block in blocks("sh") if not block[0] and MAKE not in block[1]]:
            ended = subprocess.run(
                ["sh", "-eu", "-c", text],
                cwd=tmp_path,
                env=variables,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr
    made = (tmp_path / "made.csv").read_text(encoding="utf-8")
    assert made.count(",created,") == 2
    assert "0 requests sent" in ended.stdout


def test_the_two_first_commands_are_those_that_make_has():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", README, re.MULTILINE))
    named = {"".join(pair) for pair in named}
    assert {"demo", "test"} <= named <= targets


def test_the_job_file_loads_and_its_limits_are_the_defaults(tmp_path):
    ((_, text),) = blocks("toml")
    job = tmp_path / "job.toml"
    job.write_text(text, encoding="utf-8")
    (tmp_path / "least.toml").write_text('[source]\npath = "x.csv"\n[[segment]]\nname = "x"\n')
    loaded, least = load_job(job), load_job(tmp_path / "least.toml")
    assert loaded.limits == least.limits
    assert loaded.if_exists == least.if_exists
    assert set(tomllib.loads(text)) == {"job", "source", "vars", "defaults", "segment", "limits", "results"}


def every_option():
    for name, command in get_command(app).commands.items():
        for parameter in command.params:
            for option in parameter.opts:
                yield name, option


COMMON = {"--json", "--log-level", "--output", "-o"}


@pytest.mark.parametrize("name", sorted(get_command(app).commands))
def test_every_command_is_told(name):
    assert f"bulkseg {name}" in README


def test_every_option_is_told():
    missing = {
        f"{name} {option}"
        for name, option in every_option()
        if option.startswith("--") and option not in COMMON and f"`{option}" not in README
    }
    assert missing == set()


def test_every_state_column_and_exit_status_is_told():
    assert f"`{', '.join(COLUMNS)}`" in README.replace("\n", " ")
    assert [state for state in State if f"| `{state}` |" not in README] == []
    table = README[README.index("| exit status |") : README.index("The columns of the results")]
    statuses = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    told = {int(one) for cell in statuses for one in cell.split(",")}
    assert told == {0, 1, 2, 3, 4, *SIGNAL_EXITS.values()}


def test_nothing_that_is_to_be_filled_in_is_left():
    assert not re.findall(r"\bTODO\b|\bTORTURE\b|^BENCH$|\bXXX\b", README, re.MULTILINE)

"""The README is true: its commands run as they stand there, its jobs load, and nothing goes unsaid.

A comment before a block says what is done with it: `file: NAME` is written; `stays: ...` is a server that
runs to the end; `as: the sandbox at PORT` comes after that one's `export` lines; `exit: N` is the status that
its commands end with; `not run: ...` is left out, and why. All blocks share a folder and a shell, as a
reader's would.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import ExitStack, contextmanager
from typing import get_args

import pytest
import yaml
from typer.main import get_command

from bulkseg.cli import app
from bulkseg.eloqua.sources import CREDENTIALS
from bulkseg.job import load_job
from bulkseg.job.tables import TABLES, JobFile
from bulkseg.model import State
from bulkseg.observe import EventName
from bulkseg.progress.exposition import FIELDS
from bulkseg.results import COLUMNS
from bulkseg.sandbox.faults import FaultKind
from bulkseg.stop import SIGNAL_EXITS
from bulkseg.summary import Summary
from tests.integration.commands import ROOT, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- ([\w ]+): ([^\n]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall(README)
SESSION = ("sh", "console")
END = "this was the end of a command:"
# Figures that no two runs have alike.
UNSTEADY = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)", "<time>"),
    (r"in \d+(\.\d)? s \(\d+\.\d a second\)", "in <seconds>"),
    (r"\d+ searches", "<searches>"),
)


def marked(mark):
    return [(what, text) for found, what, _, text in BLOCKS if found == mark]


# --- The commands ---------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


@pytest.fixture(scope="module")
def ports():
    """The ports that the README names, and those that stand for them here."""
    return {port: free_port() for port in sorted(set(re.findall(r"--port (\d+)", README)))}


def steady(text, ports):
    for port, ours in ports.items():
        text = text.replace(ours, port)
    for pattern, word in UNSTEADY:
        text = re.sub(pattern, word, text)
    # Where nobody is at a terminal, the log comes beside what a command says.
    return [line for line in text.splitlines() if not line.startswith('{"')]


def steps(text):
    """The commands of a `console` block, each with the lines that are shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def is_shown(shown, said):
    """Whether these lines are what was said; a line of `...` stands for any lines."""
    escaped = [".*" if line == "..." else re.escape(line) + "\n" for line in shown]
    return re.fullmatch("".join(escaped), "".join(f"{line}\n" for line in said), re.DOTALL) is not None


class Shell:
    """One `sh` in one folder, as a reader's terminal is."""

    def __init__(self, folder, variables):
        self._process = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command):
        """What it says, and its exit status."""
        wrapped = f"eval {shlex.quote(command)} </dev/null\necho '{END}' $?\n"
        self._process.stdin.write(wrapped)
        self._process.stdin.flush()
        said = []
        for line in self._process.stdout:
            text, end, status = line.rpartition(END)
            said.append(text or ("" if end else status))
            if end:
                return "".join(said), int(status)
        raise AssertionError(f"the shell is gone: {''.join(said)}")

    def close(self):
        self._process.communicate(timeout=30)


@contextmanager
def staying(command, shown, folder, variables, ports):
    """A server, once it has said what the README shows; gives the variables that it prints."""
    process = subprocess.Popen(
        shlex.split(command),
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = [process.stdout.readline() for _ in range(6)]
        if shown:
            assert steady("".join(said), ports) == shown.splitlines()
        yield [line for line in said if line.startswith("export ")]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reader")


@pytest.fixture(scope="module")
def reader(folder):
    """The variables of a reader who has installed bulkseg, and knows no Eloqua."""
    tools = folder / "tools"
    tools.mkdir()
    command = tools / "bulkseg"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m bulkseg "$@"\n')
    command.chmod(0o755)
    return environment() | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}


def test_the_commands_do_what_is_shown_below_them(folder, reader, ports):
    with ExitStack() as held:
        shell = Shell(folder, reader)
        held.callback(shell.close)
        exports = {}
        for mark, what, language, text in BLOCKS:
            if mark == "file":
                (folder / what).write_text(text, encoding="utf-8")
            elif mark == "stays":
                ((command, shown),) = steps(text)
                (port,) = (port for port in ports if port in command)
                ours = command.replace(port, ports[port])
                exports[port] = held.enter_context(staying(ours, shown, folder, reader, ports))
            elif language in SESSION and mark != "not run":
                if mark == "as":
                    shell.run("".join(exports[what.split()[-1]]))
                follow(shell, text, ports, int(what) if mark == "exit" else None)


def follow(shell, text, ports, exit_status):
    """Runs a block's commands and compares; each has to end well, or as it is shown to."""
    for command, shown in steps(text):
        said, status = shell.run(command)
        told = re.search(r"^exit (\d+):", said, re.MULTILINE)
        wanted = exit_status if exit_status is not None else int(told[1]) if told else 0
        assert status == wanted, (command, said)
        assert is_shown(steady(shown, ports), steady(said, ports)), (command, said)


def test_only_what_cannot_be_run_here_is_left_out():
    left_out = [[line.split()[:2] for line in text.splitlines()] for _, text in marked("not run")]
    assert left_out == [
        [["make", "demo"], ["make", "test"]],
        [
            ["unset", "ELOQUA_LOGIN_URL"],
            ["export", "ELOQUA_COMPANY=YourCompany"],
            ["read", "-rs"],
            ["bulkseg", "whoami"],
            ["bulkseg", "run"],
        ],
        [["python3", "-m"], ["~/bulkseg/bin/pip", "install"], ["~/bulkseg/bin/pip", "install"]],
        [["docker", "build"], ["docker", "run"]],
        [["pip", "install"], ["bulkseg", "run"]],
        [["pip", "install"], ["export", "PGPASSWORD=..."], ["bulkseg", "run"], ["bulkseg", "status"]],
        [
            ["pip", "install"],
            ["export", "BULKSEG_DATABASE=postgresql://bulkseg@db.example.com/bulkseg"],
            *(["bulkseg", "fleet"] for _ in range(6)),
        ],
    ]


def test_every_block_of_commands_has_some_that_are_run_or_is_left_out_by_name():
    for mark, _, language, text in BLOCKS:
        if language in SESSION and mark != "not run":
            assert list(steps(text)), text


def test_every_target_that_is_named_is_one_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= targets


def test_a_file_that_is_named_as_one_of_the_project_is_there():
    named = re.findall(r"`((?:requirements|tests|\.ci|jobs)/[\w/.]+|[A-Z]\w+(?:\.\w+)?)`", README)
    files = {name for name in named if "/" in name or name == "Dockerfile"}
    assert "Dockerfile" in files
    assert [name for name in files if not (ROOT / name).exists()] == []


# --- The job file ---------------------------------------------------------------------------------------


@pytest.fixture
def jobs(tmp_path):
    for name, text in marked("file"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "nested.json").write_text("{}")  # `pull` writes it in the README
    return tmp_path


def test_every_job_file_loads(jobs):
    shown = [text for _, _, language, text in BLOCKS if language == "toml"]
    written = [text for name, text in marked("file") if name.endswith(".toml")]
    assert shown == written
    assert [load_job(path).name for path in sorted(jobs.glob("*.toml"))] == [
        "copies",
        "flat",
        "matrix",
        "nested",
        "nightly",
        "regional",
        "trouble",
    ]


def test_the_values_that_are_called_defaults_are_those(jobs):
    (jobs / "least.toml").write_text('[source]\npath = "x.csv"\n[[segment]]\nname = "x"\n')
    shown, least = load_job(jobs / "regional.toml"), load_job(jobs / "least.toml")
    assert (shown.limits, shown.if_exists) == (least.limits, least.if_exists)
    assert load_job(jobs / "trouble.toml").limits != least.limits


def test_the_example_has_every_table_and_the_text_every_key(jobs):
    assert set(tomllib.loads((jobs / "regional.toml").read_text())) == set(JobFile.model_fields)
    keys = [field.alias or name for model in TABLES.values() for name, field in model.model_fields.items()]
    told = (jobs / "regional.toml").read_text() + README[README.index("New parts of a body") :]
    assert [key for key in keys if not re.search(rf"(^|[`# ]){key}\b", told, re.MULTILINE)] == []


# --- The commands' options, and what they give ----------------------------------------------------------


def leaves(commands, before=""):
    """Every command by its whole name, those of a group in its place."""
    for name, command in commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command.commands, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(leaves(get_command(app).commands))


def row_of(name):
    """What the table of commands says of one."""
    return re.search(rf"^\| `bulkseg {name}[^|]*\|[^|]*\|$", README, re.MULTILINE)[0]


def options_of(name):
    return [option for parameter in COMMANDS[name].params for option in parameter.opts if option[:1] == "-"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_told_with_every_option(name):
    told = row_of(name) + (row_of("plan") if name == "run" else "")
    common = {"--log-level", "--help"}
    assert all(f"`{option}" in README for option in common)
    missing = {
        option for option in options_of(name) if option not in common and not re.search(rf"`{option}\b", told)
    }
    assert missing == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_option_is_told_that_a_command_has_not(name):
    assert set(re.findall(r"`(--?[a-z-]+)", row_of(name))) <= set(options_of(name))


def test_every_exit_status_is_told():
    table = README[README.index("| exit status |") : README.index("The results have one row")]
    statuses = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    told = {int(one) for cell in statuses for one in cell.split(",")}
    assert told == {0, 1, 2, 3, 4, *SIGNAL_EXITS.values()}


def test_every_state_is_told():
    assert [state for state in State if f"\n| `{state}` |" not in README] == []


def test_every_column_of_the_results_is_told_in_its_order():
    table = README[README.index("| column | is |") : README.index("`run --json` prints this")]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert tuple(told) == COLUMNS


def test_the_document_of_a_run_has_the_keys_that_are_shown():
    (text,) = (text for mark, _, language, text in BLOCKS if language == "json" and not mark)
    shown, made = json.loads(text), Summary("x", ROOT).document()
    assert list(shown) == list(made)
    assert [list(shown[name]) for name in ("states", "requests")] == [
        list(made[name]) for name in ("states", "requests")
    ]


def test_every_fault_of_the_sandbox_is_told():
    assert [kind for kind in FaultKind if f"`{kind}`" not in README] == []


def test_every_event_of_the_log_is_told_and_no_other():
    table = README[README.index("| event | when |") : README.index("## Sites and credentials")]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    told = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert told == list(get_args(EventName))


def test_every_event_is_told_by_something():
    sources = "".join(path.read_text() for path in (ROOT / "bulkseg").rglob("*.py"))
    told = set(re.findall(r'(?:\.notice|_log\.\w+|\bwrite)\(\s*"(\w+)"', sources))
    assert set(get_args(EventName)) <= told


def test_every_event_of_a_worker_is_told_and_no_other():
    sources = "".join(path.read_text() for path in (ROOT / "bulkseg" / "fleet").glob("*.py"))
    logged = set(re.findall(r'log\.\w+\(\s*"(\w+)"', sources))
    table = README[README.index("| worker's event | when |") : README.index("The schema `bulkseg_fleet`")]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == logged


def test_every_metric_is_told():
    table = README[README.index("| metric | is |") : README.index("A rule that speaks up")]
    assert set(re.findall(r"`(bulkseg_\w+)`", table)) == set(FIELDS)


def test_the_rule_for_an_alert_asks_for_a_metric_that_there_is():
    ((rule,),) = (yaml.safe_load(text)["groups"][0]["rules"] for _, _, kind, text in BLOCKS if kind == "yaml")
    assert set(re.findall(r"bulkseg_\w+", rule["expr"])) == {"bulkseg_last_success_timestamp_seconds"}


def test_every_variable_is_told():
    sources = "".join(path.read_text() for path in (ROOT / "bulkseg" / "eloqua").glob("*.py"))
    ends = {*CREDENTIALS, "SECRETS_DIR", *re.findall(r'sources\.get\("([A-Z_]+)"', sources)}
    assert "LOGIN_URL" in ends
    assert [end for end in sorted(ends) if f"`ELOQUA_{end}`" not in README] == []


def test_every_module_has_its_room():
    rooms = README[README.index("| room |") :]
    packages = [f"{path.parent.name}/" for path in (ROOT / "bulkseg").glob("*/__init__.py")]
    modules = [path.name for path in (ROOT / "bulkseg").glob("*.py") if not path.name.startswith("__")]
    assert [name for name in packages + modules if f"`{name}`" not in rooms] == []


def test_nothing_that_is_to_be_filled_in_is_left():
    assert not re.findall(r"\bTODO\b|\bXXX\b|@[A-Z]+@", README)

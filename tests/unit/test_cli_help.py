"""Help: it fits a screen, its examples are real, and it comes quickly."""

import re
import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bulkseg.cli import app, fleet

COMMANDS = [command.callback.__name__ for command in app.registered_commands]
FLEET = [f"fleet {command.callback.__name__}" for command in fleet.app.registered_commands]
# What takes long to import: with these, help was measured to take ten times as long.
HEAVY = {
    "pandas",
    "aiohttp",
    "pydantic",
    "pyarrow",
    "structlog",
    "rich",
    "jinja2",
    "asyncio",
    "orjson",
    "procrastinate",
    "prometheus_client",
    "psycopg",
}
# Typer takes it in by itself for a command that has arguments.
TYPERS = {"pydantic"}

# Those whose help fits the smallest terminal; the others have more options than it has lines.
SHORT = {"demo", "init", "status", "login", "whoami", "schema"}


def help_of(*command):
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="bulkseg")
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY),
        (["--version"], HEAVY),
        ([], HEAVY),
        (["run", "--help"], HEAVY - TYPERS),
        (["fleet", "submit", "--help"], HEAVY - TYPERS),
        (["sandbox", "-h"], HEAVY - TYPERS),
    ],
)
def test_help_imports_nothing_heavy(arguments, heavy):
    code = (
        "import sys; from bulkseg.cli import main; status = main(); "
        f"print('HEAVY', sorted(set(sys.modules) & {heavy!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_the_help_begins_with_what_it_is_for_and_lists_every_command():
    text = help_of()
    assert len(text.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[2].startswith("  Provision Oracle Eloqua contact segments in bulk")
    listed = re.findall(r"^  (\w+)  +\S", text.split("Commands:")[1].split("Examples:")[0], re.MULTILINE)
    assert listed == [*COMMANDS, *(group.typer_instance.info.name for group in app.registered_groups)]
    assert {"demo", "plan", "run", "status", "results", "sandbox"} <= set(listed)
    assert "..." not in text.split("Commands:")[1].split("Examples:")[0]


@pytest.mark.parametrize("command", [*COMMANDS, *FLEET])
def test_the_help_of_a_command_fits_a_screen_and_ends_with_an_example(command):
    lines = help_of(*command.split()).splitlines()
    assert len(lines) <= (24 if command in SHORT else 40)
    assert max(map(len, lines)) <= 80
    examples = lines[lines.index("  Examples:") + 1 :]
    assert examples
    assert all(line.startswith(f"    bulkseg {command}") for line in examples)


@pytest.mark.parametrize("command", [*COMMANDS, *FLEET])
def test_an_example_uses_options_that_there_are(command):
    text, _, examples = help_of(*command.split()).partition("Examples:")
    used = [word for word in shlex.split(examples) if re.match(r"--?[a-z]", word)]
    assert all(re.search(rf"(^|[ ,]){re.escape(word)}\b", text, re.MULTILINE) for word in used)


def test_the_help_of_results_says_what_becomes_of_formulas():
    assert "would run as a formula" in " ".join(help_of("results").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", "--no-such"],
        ["run", "a.csv", "--limit", "0"],
        ["run", "a.csv", "--if-exists", "x"],
    ],
)
def test_a_wrong_call_exits_2_and_says_how_it_is_called(arguments):
    result = CliRunner().invoke(app, arguments, prog_name="bulkseg")
    assert result.exit_code == 2
    assert "Usage: bulkseg" in result.stderr
    assert result.stdout == ""


def test_the_version_is_told():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("bulkseg ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell):
    script = CliRunner().invoke(app, ["--show-completion", shell], prog_name="bulkseg")
    assert (script.exit_code, "_BULKSEG_COMPLETE" in script.output) == (0, True)
    asked = {"_BULKSEG_COMPLETE": "complete_bash", "COMP_WORDS": "bulkseg results --as", "COMP_CWORD": "2"}
    done = CliRunner().invoke(app, [], prog_name="bulkseg", env=asked)
    assert done.output.split() == ["--as-job"]

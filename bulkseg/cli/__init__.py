"""The command line. It parses, calls and prints, and decides nothing.

Each command has a file of its own, which imports what is heavy only inside the command: `--help` is quick.
"""

from __future__ import annotations

import io
import sys
from textwrap import indent
from typing import Annotated

import typer

from bulkseg.cli import (
    demo,
    fleet,
    init,
    login,
    plan,
    pull,
    report,
    resolve,
    results,
    run,
    sandbox,
    schema,
    status,
    undo,
    verify,
    whoami,
)
from bulkseg.cli.guard import PIPE_CLOSED, leave_stdout

__all__ = ["app", "main"]

_EXAMPLES = """\
bulkseg init segments.csv          write a job file for your data
bulkseg plan jobs/nightly.toml     check the whole job, send nothing
bulkseg run jobs/nightly.toml      make the segments, or go on making them
bulkseg results jobs/nightly.toml -o made.xlsx
"""

app = typer.Typer(
    name="bulkseg",
    no_args_is_help=True,
    # Plain help fits a screen, can be searched, and spares the start-up of rich.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _examples(commands: str) -> str:
    """The end of a help text. The backspace, which is not printed, keeps the line breaks as they are."""
    return "\b\nExamples:\n" + indent(commands, "  ")


def _show_version(wanted: bool) -> None:  # noqa: FBT001  # Typer's signature
    if wanted:
        from bulkseg.version import version

        typer.echo(f"bulkseg {version()}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version this is.")
]


@app.callback(epilog=_examples(_EXAMPLES))
def _root(*, version: VersionOption = False) -> None:  # its callback does the work
    """Provision Oracle Eloqua contact segments in bulk: never one twice, never an id lost.

    A job (a CSV, Parquet or Excel file, with or without a TOML file that shapes it) says what to make. What
    became of each segment is kept in a checkpoint beside the job: the same command goes on where it stopped.
    """


for _module, _command in (
    (demo, demo.demo),
    (init, init.init),
    (plan, plan.plan),
    (run, run.run),
    (status, status.status),
    (results, results.results),
    (report, report.report),
    (verify, verify.verify),
    (undo, undo.undo),
    (resolve, resolve.resolve),
    (login, login.login),
    (whoami, whoami.whoami),
    (pull, pull.pull),
    (schema, schema.schema),
    (sandbox, sandbox.sandbox),
):
    app.command(epilog=_examples(_module.EXAMPLES))(_command)
for _part, _lines in fleet.COMMANDS:
    fleet.app.command(epilog=_examples(_lines))(_part)
app.add_typer(fleet.app)


def main() -> int:
    """The console script: does what the arguments say and gives the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding does not know must not end a run.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="bulkseg")
    except SystemExit as end:
        return _flushed(end.code if isinstance(end.code, int) else 0)
    return _flushed(0)


def _flushed(status: int) -> int:
    """`status`, once what was printed is out; SIGPIPE's, and no word, where nobody reads any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        leave_stdout()
        return PIPE_CLOSED
    return status

"""The arguments and options of the commands, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from bulkseg.errors import ConfigError

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
IfExists = Literal["fail", "skip", "adopt", "ignore"]

# --- Of several commands --------------------------------------------------------------------------------

JobArgument = Annotated[
    str, typer.Argument(metavar="JOB", help="A job file (.toml), a data file (.csv), or a URL.")
]
CheckpointArgument = Annotated[
    str, typer.Argument(metavar="CHECKPOINT", help="A checkpoint, or the job that it is of.")
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="Set one of the job's vars; may be repeated."),
]
CheckpointOption = Annotated[
    str | None,
    typer.Option("--checkpoint", metavar="FILE", help="Another one: a file, or postgresql://HOST/DB"),
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="FILE", help="Rows from FILE, not from the job's own source."),
]
RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Also what was refused in an earlier run.")
]
RedoOption = Annotated[bool, typer.Option("--redo", help="Also what `bulkseg undo` deleted.")]
RateOption = Annotated[
    float | None, typer.Option("--rate", metavar="N", help="N requests a second, not the job's rate.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
LogLevelOption = Annotated[
    LogLevel,
    typer.Option(
        "--log-level",
        metavar="LEVEL",
        show_default=False,
        help="debug (with tracebacks), info, warning, error.",
    ),
]

SiteOption = Annotated[
    str | None,
    typer.Option("--site", metavar="NAME", help="Whose credentials, if not those that the job names."),
]

# --- Of `run` -------------------------------------------------------------------------------------------

FreshOption = Annotated[bool, typer.Option("--fresh", help="Put the old checkpoint aside and begin anew.")]
LimitOption = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Send N specs, then stop.")
]
ConcurrencyOption = Annotated[
    int | None, typer.Option("--concurrency", metavar="N", help="N requests under way at once.")
]
IfExistsOption = Annotated[
    IfExists | None,
    typer.Option("--if-exists", metavar="WHAT", help="Where the name is taken: fail, skip, adopt, ignore."),
]
NoCanaryOption = Annotated[
    bool, typer.Option("--no-canary", help="Do not try the first of each template alone.")
]
AcceptWarningsOption = Annotated[
    bool, typer.Option("--accept-warnings", help="Go on though those first ones differ.")
]
MakeFoldersOption = Annotated[bool, typer.Option("--make-folders", help="Make the folders that are missing.")]
OnlineOption = Annotated[bool, typer.Option("--online", help="Sign in, and say what a run would meet there.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write a page of it to FILE.html, however it ends."),
]
OnDoneOption = Annotated[
    str | None,
    typer.Option("--on-done", metavar="COMMAND", help="Hand the summary to COMMAND, however it ends."),
]
MetricsOption = Annotated[
    Path | None,
    typer.Option("--metrics", metavar="FILE", help="Keep metrics in FILE.prom, for node_exporter."),
]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        metavar="FORMAT",
        show_default=False,
        help="auto (drawn on a terminal), json, console.",
    ),
]

# --- Of what comes after it -----------------------------------------------------------------------------

ForceOption = Annotated[bool, typer.Option("--force", help="Also what was changed since it was made.")]
YesToAllOption = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]
KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="The spec's key as results show it, or its name.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", metavar="N", help="It was made, and this is the segment's id.")
]
NotMadeOption = Annotated[bool, typer.Option("--not-made", help="It was not made: the next run sends it.")]


def parse_vars(given: Sequence[str] | None) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping; the value may hold further `=`.

    Raises ConfigError for one without a name or without `=`.
    """
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise ConfigError(f"--var {text}: expected NAME=VALUE, such as --var quarter=Q1")
        found[name] = value
    return found

"""`bulkseg results`: every spec with its state, id and error, as a table in a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError
from bulkseg.model import State

EXAMPLES = """\
bulkseg results jobs/nightly.toml -o nightly.xlsx
bulkseg results jobs/nightly.checkpoint --state failed | head
"""


def results(
    checkpoint: options.CheckpointArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=".csv, .parquet, .jsonl or .xlsx; none: CSV on stdout."
        ),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only these, such as failed,unknown; may be repeated."),
    ] = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Write what became of each spec as a table.

    Every spec of the checkpoint with its key, state, id and error. A cell that a spreadsheet would run as a
    formula (one that begins with = + - @) is made harmless in CSV and Excel, by an apostrophe before it.
    Times are UTC. It may be asked while a run is going on.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg.checkpoint import read
        from bulkseg.cli.find import find_checkpoint
        from bulkseg.results import write_results, write_stream

        if as_json and output is None:
            raise ConfigError("results --json says what was written to a file: give -o FILE as well")
        states = parse_states(state)
        path = find_checkpoint(checkpoint)
        with read(path) as reader:
            rows = reader.specs(states)
            if output is None:
                write_stream(rows, sys.stdout.buffer)
                return
            written = write_results(rows, output)
        if as_json:
            print_json({"file": str(output), "rows": written})
        else:
            typer.echo(f"{output}: {written:,} rows")


def parse_states(given: Sequence[str] | None) -> tuple[State, ...]:
    """States from `--state failed,unknown --state pending`. Raises ConfigError for one that is none."""
    words = [word.strip() for text in given or () for word in text.split(",")]
    known = [str(state) for state in State]
    for word in words:
        if word not in known:
            raise ConfigError(f"--state {word}: there is no such state; the states are {', '.join(known)}")
    return tuple(State(word) for word in words)

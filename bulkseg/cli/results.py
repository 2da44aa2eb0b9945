"""`bulkseg results`: every spec with its state, id and error, as a table in a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError
from bulkseg.model import State

if TYPE_CHECKING:
    from bulkseg.job import Job
    from bulkseg.location import Location

EXAMPLES = """\
bulkseg results jobs/nightly.toml -o nightly.xlsx
bulkseg results jobs/nightly.checkpoint --state failed | head
bulkseg results jobs/nightly.toml --as-job -o mended.xlsx
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
    as_job: Annotated[
        bool, typer.Option("--as-job", help="The failed rows of the source, to be mended and run.")
    ] = False,
    join: Annotated[
        bool, typer.Option("--join", help="Every row of the source, with its segment_id and state.")
    ] = False,
    source: options.SourceOption = None,
    var: options.VarOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Write what became of each spec as a table.

    Every spec of the checkpoint with its key, state, id and error. A cell that a spreadsheet would run as a
    formula (one that begins with = + - @) is made harmless in CSV and Excel, by an apostrophe before it.

    --as-job and --join write rows of the source as they stand there (.csv, .xlsx): the failed ones once, with
    a column bulkseg_error that a run ignores; or all, one line a spec. `run --source FILE` takes the former.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg.find import find_job
        from bulkseg.location import located

        if as_json and output is None:
            raise ConfigError("results --json says what was written to a file: give -o FILE as well")
        if as_job and join:
            raise ConfigError("--as-job and --join each write another table: give one of them")
        states = parse_states(state)
        path, job = find_job(located(checkpoint), options.parse_vars(var))
        if as_job or join:
            written = _write_rows(_source_of(job, path, source), path, states, output, as_job=as_job)
        else:
            written = _write_specs(path, states, output)
        if as_json:
            print_json({"file": str(output), "rows": written})
        elif output is not None:
            typer.echo(f"{output}: {written:,} rows")


def _write_specs(path: Location, states: Sequence[State], output: Path | None) -> int:
    from bulkseg.checkpoint import read
    from bulkseg.results import write_results, write_stream

    with read(path) as reader:
        rows = reader.specs(states)
        return write_stream(rows, sys.stdout.buffer) if output is None else write_results(rows, output)


def _source_of(job: Job | None, checkpoint: Location, source: str | None) -> Job:
    from bulkseg.job import with_source
    from bulkseg.remote import place_of

    if job is None:
        raise ConfigError(f"{checkpoint}: no job of this checkpoint lies beside it; name the job instead")
    return with_source(job, place_of(source) if source else None)


def _write_rows(
    job: Job, path: Location, states: Sequence[State], output: Path | None, *, as_job: bool
) -> int:
    """Rows of the source; what has none there any more is told."""
    from bulkseg.mend import beside
    from bulkseg.results import write_sheet, write_sheet_stream

    wanted = states or ((State.FAILED,) if as_job else ())
    with beside(job, path) as both:
        columns = both.failed_columns() if as_job else both.joined_columns()
        lines = both.failed(wanted) if as_job else both.joined(wanted)
        if output is None:
            written = write_sheet_stream(columns, lines, sys.stdout.buffer)
        else:
            written = write_sheet(columns, lines, output)
        if lost := both.missed(wanted):
            typer.echo(f"{lost:,} specs have no row in the source any more, and are not there", err=True)
    return written


def parse_states(given: Sequence[str] | None) -> tuple[State, ...]:
    """States from `--state failed,unknown --state pending`. Raises ConfigError for one that is none."""
    words = [word.strip() for text in given or () for word in text.split(",")]
    known = [str(state) for state in State]
    for word in words:
        if word not in known:
            raise ConfigError(f"--state {word}: there is no such state; the states are {', '.join(known)}")
    return tuple(State(word) for word in words)

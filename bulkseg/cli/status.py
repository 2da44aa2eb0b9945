"""`bulkseg status`: where the specs of a checkpoint stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json

if TYPE_CHECKING:
    from bulkseg.checkpoint import Reader
    from bulkseg.location import Location

EXAMPLES = """\
bulkseg status jobs/nightly.toml
bulkseg status jobs/nightly.checkpoint --json
"""


def status(
    checkpoint: options.CheckpointArgument,
    *,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Show where a checkpoint stands.

    Shows the counts by state, the runs and the commonest errors. It may be asked while a run is going on.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg.checkpoint import read
        from bulkseg.find import find_checkpoint
        from bulkseg.location import located

        place = find_checkpoint(located(checkpoint))
        with read(place) as reader:
            shown = document(place, reader)
        if as_json:
            print_json(shown)
        else:
            typer.echo("\n".join(lines(shown)))


def document(place: Location, reader: Reader) -> dict[str, Any]:
    """What `status --json` prints."""
    return {
        "job": reader.meta.job,
        "checkpoint": str(place),
        "site": reader.meta.site,
        "rows": reader.meta.rows,
        "specs": reader.meta.specs,
        "states": {str(state): count for state, count in reader.counts().items()},
        "gone": reader.gone(),
        "runs": [
            {
                "run": run.number,
                "started_at": _iso(run.started_at),
                "ended_at": _iso(run.ended_at),
                "summary": run.summary,
            }
            for run in reader.runs()
        ],
        "errors": [
            {"error": error, "count": count, "example": key}
            for error, count, key in reader.commonest_errors()
        ],
    }


def lines(shown: dict[str, Any]) -> Iterator[str]:
    """What `status` prints for people, from its document."""
    yield f"{shown['job']}: {shown['rows']:,} rows, {shown['specs']:,} specs ({shown['checkpoint']})"
    yield from (f"  {count:>10,}  {state}" for state, count in shown["states"].items() if count)
    if shown["gone"]:
        yield f"  {shown['gone']:>10,}  gone from the source"
    if shown["runs"]:
        yield "runs:"
        yield from (_run(run) for run in shown["runs"])
    if shown["errors"]:
        yield "commonest errors:"
        yield from (
            f"  {error['count']:>10,}  {error['error']} (such as {error['example']})"
            for error in shown["errors"]
        )


def _run(run: dict[str, Any]) -> str:
    summary = run["summary"]
    if summary is None:
        # A run that is going on looks the same as one that was killed: neither has written its end.
        return f"  {run['run']:>10,}  {run['started_at']}  not ended: still going on, or killed"
    stopped = f", {summary['stopped']}" if summary["stopped"] else ""
    sent = summary["requests"]["sent"]
    return f"  {run['run']:>10,}  {run['started_at']}  {sent:,} sent, exit {summary['exit']}{stopped}"


def _iso(seconds: float | None) -> str | None:
    """Unix time as ISO 8601 in UTC, in whole seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")

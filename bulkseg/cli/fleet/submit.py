"""`bulkseg fleet submit`: puts jobs into the queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.fleet.shared import DatabaseOption, database_of
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.fleet.submit import Ended, Submitted
    from bulkseg.location import Database

EXAMPLES = """\
bulkseg fleet submit jobs/nightly.toml jobs/weekly.toml
bulkseg fleet submit jobs/nightly.toml --var quarter=Q1 --wait
"""

JobsArgument = Annotated[
    list[str], typer.Argument(metavar="JOB", help="Job files (.toml), data files, or their URLs.")
]
EmbedOption = Annotated[
    bool, typer.Option("--embed", help="Take the files along, for workers that cannot reach them.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for their end; exit as the worst of them.")]


def submit(
    jobs: JobsArgument,
    *,
    database: DatabaseOption = None,
    var: options.VarOption = None,
    source: options.SourceOption = None,
    retry_failed: options.RetryFailedOption = False,
    redo: options.RedoOption = False,
    rate: options.RateOption = None,
    concurrency: options.ConcurrencyOption = None,
    if_exists: options.IfExistsOption = None,
    no_canary: options.NoCanaryOption = False,
    accept_warnings: options.AcceptWarningsOption = False,
    make_folders: options.MakeFoldersOption = False,
    embed: EmbedOption = False,
    wait: WaitOption = False,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Queue jobs for the workers of a fleet.

    Each job is read and checked first: where one is wrong, none is queued. One that is queued already, or
    running, is not queued twice. Ctrl-C ends the waiting, not the jobs.

    Exit status: 0 they are in the queue; 2 a job or the call is wrong; with --wait that of `bulkseg run`.
    """
    with guarded(as_json=as_json, log_level=log_level):
        place = database_of(database)
        from bulkseg.fleet.order import Wishes, order
        from bulkseg.fleet.schema import connected
        from bulkseg.fleet.submit import prepare
        from bulkseg.fleet.submit import submit as queue

        if source is not None and len(jobs) > 1:
            raise ConfigError("--source is for one job only")
        wishes = Wishes(
            retry_failed=retry_failed,
            redo=redo,
            rate=rate,
            concurrency=concurrency,
            if_exists=if_exists,
            canary=not no_canary,
            accept_warnings=accept_warnings,
            make_folders=make_folders,
        )
        with connected(place):
            pass  # before long sources are read for nothing
        overrides = options.parse_vars(var)
        prepared = [
            prepare(order(job, source, overrides, wishes), place, embed=embed) for job in dict.fromkeys(jobs)
        ]
        submitted = queue(place, prepared)
        if not as_json:
            typer.echo("\n".join(map(_line, submitted)))
        if wait:
            _wait(place, submitted, as_json=as_json)
        elif as_json:
            print_json({"jobs": [_document(one) for one in submitted], "exit": 0})


def _wait(place: Database, submitted: list[Submitted], *, as_json: bool) -> None:
    from bulkseg.fleet.submit import wait

    ended: dict[int, Ended] = {}
    try:
        for one in wait(place, [each.number for each in submitted]):
            ended[one.number] = one
            if not as_json:
                typer.echo("\n".join(_lines(one)))
    except KeyboardInterrupt:
        typer.echo("no longer waited for; the jobs go on: see `bulkseg fleet status`", err=True)
        raise typer.Exit(130) from None
    worst = max(one.exit for one in ended.values())
    if as_json:
        print_json({"jobs": [_document(one, ended[one.number]) for one in submitted], "exit": worst})
    raise typer.Exit(worst)


def _line(one: Submitted) -> str:
    if one.before is not None:
        return f"{one.name}: is {one.before} already, and not queued twice"
    return f"{one.name}: queued (site {one.site})"


def _lines(one: Ended) -> Iterator[str]:
    from bulkseg.cli.summary import outcome

    if one.summary is None:
        yield f"{one.name}: {one.stopped}"
        yield f"exit {one.exit}"
    else:
        yield from outcome(one.summary)


def _document(one: Submitted, ended: Ended | None = None) -> dict[str, Any]:
    """`before` tells what a job was that was not queued again."""
    told = {"job": one.name, "site": one.site, "queued": one.before is None, "before": one.before}
    if ended is None:
        return told
    return {**told, "exit": ended.exit, "stopped": ended.stopped, "summary": ended.summary}

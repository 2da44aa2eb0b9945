"""`bulkseg run`: makes what the job asks for, or goes on making it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.ending import Ending, attended
from bulkseg.cli.guard import error_document, guarded, print_json

if TYPE_CHECKING:
    from bulkseg.cli.summary import Call
    from bulkseg.cli.watchers import Watcher
    from bulkseg.errors import BulksegError
    from bulkseg.job import Job
    from bulkseg.location import Location
    from bulkseg.pipeline import RunOptions
    from bulkseg.summary import Summary

EXAMPLES = """\
bulkseg run segments.csv
bulkseg run jobs/nightly.toml --var quarter=Q1 --rate 5 --yes
"""


def run(
    job: options.JobArgument,
    *,
    var: options.VarOption = None,
    source: options.SourceOption = None,
    checkpoint: options.CheckpointOption = None,
    retry_failed: options.RetryFailedOption = False,
    redo: options.RedoOption = False,
    fresh: options.FreshOption = False,
    limit: options.LimitOption = None,
    rate: options.RateOption = None,
    concurrency: options.ConcurrencyOption = None,
    if_exists: options.IfExistsOption = None,
    no_canary: options.NoCanaryOption = False,
    accept_warnings: options.AcceptWarningsOption = False,
    make_folders: options.MakeFoldersOption = False,
    yes: options.YesOption = False,
    report: options.ReportOption = None,
    on_done: options.OnDoneOption = None,
    metrics: options.MetricsOption = None,
    as_json: options.JsonOption = False,
    log_format: options.LogFormatOption = "auto",
    log_level: options.LogLevelOption = "info",
) -> None:
    """Make the segments of a job, or go on with it.

    Only what is not done is sent. Credentials come from ELOQUA_COMPANY, ELOQUA_USER and ELOQUA_PASSWORD, or
    `bulkseg login`. On a terminal it asks first. Ctrl-C ends it once what is under way is recorded.

    Exit status: 0 all done; 1 some failed or unknown; 2 job or call wrong; 3 stopped early; 4 another process
    is at it; 130 or 143 ended by a signal.
    """
    not_begun = partial(_not_begun, job, checkpoint)
    with Ending(not_begun) as ending, guarded(as_json=as_json, log_level=log_level, document=not_begun):
        from bulkseg.cli.session import watch
        from bulkseg.cli.summary import Call
        from bulkseg.job import Job
        from bulkseg.location import located
        from bulkseg.pipeline import RunOptions

        watcher = attended(ending, watch(log_format, log_level), Path(job), on_done=on_done, metrics=metrics)
        chosen = RunOptions(
            checkpoint=located(checkpoint) if checkpoint else None,
            retry_failed=retry_failed,
            redo=redo,
            fresh=fresh,
            limit=limit,
            rate=rate,
            concurrency=concurrency,
            if_exists=if_exists,
            canary=not no_canary,
            accept_warnings=accept_warnings,
            make_folders=make_folders,
        )
        read = Job.load(job, vars=options.parse_vars(var), source=source or None)
        work = partial(_provision, read, chosen, watcher, may_ask=not (yes or as_json))
        summary = work() if report is None else _reported(report, read, chosen, work)
        ending.document = summary.document()
        _tell(summary, Call.of(job, chosen.checkpoint, source, var or ()), as_json=as_json)
        raise typer.Exit(summary.exit)


def _provision(job: Job, chosen: RunOptions, watcher: Watcher, *, may_ask: bool) -> Summary:
    from bulkseg.cli.session import Question, in_loop, provision
    from bulkseg.eloqua.sites import load_site

    site = load_site(job.site)
    somebody = sys.stdin.isatty() and sys.stderr.isatty()
    question = Question(watcher, chosen.limit) if may_ask and somebody else None
    summary = in_loop(provision(job, site, chosen, watcher, question))
    if question is not None and question.declined:
        typer.echo("nothing was sent", err=True)
        raise typer.Exit(1)
    return summary


def _reported(output: Path, job: Job, chosen: RunOptions, work: Callable[[], Summary]) -> Summary:
    from bulkseg.cli.report import refuse_unfit, reported

    refuse_unfit(output)
    rate = job.limits.rate if chosen.rate is None else chosen.rate
    return reported(output, chosen.place(job), rate, work)


def _tell(summary: Summary, call: Call, *, as_json: bool) -> None:
    from bulkseg.cli.summary import lines

    if as_json:
        print_json(summary.document())
    else:
        typer.echo("\n".join(lines(summary.document(), call, _errors(summary))))


def _errors(summary: Summary) -> list[tuple[str, int, str]]:
    """The commonest ones, of which a run that never began has none, and one that went well neither."""
    from bulkseg.checkpoint import read
    from bulkseg.errors import BulksegError
    from bulkseg.model import State

    if summary.run is None or not any(summary.states.get(state) for state in (State.FAILED, State.UNKNOWN)):
        return []
    # What the run came to is told in any case.
    with suppress(BulksegError), read(summary.checkpoint) as reader:
        return reader.commonest_errors()
    return []


def _not_begun(job: str, checkpoint: str | None, error: BulksegError) -> dict[str, Any]:
    """What `run --json` prints where there was no run: the summary of one all the same, and the problems."""
    from bulkseg.errors import ConfigError
    from bulkseg.location import located
    from bulkseg.summary import Summary

    place: Location = Path()
    with suppress(ConfigError):
        place = located(checkpoint or "")
    summary = Summary(job, place, stopped=str(error), exit=error.exit_status)
    known = {} if checkpoint else {"checkpoint": None}
    return {**summary.document(), **known, **error_document(error)}

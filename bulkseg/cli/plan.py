"""`bulkseg plan`: what a job comes to, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json

if TYPE_CHECKING:
    from bulkseg.job import Job
    from bulkseg.model import Spec
    from bulkseg.pipeline import Plan, RunOptions

EXAMPLES = """\
bulkseg plan segments.csv
bulkseg plan jobs/nightly.toml --var quarter=Q1 --json
bulkseg plan jobs/nightly.toml --online
"""


def plan(
    job: options.JobArgument,
    *,
    var: options.VarOption = None,
    source: options.SourceOption = None,
    checkpoint: options.CheckpointOption = None,
    retry_failed: options.RetryFailedOption = False,
    redo: options.RedoOption = False,
    rate: options.RateOption = None,
    online: options.OnlineOption = False,
    if_exists: options.IfExistsOption = None,
    make_folders: options.MakeFoldersOption = False,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Check a whole job; say what a run would send.

    Needs no credentials and sends nothing. A row that is wrong is shown as FILE:LINE: COLUMN: what is wrong,
    and the exit status is 2. --json shows the first specs with their bodies.

    With --online it signs in, and says which names stand there already (and what --if-exists makes of that),
    which copy sources and folders do not exist, and what is left to be made. It only reads.

    Exit status: 0 all is well; 1 something would fail there; 2 job or call wrong; 3 not let in, or nobody
    answers.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import pipeline
        from bulkseg.job import load_job, with_source

        chosen = pipeline.RunOptions(
            checkpoint=checkpoint,
            retry_failed=retry_failed,
            redo=redo,
            rate=rate,
            if_exists=if_exists,
            make_folders=make_folders,
        )
        read = with_source(load_job(job, options.parse_vars(var)), source)
        if online:
            _plan_online(read, chosen, as_json=as_json, log_level=log_level)
        made = pipeline.plan(read, chosen)
        if as_json:
            print_json(document(made))
        else:
            typer.echo("\n".join(lines(made)))


def _plan_online(job: Job, chosen: RunOptions, *, as_json: bool, log_level: options.LogLevel) -> NoReturn:
    from bulkseg.cli import online
    from bulkseg.cli.session import attend, in_loop, watch
    from bulkseg.eloqua.sites import load_site
    from bulkseg.online import outlook

    site, watcher = load_site(job.site), watch("auto", log_level)
    found = in_loop(attend(lambda stop: outlook(job, chosen, site, observer=watcher, stop=stop), watcher))
    if as_json:
        print_json({**document(found.plan), "online": online.document(found), "exit": found.exit})
    else:
        typer.echo("\n".join([*lines(found.plan), *online.lines(found)]))
    raise typer.Exit(found.exit)


def document(plan: Plan) -> dict[str, Any]:
    """What `plan --json` prints."""
    shown = {name: value for name, value in asdict(plan).items() if name != "first"}
    return {**shown, "checkpoint": str(plan.checkpoint), "first": [_spec(spec) for spec in plan.first]}


def _spec(spec: Spec) -> dict[str, Any]:
    named = ("key", "template", "action", "name", "source_id", "file", "line")
    folder = {"folder": spec.folder} if spec.folder else {}
    return {**{name: getattr(spec, name) for name in named}, **folder, "body": json.loads(spec.body)}


def lines(plan: Plan) -> Iterator[str]:
    """What `plan` prints for people; never wrapped, so that a place can be copied whole."""
    actions = ", ".join(f"{count:,} {action}" for action, count in plan.by_action.items())
    yield f"{plan.job}: {plan.rows:,} rows, {plan.specs:,} specs ({actions})"
    if len(plan.by_template) > 1:
        yield from (f"  {count:>10,}  {template}" for template, count in plan.by_template.items())
    yield from counts(plan)
    if plan.first:
        yield "first specs:"
        yield from (f"  {spec.file}:{spec.line}  {spec.action}  {spec.name}" for spec in plan.first)
    yield f"checkpoint: {plan.checkpoint}"
    yield from (f"warning: {warning}" for warning in plan.warnings)


def counts(plan: Plan) -> Iterator[str]:
    """What is to send and what is not, and why."""
    from bulkseg.progress.numbers import duration

    yield f"  {plan.to_send:>10,}  to send, about {duration(plan.seconds)} at {plan.rate:g} requests a second"
    others = {
        "done already": plan.done,
        "refused in an earlier run, not tried again (--retry-failed does)": plan.not_retried,
        "made already and asked for otherwise now, not sent": plan.changed_total,
        "in the checkpoint, gone from the source": plan.gone,
    }
    yield from (f"  {count:>10,}  {what}" for what, count in others.items() if count)
    yield from (f"              {changed.file}:{changed.line}  {changed.name}" for changed in plan.changed)

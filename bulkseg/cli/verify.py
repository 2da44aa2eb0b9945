"""`bulkseg verify`: whether the site has what a checkpoint says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json

if TYPE_CHECKING:
    from bulkseg.readback import Verified
    from bulkseg.verify import Finding

EXAMPLES = """\
bulkseg verify jobs/nightly.toml
bulkseg verify jobs/nightly.checkpoint --rate 5 --json
"""


def verify(
    job_or_checkpoint: options.CheckpointArgument,
    *,
    checkpoint: options.CheckpointOption = None,
    var: options.VarOption = None,
    site: options.SiteOption = None,
    rate: options.RateOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Read the segments back; say what is gone or differs.

    Compares each segment that was created or adopted with what its spec asks for, as far as the job still
    makes that spec; else with what is on record of it. Changes nothing, and may be asked while a run goes on.

    Exit status: 0 all as it should be; 1 something is gone, differs or cannot be read; 2 the call is wrong or
    leads to another site; 3 stopped early; 130 or 143 ended by a signal.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import readback
        from bulkseg.cli.session import attend, in_loop, watch
        from bulkseg.eloqua.sites import load_site
        from bulkseg.find import find_job
        from bulkseg.location import located
        from bulkseg.visit import case_of

        path, job = find_job(
            located(job_or_checkpoint), options.parse_vars(var), located(checkpoint) if checkpoint else None
        )
        case = case_of(path, job, rate)
        where = load_site(site or (job.site if job else None))
        watcher = watch("auto", log_level)
        found = in_loop(
            attend(lambda stop: readback.verify(case, where, observer=watcher, stop=stop), watcher)
        )
        if as_json:
            print_json(document(found))
        else:
            typer.echo("\n".join(lines(found)))
        raise typer.Exit(found.exit)


def document(found: Verified) -> dict[str, Any]:
    """What `verify --json` prints."""
    report = found.report
    return {
        "job": found.job,
        "checkpoint": str(found.checkpoint),
        "site": found.site,
        "segments": report.total,
        "same": report.same,
        "gone": [_document(finding) for finding in report.gone],
        "differs": [_document(finding) for finding in report.differs],
        "unread": [_document(finding) for finding in report.unread],
        "compared": {"spec": report.against_spec, "record": report.compared - report.against_spec},
        "requests": {"pages": report.pages, "reads": report.reads},
        "note": found.note,
        "stopped": found.stopped,
        "exit": found.exit,
    }


def _document(finding: Finding) -> dict[str, Any]:
    one = finding.expected
    return {
        "key": one.key,
        "name": one.name,
        "segment_id": one.segment_id,
        "source": one.source,
        "line": one.line,
        "what": list(finding.what),
    }


def lines(found: Verified) -> Iterator[str]:
    """What `verify` prints for people: each finding on lines of its own, then the counts."""
    report = found.report
    for finding in (*report.gone, *report.differs, *report.unread):
        one = finding.expected
        yield from (f"{one.source}:{one.line}: segment {one.segment_id}: {what}" for what in finding.what)
    yield f"{found.job}: {report.total:,} segments ({found.checkpoint})"
    counts = {
        "as they should be": report.same,
        "gone": len(report.gone),
        "differ": len(report.differs),
        "could not be read": len(report.unread),
        "not looked at": report.total - report.done,
    }
    yield from (f"  {count:>10,}  {what}" for what, count in counts.items() if count)
    yield from _how(found)


def _how(found: Verified) -> Iterator[str]:
    report = found.report
    asked = f"{report.pages:,} pages of the list and {report.reads:,} single reads"
    yield f"{report.against_spec:,} compared with their specs, the others with what is on record; {asked}"
    if found.note:
        yield f"note: {found.note}"
    if found.stopped:
        yield f"stopped early: {found.stopped}"

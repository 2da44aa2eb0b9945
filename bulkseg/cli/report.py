"""`bulkseg report`: a checkpoint as one HTML page, which `run --report` writes at its end as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import BulksegError, ConfigError, innermost

if TYPE_CHECKING:
    from bulkseg.location import Location
    from bulkseg.report import Findings
    from bulkseg.summary import Summary

EXAMPLES = """\
bulkseg report jobs/nightly.toml -o nightly.html
bulkseg report jobs/nightly.checkpoint -o nightly.html --json
"""
_ENDINGS = (".html", ".htm")


def report(
    checkpoint: options.CheckpointArgument,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The page, an .html.")],
    var: options.VarOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Write what became of a job as one HTML page.

    The counts, how the latest run went, how long answers took, the errors by kind, and every spec that failed
    or is unknown, in a table that can be sorted, searched and saved. The page holds all that it needs and
    asks nobody for anything, so it can be mailed. It may be asked for while a run is going on.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg.find import find_job
        from bulkseg.location import located

        refuse_unfit(output)
        path, job = find_job(located(checkpoint), options.parse_vars(var))
        findings = write(output, path, None if job is None else job.limits.rate)
        bad = findings.failures.total
        if as_json:
            print_json({"file": str(output), "specs": findings.meta.specs, "failed_or_unknown": bad})
        else:
            typer.echo(f"{output}: {findings.meta.specs:,} specs, {bad:,} failed or unknown")


def refuse_unfit(output: Path) -> None:
    """Raises ConfigError for a place that cannot be meant, before a run is spent on it.

    Only an HTML file's name is taken: a slip must not cost a checkpoint or a source.
    """
    if output.suffix.lower() not in _ENDINGS:
        raise ConfigError(f"{output}: a report is an HTML page: name a file that ends in .html")
    if not output.parent.is_dir():
        raise ConfigError(f"{output}: there is no folder {output.parent}: make it, or name another")


def write(output: Path, checkpoint: Location, rate: float | None, trouble: str | None = None) -> Findings:
    """Writes the page, whole or not at all, and gives what is on it.

    `rate` is the one allowed, in requests a second, if it is known; `trouble` why a run did not begin.
    Raises CheckpointError where there is nothing to report on, InputError where `output` cannot be written.
    """
    from bulkseg.checkpoint import read
    from bulkseg.clock import Clock
    from bulkseg.redact import secrets
    from bulkseg.report import gather, page
    from bulkseg.results import written_whole

    with read(checkpoint) as reader:
        findings = gather(reader)
    text = page(findings, checkpoint=str(checkpoint), now=Clock().now(), allowed=rate, trouble=trouble)
    with written_whole(output) as out:
        # A lone surrogate (from a file's name, say) is no text that could be written.
        out.write(secrets.text(text).encode(errors="backslashreplace"))
    return findings


def reported(output: Path, checkpoint: Location, rate: float, work: Callable[[], Summary]) -> Summary:
    """Does the work of a run, and writes its report when it has ended, however it has.

    A report that cannot be written is told on stderr: it changes nothing of what the run came to.
    """
    try:
        summary = work()
    except typer.Exit:
        raise
    except Exception as error:
        _write_or_tell(output, checkpoint, rate, str(innermost(error)))
        raise
    _write_or_tell(output, checkpoint, rate, summary.stopped if summary.run is None else None)
    return summary


def _write_or_tell(output: Path, checkpoint: Location, rate: float, trouble: str | None) -> None:
    try:
        write(output, checkpoint, rate, trouble)
    except BulksegError as error:
        typer.echo(f"no report was written: {error}", err=True)

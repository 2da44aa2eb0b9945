"""`bulkseg pull`: a segment that exists, as a body template."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bulkseg.cli import options
from bulkseg.cli.guard import guarded, print_json
from bulkseg.errors import ConfigError

if TYPE_CHECKING:
    from bulkseg.pull import Pulled, Wanted

EXAMPLES = """\
bulkseg pull 4711 -o templates/gold.json --param 'EMEA=region'
bulkseg pull --search "name='Gold*'" -o templates
"""

_LONGEST_SLUG = 60


def pull(
    segment_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="The segment's id.")] = None,
    *,
    search: Annotated[
        str | None, typer.Option("--search", metavar="EXPR", help="All that this finds: name='Gold*'.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file; with --search, a folder."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="VALUE=COLUMN", help="Make VALUE a column; may be repeated."),
    ] = None,
    site: options.SiteOption = None,
    rate: options.RateOption = None,
    as_json: options.JsonOption = False,
    log_level: options.LogLevelOption = "info",
) -> None:
    """Turn a segment that exists into a body template.

    The template is what `body_file` of a job takes: JSON whose strings are templates. What is the server's
    own is left out, and parts get temporary ids. --param turns every text that equals VALUE into
    {{ COLUMN }}. Name and folder stay; the job's own come before them. Changes nothing on the server.

    Exit status: 0 written; 1 not there, or nothing found; 2 the call is wrong, or VALUE stands nowhere; 3 not
    let in, or nobody answers.
    """
    with guarded(as_json=as_json, log_level=log_level):
        from bulkseg import pull as work
        from bulkseg.cli.session import attend, in_loop, watch
        from bulkseg.eloqua.sites import load_site
        from bulkseg.job import Limits
        from bulkseg.visit import at_rate

        wanted = _wanted(segment_id, search, parse_params(param))
        if search is not None and output is None:
            raise ConfigError("--search writes a file for each segment: give -o FOLDER as well")
        where, limits = load_site(site), at_rate(Limits(), rate)
        watcher = watch("auto", log_level)
        pulled = in_loop(
            attend(lambda stop: work.pull(wanted, where, limits, observer=watcher, stop=stop), watcher)
        )
        files = [_file(one, output, folder=search is not None) for one in pulled]
        for one, file in zip(pulled, files, strict=True):
            _deliver(one, file, quiet=as_json)
        if as_json:
            print_json({"pulled": [_document(*both) for both in zip(pulled, files, strict=True)], "exit": 0})


def parse_params(given: Sequence[str] | None) -> dict[str, str]:
    """`VALUE=COLUMN` texts as a mapping; the value may hold further `=`. Raises ConfigError."""
    found: dict[str, str] = {}
    for text in given or ():
        value, equals, column = text.rpartition("=")
        if not value or not equals or not column:
            raise ConfigError(f"--param {text}: expected VALUE=COLUMN, such as --param EMEA=region")
        if value in found:
            raise ConfigError(f"--param {text}: {value!r} is given twice")
        found[value] = column
    return found


def _wanted(segment_id: str | None, search: str | None, columns: dict[str, str]) -> Wanted:
    from bulkseg.pull import Wanted

    if (segment_id is None) == (search is None):
        raise ConfigError("give the id of one segment, or --search for several")
    if segment_id is not None and re.fullmatch(r"[1-9][0-9]{0,18}", segment_id) is None:
        raise ConfigError(f"{segment_id!r} is no segment's id, which is a whole number such as 4711")
    return Wanted(segment_id, search, columns)


def _file(one: Pulled, output: Path | None, *, folder: bool) -> Path | None:
    return output / f"{slug(one.name)}-{one.segment_id}.json" if folder and output else output


def slug(name: str) -> str:
    """A name as a part of a file's name: letters and digits of any script, all else as single hyphens."""
    plain = "".join(char if char.isalnum() else "-" for char in unicodedata.normalize("NFKC", name))
    return re.sub("-+", "-", plain).strip("-").lower()[:_LONGEST_SLUG] or "segment"


def _deliver(one: Pulled, file: Path | None, *, quiet: bool) -> None:
    for warning in one.template.warnings:
        typer.echo(f"warning: segment {one.segment_id}: {warning}", err=True)
    content = (json.dumps(one.template.content, indent=2, ensure_ascii=False) + "\n").encode()
    if file is not None:
        _write(file, content)
        typer.echo(f'{file}: segment {one.segment_id} "{one.name}"', err=quiet)
    elif not quiet:
        sys.stdout.buffer.write(content)


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}; name a place that can be") from error


def _document(one: Pulled, file: Path | None) -> dict[str, Any]:
    return {
        "segment_id": one.segment_id,
        "name": one.name,
        "file": None if file is None else str(file),
        "template": one.template.content,
        "warnings": list(one.template.warnings),
    }

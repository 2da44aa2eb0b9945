"""From a path to a Job: a job file with its body files, or a bare data file with the job that it implies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path

import orjson
from pydantic import ValidationError

from bulkseg.errors import ConfigError, InputError, Problem
from bulkseg.job.blocks import BodyFile, Report, build_templates, read_body_files
from bulkseg.job.job import Job
from bulkseg.job.limits import Limits
from bulkseg.job.reading import parse_toml, read_bytes
from bulkseg.job.suggest import hint
from bulkseg.job.tables import JobFile
from bulkseg.job.templates import RESERVED, Scope, TemplateFault, compile_text
from bulkseg.job.wording import problems
from bulkseg.location import Database, Location, is_database, located, named
from bulkseg.remote import Place, Url

STDIN = "-"
DATA_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".xlsx")
_NO_OVERRIDES: dict[str, str] = {}


def load_job(path: Place, overrides: Mapping[str, str] = _NO_OVERRIDES, *, today: date | None = None) -> Job:
    """The job of a `.toml` file, or the one that a bare data file (or `-`, standard input) implies.

    `overrides` are values for names in [vars]; `today` is what a checkpoint's name may use, by default the
    local date. Raises InputError with everything that is wrong, not the first thing only.
    """
    if _is_data(path):
        return _bare_job(path, overrides)
    if path.suffix.lower() != ".toml":
        raise InputError(Problem(str(path), _no_job(path)))
    return _job_file(path, overrides, today or datetime.now().astimezone().date())


def named_files(path: Place) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The body files and the sources of a job, as it names them. Raises InputError where it is no job."""
    if _is_data(path):
        return (), (path.name,)
    document = _validate(parse_toml(read_bytes(path), path), str(path))
    bodies = [table.body_file for table in document.segment if table.body_file is not None]
    return tuple(dict.fromkeys(bodies)), tuple(document.source.path)


def _is_data(path: Place) -> bool:
    return path.name.lower().endswith(DATA_ENDINGS) or str(path) == STDIN


def _no_job(path: Place) -> str:
    what = "is a folder" if isinstance(path, Path) and path.is_dir() else "has another ending"
    return f"{what}: name a job file (.toml) or a data file ({', '.join(DATA_ENDINGS)})"


def with_source(job: Job, source: Place | None) -> Job:
    """The same job, by name and checkpoint, over another file, where one is named (relative to here)."""
    if source is None:
        return job
    path = source if job.bare else job.path
    if isinstance(source, Url) or str(source) == STDIN:
        return replace(job, sources=(str(source),), path=path)
    if isinstance(job.base, Url):
        return replace(job, sources=(source.name,), base=source.parent, path=path)
    return replace(job, sources=(os.path.relpath(source, job.base),), path=path)


def _bare_job(path: Place, overrides: Mapping[str, str]) -> Job:
    if overrides:
        name = next(iter(overrides))
        raise InputError(Problem(str(path), f"has no [vars] for --var {name} to set: it is a data file"))
    return Job(
        name=path.name,
        path=path,
        base=path.parent,
        bare=True,
        site=None,
        checkpoint=_beside(path, f"{_stem(path)}.checkpoint"),
        sources=(path.name,),
        key=(),
        vars=(),
        templates=(),
        limits=Limits(),
        if_exists="fail",
        fingerprint=_digest(b"bare"),
        elsewhere=isinstance(path, Url),
    )


def _stem(path: Place) -> str:
    if str(path) == STDIN:
        return "stdin"
    ending = max((e for e in DATA_ENDINGS if path.name.lower().endswith(e)), key=len)
    return path.name[: -len(ending)]


def _job_file(path: Place, overrides: Mapping[str, str], today: date) -> Job:
    content = read_bytes(path)
    document = _validate(parse_toml(content, path), str(path))
    found: list[Problem] = []
    bodies = read_body_files(document, path.parent, found.append)
    templates = build_templates(document, str(path), bodies, found.append)
    values = _vars(document, overrides, str(path), found.append)
    _check_reserved(document, str(path), found.append)
    checkpoint = _checkpoint(document, values, path, today, found.append)
    if found:
        raise InputError(found)
    name = document.job.name or path.stem
    return Job(
        name=name,
        path=path,
        base=path.parent,
        bare=False,
        site=document.job.site,
        checkpoint=named(checkpoint, name),
        sources=tuple(document.source.path),
        key=tuple(document.source.key),
        vars=tuple(values.items()),
        templates=tuple(templates),
        limits=document.limits,
        if_exists=document.results.if_exists,
        fingerprint=_fingerprint(content, bodies, values),
        elsewhere=isinstance(path, Url),
    )


def _validate(tables: Mapping[str, object], file: str) -> JobFile:
    try:
        return JobFile.model_validate(tables)
    except ValidationError as error:
        raise InputError(list(problems(error, file))) from error


def _vars(document: JobFile, overrides: Mapping[str, str], file: str, report: Report) -> dict[str, str]:
    for name in sorted(overrides.keys() - document.vars.keys()):
        what = f"--var {name}: there is no such name in [vars]{hint(name, document.vars)}"
        report(Problem(file, what, column=f"vars.{name}"))
    return {**document.vars, **overrides}


def _check_reserved(document: JobFile, file: str, report: Report) -> None:
    """Names of the job's own that are taken; those of columns are not known yet."""
    for name in document.vars:
        if name in RESERVED:
            report(Problem(file, _taken(name), column=f"vars.{name}"))
    for number, table in enumerate(document.segment, 1):
        for name in table.for_each:
            if name in RESERVED or name in document.vars:
                report(Problem(file, _taken(name), column=f"segment[{number}].for_each.{name}"))


def _taken(name: str) -> str:
    whose = "bulkseg gives to templates itself" if name in RESERVED else "[vars] has too"
    return f'"{name}" is a name that {whose}; call it something else'


def _checkpoint(
    document: JobFile, values: Mapping[str, str], path: Place, today: date, report: Report
) -> Location:
    """Beside the job file, named after it, unless the job says otherwise."""
    source = document.job.checkpoint
    if source is None:
        return _beside(path, f"{path.stem}.checkpoint")
    label = "job.checkpoint"
    try:
        name = compile_text(source, Scope((), {**values, "today": today.isoformat()}), label).constant
    except TemplateFault as fault:
        report(Problem(str(path), fault.what, column=label))
        return Path()
    if not name:
        report(Problem(str(path), "must be a file's name, made of vars and today only", column=label))
        return Path()
    return _database(name, path, report) if is_database(name) else _beside(path, name)


def _beside(path: Place, name: str) -> Path:
    """Nothing is written where a job lies elsewhere: for such a job this is only how it would be called."""
    return path.parent / name if isinstance(path, Path) else Path(name)


def _database(name: str, path: Place, report: Report) -> Location:
    try:
        location = located(name)
    except ConfigError as error:
        report(Problem(str(path), str(error), column="job.checkpoint"))
        return Path()
    if isinstance(location, Database) and location.has_secret:
        what = "has a password in it: take it out, and set PGPASSWORD or write a .pgpass file"
        report(Problem(str(path), what, column="job.checkpoint"))
    return location


def _fingerprint(content: bytes, bodies: Mapping[str, BodyFile], values: Mapping[str, str]) -> str:
    """Stands for all that decides what the rows become: the job file, its body files, its vars."""
    return _digest(content, *(bodies[name].content for name in sorted(bodies)), orjson.dumps(values))


def _digest(*parts: bytes) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))  # so that no two lists of parts look alike
        digest.update(part)
    return digest.hexdigest()

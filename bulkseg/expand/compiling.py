"""A job and the columns of its source -> an Expander. All that no row can mend is found here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import product
from operator import itemgetter
from typing import Any

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.expand.bare import bare_problems, bare_template
from bulkseg.expand.block import Block, MakeKey, source_flaw
from bulkseg.expand.body import compile_body, property_of, read_properties
from bulkseg.expand.expander import Expander
from bulkseg.expand.trees import Report
from bulkseg.job import Job
from bulkseg.job.blocks import Template
from bulkseg.job.suggest import hint
from bulkseg.job.templates import (
    RESERVED,
    Cells,
    Condition,
    Scope,
    TemplateFault,
    Text,
    compile_condition,
    compile_text,
    constant,
)
from bulkseg.names import flaw, path_flaw


def compile_job(job: Job, columns: Sequence[str], today: date, display: Callable[[str], str]) -> Expander:
    """The job's templates, checked against the source's columns and compiled.

    `today` is what templates see by that name; `display` turns a row's file into a name that can be opened.
    Raises InputError with everything that is wrong.
    """
    known = tuple(columns)
    found = list(bare_problems(job, known) if job.bare else _column_problems(job, known))
    if found:
        raise InputError(found)
    templates = (bare_template(job, known),) if job.bare else job.templates
    blocks = [block for template in templates for block in _blocks(job, template, known, today, found.append)]
    if found:
        raise InputError(list(dict.fromkeys(found)))  # each choice of for_each finds the same ones
    return Expander(tuple(blocks), display, name_template=not job.bare)


def _column_problems(job: Job, columns: tuple[str, ...]) -> Iterator[Problem]:
    file = str(job.path)
    for column in job.key:
        if column not in columns:
            what = f'there is no column "{column}" in the source{hint(column, columns)}'
            yield Problem(file, what, column="source.key")
    for name in RESERVED:
        if name in columns:
            what = (
                f'the source has a column "{name}", a name that bulkseg gives to templates itself; rename it'
            )
            yield Problem(file, what, column="source.path")
    own = [(name, f"vars.{name}") for name, _ in job.vars]
    own += [(name, f"{t.table}.for_each.{name}") for t in job.templates for name, _ in t.for_each]
    for name, place in own:
        if name in columns:
            yield Problem(
                file, f'"{name}" is a column of the source too; call it something else', column=place
            )


def _blocks(
    job: Job, template: Template, columns: tuple[str, ...], today: date, found: Callable[[Problem], None]
) -> Iterator[Block]:
    """One block for every choice of for_each values."""
    report = _reporter(job, template, found)
    properties = read_properties(template.properties, report)
    names = [name for name, _ in template.for_each]
    for values in product(*(values for _, values in template.for_each)):
        constants = {"today": today.isoformat(), **dict(job.vars), **dict(zip(names, values, strict=True))}
        scope = Scope(columns, constants)
        yield Block(
            template.name,
            template.action,
            _condition(template.when, scope, report),
            _name(properties, scope, report),
            _source_id(template, scope, report),
            _folder(template, scope, report),
            compile_body(properties, scope, report),
            _bare_key(template.name, columns) if job.bare else _key(template.name, job.key, values),
        )


def _reporter(job: Job, template: Template, found: Callable[[Problem], None]) -> Report:
    """Turns a path in the body into the file and the TABLE.KEY where it was written."""
    places = {item.name: item for item in (*template.properties, template.folder) if item is not None}

    def report(path: str, what: str) -> None:
        item = places.get(property_of(path))
        if item is None:
            found(Problem(str(job.path), what, column=f"{template.table}.{path}"))
        else:
            found(Problem(item.file, what, column=item.place + path.removeprefix(item.name)))

    return report


def _name(properties: Mapping[str, Any], scope: Scope, report: Report) -> Text:
    if "name" not in properties:  # it had a wrong form, which was reported
        return constant("")
    text = _text("name", properties["name"], scope, report)
    wrong = None if text.constant is None else flaw(text.constant)
    if wrong is not None:
        report("name", wrong)
    return text


def _source_id(template: Template, scope: Scope, report: Report) -> Text:
    text = _text("source_id", template.source_id, scope, report)
    if template.action is not None and text.constant is not None:
        wrong = source_flaw(template.action, text.constant)
        if wrong is not None:
            report("source_id", wrong)
    return text


def _folder(template: Template, scope: Scope, report: Report) -> Text:
    if template.folder is None:
        return constant("")
    text = _text("folder", orjson.loads(template.folder.json), scope, report)
    wrong = path_flaw(text.constant) if text.constant else None
    if wrong is not None:
        report("folder", wrong)
    return text


def _text(label: str, source: str, scope: Scope, report: Report) -> Text:
    try:
        return compile_text(source, scope, label)
    except TemplateFault as fault:
        report(fault.label, fault.what)
        return Text(lambda _: "")


def _condition(source: str | None, scope: Scope, report: Report) -> Condition | None:
    try:
        return None if source is None else compile_condition(source, scope, "when")
    except TemplateFault as fault:
        report(fault.label, fault.what)
        return None


def _key(template: str, columns: tuple[str, ...], chosen: tuple[str, ...]) -> MakeKey:
    """[template, key columns or name, for_each values], as a JSON array in text."""

    def make(cells: Cells, name: str) -> str:
        values = [cells[column] for column in columns] or [name]
        return orjson.dumps([template, *values, *chosen]).decode()

    return make


def _bare_key(template: str, columns: tuple[str, ...]) -> MakeKey:
    """[template, the row's `key` cell or its name], as a JSON array in text."""
    take = itemgetter("key") if "key" in columns else lambda _: ""
    return lambda cells, name: orjson.dumps([template, take(cells) or name]).decode()

"""[[segment]] tables, [defaults] and body files -> templates: what each row makes, not compiled yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.job.reading import parse_body, read_bytes
from bulkseg.job.tables import JobFile, Properties, SegmentTable
from bulkseg.model import Action
from bulkseg.properties import READ_ONLY
from bulkseg.remote import Place, joined

ONLY_TEMPLATE = "segment"
TWO_FOLDERS = "says where, and folderId does too; take one of them out"

Report = Callable[[Problem], None]


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a body: its value as JSON, whose strings are templates, and where that was written.

    `place` is the value's TABLE.KEY in `file` (a job file), or its path in `file` (a body file).
    """

    name: str
    json: bytes
    file: str
    place: str


@dataclass(frozen=True, slots=True)
class Template:
    """One [[segment]] table with its defaults and body file merged in. Texts are templates.

    `table` is its place in the job file. `action` is None where each row says it itself (a bare data file).
    `source_id` is empty where there is none. `folder` is a folder's path, None where there is none.
    """

    name: str
    table: str
    action: Action | None
    when: str | None
    for_each: tuple[tuple[str, tuple[str, ...]], ...]
    source_id: str
    properties: tuple[Property, ...]
    folder: Property | None = None


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A body file as it was read: its name as a person can open it, its content, its properties."""

    label: str
    content: bytes
    properties: dict[str, Any]


def read_body_files(document: JobFile, base: Place, report: Report) -> dict[str, BodyFile]:
    """Every body file that the job names, by its name in the job. Those that cannot be used are reported."""
    found: dict[str, BodyFile] = {}
    for table in document.segment:
        name = table.body_file
        if name is None or name in found:
            continue
        try:
            found[name] = _read_body_file(joined(base, name))
        except InputError as error:
            for problem in error.problems:
                report(problem)
    return found


def _read_body_file(path: Place) -> BodyFile:
    content = read_bytes(path)
    body = parse_body(content, path)
    wrong = [name for name in body if name in READ_ONLY]
    if wrong:
        what = "is read-only: Eloqua sets it; take it out"
        raise InputError([Problem(str(path), what, column=name) for name in wrong])
    return BodyFile(str(path), content, body)


def build_templates(
    document: JobFile, file: str, bodies: dict[str, BodyFile], report: Report
) -> list[Template]:
    """The job's templates, in its order. `bodies` are the body files by name; a missing one was reported."""
    templates: list[Template] = []
    if _two_folders(document.defaults):
        report(Problem(file, TWO_FOLDERS, column="defaults.folder"))
    for number, table in enumerate(document.segment, 1):
        place = f"segment[{number}]"
        merged = _merge(document, table, file, place, bodies)
        folder = _folder(document, table, file, place, bodies)
        if folder is not None:
            merged.pop("folderId", None)  # it is further from the template
        flaws = _naming_flaws(table.template, len(document.segment), [earlier.name for earlier in templates])
        unread = table.body_file is not None and table.body_file not in bodies
        for column, what in [*flaws, *_body_flaws(table, "name" in merged or unread)]:
            report(Problem(file, what, column=f"{place}.{column}"))
        templates.append(
            Template(
                table.template or ONLY_TEMPLATE,
                place,
                Action(table.action),
                table.when,
                tuple((name, tuple(values)) for name, values in table.for_each.items()),
                table.source_id or "",
                tuple(merged.values()),
                folder,
            )
        )
    return templates


def _merge(
    document: JobFile, table: SegmentTable, file: str, place: str, bodies: dict[str, BodyFile]
) -> dict[str, Property]:
    """Defaults, then the body file, then the table's own keys: what is closer to the template wins."""
    merged = {
        k: Property(k, orjson.dumps(v), file, f"defaults.{k}") for k, v in document.defaults.given().items()
    }
    body = bodies.get(table.body_file or "")
    if body is not None:
        merged |= {k: Property(k, orjson.dumps(v), body.label, k) for k, v in body.properties.items()}
    merged |= {k: Property(k, orjson.dumps(v), file, f"{place}.{k}") for k, v in table.given().items()}
    return merged


def _folder(
    document: JobFile, table: SegmentTable, file: str, place: str, bodies: dict[str, BodyFile]
) -> Property | None:
    """The folder's path, unless a folderId is as close to the template or closer."""
    if table.folder is not None:
        return Property("folder", orjson.dumps(table.folder), file, f"{place}.folder")
    body = bodies.get(table.body_file or "")
    closer = table.folder_id is not None or (body is not None and "folderId" in body.properties)
    path = document.defaults.folder
    return None if closer or path is None else Property("folder", orjson.dumps(path), file, "defaults.folder")


def _two_folders(table: Properties) -> bool:
    return table.folder is not None and table.folder_id is not None


def _naming_flaws(name: str | None, tables: int, earlier: list[str]) -> Iterator[tuple[str, str]]:
    if name is None and tables > 1:
        yield "template", "is missing; where there is more than one [[segment]], each needs a name of its own"
    elif name in earlier:
        yield "template", f'"{name}" is the name of an earlier [[segment]]; each needs a name of its own'


def _body_flaws(table: SegmentTable, named: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001 - a fact
    if not named:
        yield "name", 'is missing; say what the segments are called, such as name = "{{ region }} newsletter"'
    if _two_folders(table):
        yield "folder", TWO_FOLDERS
    if table.action == "copy" and not table.source_id:
        yield "source_id", "is missing; a copy needs the id of the segment to copy"
    if table.action == "create" and table.source_id:
        yield "source_id", 'is for copies only; set action = "copy", or take it out'

"""The `elements` of a body: an array of templates, or a column whose cells hold JSON."""

from __future__ import annotations

from typing import Any

import orjson

from bulkseg.expand.trees import Report, leaves, make, plain, resolve, resolve_text
from bulkseg.job.templates import Cells, Scope, Text
from bulkseg.segment import CHECKED, Flaw, check_body, tidy


class BadElements(Exception):
    """The elements of one row cannot be sent. `flaws` says where and why."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__(str(flaws))
        self.flaws = flaws


def compile_array(elements: list[Any], scope: Scope, report: Report) -> Any:
    """An array of templates as a Value, or as ready JSON where no row changes it.

    It is checked here, once, unless a row can change what is checked; then for each row.
    """
    tree = resolve(elements, scope, "elements", report)
    if any(key in CHECKED for key, _ in leaves(tree)):
        made = make(tree, encode=False)
        return lambda cells: _checked(made(cells))
    for path, what in check_body({"elements": plain(tree)}):
        report(path, what)
    return make(tree, encode=True)


def compile_cell(source: str, scope: Scope, report: Report) -> Any:
    """A column of JSON, `{{ column }}`, as a Value; an empty cell gives an empty text."""
    text = resolve_text(source, scope, "elements", report)
    if not isinstance(text, Text) or text.column is None:
        report("elements", 'must be an array, or one column whose cells hold JSON: "{{ column }}"')
        return []
    take = text.render

    def read(cells: Cells) -> Any:
        cell = take(cells)
        return _read(cell) if cell.strip() else ""

    return read


def _read(cell: str) -> list[Any]:
    """A cell's JSON as it is to be sent. Raises BadElements."""
    try:
        given = orjson.loads(cell)
    except orjson.JSONDecodeError as error:
        raise BadElements(
            [("elements", f"is no valid JSON at character {error.pos + 1}: {error.msg}")]
        ) from error
    body, flaws = tidy({"elements": given})
    if flaws or given is None:
        raise BadElements(flaws or [("elements", "must be an array, not null")])
    return _checked(body["elements"])


def _checked(elements: list[Any]) -> list[Any]:
    flaws = check_body({"elements": elements})
    if flaws:
        raise BadElements(flaws)
    return elements

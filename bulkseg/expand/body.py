"""A template's properties -> a function from a row's cells to the body of a request.

What no row can change is turned into JSON once; for each row only the rest is rendered, string by string
inside the structure, so that no value can break it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bulkseg.expand.elements import compile_array, compile_cell
from bulkseg.expand.trees import Report, Value, make, resolve
from bulkseg.job.blocks import Property
from bulkseg.job.templates import Cells, Scope
from bulkseg.segment import tidy


@dataclass(frozen=True, slots=True)
class Body:
    """`fixed` holds every property in its order; `varying` makes those that differ from row to row."""

    fixed: Mapping[str, Any]
    varying: tuple[tuple[str, Value], ...]

    def render(self, cells: Cells, name: str) -> dict[str, Any]:
        """The body of one row; a property that comes out as an empty text is left out.

        Raises TemplateFault or BadElements.
        """
        body = {**self.fixed, "name": name}
        for key, value in self.varying:
            made = value(cells)
            if made == "":
                del body[key]
            else:
                body[key] = made
        return body


def read_properties(properties: tuple[Property, ...], report: Report) -> dict[str, Any]:
    """The properties as they are to be sent, still templates; one of a wrong form is reported, left out."""
    found: dict[str, Any] = {}
    for item in properties:
        value = orjson.loads(item.json)
        if item.name == "elements" and isinstance(value, str):
            found[item.name] = value  # a column of JSON, looked at row by row
            continue
        body, flaws = tidy({item.name: value})
        if item.name == "name" and value is None:
            flaws = [("name", "must be text, not null")]
        for path, what in flaws:
            report(path, what)
        if not flaws:
            found |= body
    return found


def compile_body(properties: Mapping[str, Any], scope: Scope, report: Report) -> Body:
    """The body of a template, but for its name. What is wrong with it for every row is reported, once."""
    made = {key: _compile(key, value, scope, report) for key, value in properties.items()}
    kept = {key: value for key, value in made.items() if key == "name" or value != ""}
    fixed = {key: None if callable(value) else value for key, value in kept.items()}
    return Body(fixed, tuple((key, value) for key, value in kept.items() if callable(value)))


def _compile(key: str, value: Any, scope: Scope, report: Report) -> Any:
    if key == "name":
        return None  # rendered before the body, as the key may need it
    if key == "elements" and isinstance(value, str):
        return compile_cell(value, scope, report)
    if key == "elements" and isinstance(value, list):
        return compile_array(value, scope, report)
    return make(resolve(value, scope, key, report), encode=True)


def property_of(path: str) -> str:
    """`elements` of `elements[1].filter.statement`."""
    return path.split(".", 1)[0].split("[", 1)[0]

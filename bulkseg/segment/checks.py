"""What is known to be wrong with a body: ids that come twice, statements, `isIncluded`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bulkseg.segment.models import Filter, FilterElement, Flaw, Part, Segment, form_flaw
from bulkseg.segment.statement import criteria_named, statement_flaw

# Where a value is looked at and not only passed on: a template there is checked again for every row.
CHECKED = frozenset({"type", "id", "isIncluded", "statement"})


def check_body(body: Mapping[str, Any]) -> list[Flaw]:
    """Everything that is known to be wrong with a body: its form, ids that come twice, statements."""
    try:
        segment = Segment.model_validate(dict(body))
    except ValidationError as error:
        return [form_flaw(detail) for detail in error.errors()]
    return [*_twins(segment), *_element_flaws(segment)]


def _element_flaws(segment: Segment) -> Iterator[Flaw]:
    for number, element in enumerate(segment.elements or (), 1):
        path = f"elements[{number}]"
        if element.is_included not in (None, "true", "false"):
            yield f"{path}.isIncluded", f'must be "true" or "false", not {element.is_included!r}'
        if isinstance(element, FilterElement) and element.filter is not None:
            yield from _statement_flaws(element.filter, f"{path}.filter")


def _statement_flaws(part: Filter, path: str) -> Iterator[Flaw]:
    if not part.statement:
        return
    flaw = statement_flaw(part.statement)
    if flaw is not None:
        yield f"{path}.statement", f"{part.statement!r} is no valid statement: {flaw}"
    known = {criterion.id for criterion in part.criteria or ()}
    for name in dict.fromkeys(criteria_named(part.statement)):
        if name not in known:
            yield f"{path}.statement", f"{part.statement!r} names the criterion {name}, which is not there"


def _twins(segment: Segment) -> Iterator[Flaw]:
    seen: dict[tuple[str, ...], str] = {}
    for spaces, part, path in _made(segment):
        firsts = [seen.setdefault((*space, part.id), path) for space in spaces if part.id is not None]
        first = next((first for first in firsts if first != path), None)
        if first is not None:
            yield f"{path}.id", f"{part.id!r} is the id of {first} too; each needs one of its own"


def _made(segment: Segment) -> Iterator[tuple[list[tuple[str, ...]], Part, str]]:
    """Everything that is made with the segment, with the spaces in which its id has to be unique."""
    for number, element in enumerate(segment.elements or (), 1):
        path = f"elements[{number}]"
        yield [("element", element.type or "")], element, path
        if isinstance(element, FilterElement) and element.filter is not None:
            yield _among_new(element.filter), element.filter, f"{path}.filter"
            for place, criterion in enumerate(element.filter.criteria or (), 1):
                # A statement goes by id alone: within one filter the type does not tell criteria apart.
                spaces = [(path,), *_among_new(criterion)]
                yield spaces, criterion, f"{path}.filter.criteria[{place}]"


def _among_new(part: Part) -> list[tuple[str, ...]]:
    """Temporary (negative) ids are unique among all things of a type; others may name what is shared."""
    return [("new", part.type or "")] if part.id is not None and part.id.startswith("-") else []

"""The inside of a segment: checks its elements, gives their parts real ids, and puts values into text.

An element has a filter, the filter has criteria and a statement over the criteria's ids. New parts carry
negative temporary ids, unique among things of one type. Types that are not known pass through unchanged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from bulkseg.sandbox.rejections import Error, invalid

Json = dict[str, Any]

_ID = re.compile(r"-?\d+")


def as_text(value: Any) -> Any:
    """JSON as Eloqua answers it: every value is text, and a property without a value is left out."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return value if isinstance(value, str) else orjson.dumps(value).decode()


# --- Checks ---------------------------------------------------------------------------------------------


def check(elements: Any) -> Iterator[Error]:
    """What is wrong with the elements of a body (in text already)."""
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        yield invalid("elements", elements, "Syntax")
        return
    yield from _check_ids(elements, "elements", "ContactSegment", "-1")
    for element in elements:
        yield from _check_element(element)


def _check_element(element: Json) -> Iterator[Error]:
    holder = (element.get("type", "SegmentElement"), element.get("id", "-1"))
    if element.get("isIncluded", "true") not in ("true", "false"):
        yield invalid("isIncluded", element["isIncluded"], "Boolean", *holder)
    inner = element.get("filter", {})
    if isinstance(inner, dict):
        yield from _check_filter(inner)
    else:
        yield invalid("filter", inner, "Syntax", *holder)


def _check_filter(inner: Json) -> Iterator[Error]:
    holder = (inner.get("type", "ContactFilter"), inner.get("id", "-1"))
    criteria = inner.get("criteria", [])
    if not isinstance(criteria, list) or not all(isinstance(criterion, dict) for criterion in criteria):
        yield invalid("criteria", criteria, "Syntax", *holder)
        return
    yield from _check_ids([inner], "filter", *holder)
    yield from _check_ids(criteria, "criteria", *holder)
    known = {criterion["id"] for criterion in criteria if isinstance(criterion.get("id"), str)}
    statement = inner.get("statement", "")
    if not isinstance(statement, str) or not known.issuperset(_ID.findall(statement)):
        yield invalid("statement", statement, "Relationship", *holder)
    for criterion in criteria:
        if isinstance(criterion.get("filter"), dict):
            yield from _check_filter(criterion["filter"])


def _check_ids(parts: list[Json], name: str, holder: str, holder_id: str) -> Iterator[Error]:
    ids = [part["id"] for part in parts if "id" in part]
    for one in ids:
        if not (isinstance(one, str) and _ID.fullmatch(one)):
            yield invalid("id", one, "Id", holder, holder_id)
    for one, times in Counter(map(str, ids)).items():
        if times > 1:
            yield invalid(name, one, "NoDuplicates", holder, holder_id)


# --- Real ids -------------------------------------------------------------------------------------------


class Renumber:
    """Gives parts real ids, the same one for the same temporary id wherever it is named in one body.

    `fresh` makes ids. `all_parts` is for a copy, whose parts are new ones too, whatever ids they had.
    """

    def __init__(self, fresh: Callable[[], str], *, all_parts: bool = False) -> None:
        self._fresh = fresh
        self._all = all_parts
        self._known: dict[tuple[str, str], str] = {}

    def elements(self, elements: list[Json]) -> list[Json]:
        """The elements with real ids, those in statements included."""
        return [self._element(element) for element in elements]

    def _element(self, element: Json) -> Json:
        return {**self._references(element), "id": self._part("element", element)}

    def _filter(self, inner: Json) -> Json:
        criteria = inner.get("criteria", [])
        ids = [self._part(f"criterion of {id(inner)}", criterion) for criterion in criteria]
        renamed = {old["id"]: new for old, new in zip(criteria, ids, strict=True) if "id" in old}
        changed: Json = {"id": self._part("filter", inner)}
        if criteria:
            changed["criteria"] = [
                {**self._references(old), "id": new} for old, new in zip(criteria, ids, strict=True)
            ]
        if "statement" in inner:
            changed["statement"] = _ID.sub(lambda match: renamed[match[0]], inner["statement"])
        rest = {key: item for key, item in inner.items() if key not in changed}
        return {**self._references(rest), **changed}

    def _part(self, kind: str, part: Json) -> str:
        old = part.get("id", "")
        if old and not (self._all or old.startswith("-")):
            return str(old)
        return self._real(kind, old) if old else self._fresh()

    def _references(self, value: Any) -> Any:
        """Properties such as `optionListId`, which may name new things too, and filters, anywhere below."""
        if isinstance(value, list):
            return [self._references(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: self._referred(key, item) for key, item in value.items()}

    def _referred(self, key: str, item: Any) -> Any:
        if key.endswith("Id") and isinstance(item, str) and item.startswith("-"):
            return self._real(key, item)
        return self._filter(item) if key == "filter" and isinstance(item, dict) else self._references(item)

    def _real(self, kind: str, temporary: str) -> str:
        if (kind, temporary) not in self._known:
            self._known[kind, temporary] = self._fresh()
        return self._known[kind, temporary]

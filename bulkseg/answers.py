"""Reads the bodies of answers that went well: one segment, or one page of a list. Pure functions over bytes.

A body that is not what it should be gives None, never an exception: what that means is for others to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

SEGMENT = "ContactSegment"
FOLDER = "Folder"

# Levels of arrays and objects in one document. A segment has about ten; what has hundreds is none, and would
# be more than those can bear who go down into it.
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `page` counts from 1; `total` is how many there are on all pages.

    Every element has an `id`, as text.
    """

    elements: tuple[dict[str, Any], ...]
    page: int
    page_size: int
    total: int


def load(body: bytes) -> Any:
    """The body as JSON, or None where it is none (orjson's error is a ValueError) or is nested too deep."""
    try:
        found = orjson.loads(body)
    except ValueError:
        return None
    # Most answers have so few brackets that nobody has to go down.
    shallow = body.count(b"[") + body.count(b"{") <= DEEPEST
    return found if shallow or _depth_is_borne(found) else None


def _depth_is_borne(found: Any) -> bool:
    level = [found]
    for _ in range(DEEPEST + 1):
        inside = [part for part in level if isinstance(part, (dict, list))]
        if not inside:
            return True
        level = [one for part in inside for one in (part.values() if isinstance(part, dict) else part)]
    return False


def id_of(value: object) -> str | None:
    """An id as text of digits, or None where it is no id.

    Eloqua documents ids as strings; `/id` gives integers. Negative ones are temporary, so they name nothing.
    """
    whole = whole_of(value)
    return None if whole is None else str(value)


def whole_of(value: object) -> int | None:
    """A whole number from 0, written as a number or as digits; else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _LONGEST_NUMBER else None
    return None


# Longer than any 64-bit number, and short enough for int() on every Python.
_LONGEST_NUMBER = 20


def segment_of(body: bytes) -> dict[str, Any] | None:
    """The ContactSegment that a create, a copy or a get was answered with; its `id` is text of digits.

    None where the body is no JSON object, has no id, or says that it is something else: the id of another
    kind of thing must never be kept as a segment's, for `undo` deletes by id.
    """
    found = _with_id(load(body))
    return None if found is None or found.get("type", SEGMENT) != SEGMENT else found


def folder_of(body: bytes) -> dict[str, Any] | None:
    """The folder that a request was answered with; its `id` is text of digits. None where it is no folder."""
    found = _with_id(load(body))
    return None if found is None or found.get("type", FOLDER) != FOLDER else found


def page_of(body: bytes) -> Page | None:
    """One page of a list, or None where the body is no such thing: a page that cannot be read whole is none.

    Source: Oracle's REST API 2.0, `{"elements": [...], "page": 1, "pageSize": 100, "total": 7}`; a property
    without a value is left out, so a list of nothing may have no `elements`.
    """
    found = load(body)
    if not isinstance(found, dict):
        return None
    numbers = [whole_of(found.get(name)) for name in ("page", "pageSize", "total")]
    elements = _elements(found.get("elements", [] if numbers[2] == 0 else None))
    page, page_size, total = numbers
    if elements is None or page is None or page_size is None or total is None:
        return None
    return Page(elements, page, page_size, total)


def _elements(value: object) -> tuple[dict[str, Any], ...] | None:
    if not isinstance(value, list):
        return None
    found = [one for one in map(_with_id, value) if one is not None]
    return tuple(found) if len(found) == len(value) else None


def _with_id(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    number = id_of(value.get("id"))
    if number is None:
        return None
    value["id"] = number
    return value

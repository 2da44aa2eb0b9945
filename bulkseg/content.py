"""What a segment holds, apart from what the server adds to it: to be kept as a digest, and to be compared.

The ids of its parts (elements, their own filters, criteria) are the server's to give, temporary ones are sent
and real ones come back. So a part is known by its position, and a statement names criteria by theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from bulkseg.properties import ADDED

_KEPT = ("name", "description", "folderId", "elements")
_NOT_COMPARED = frozenset({"type", "id"})
_ID = re.compile(r"-?\d+")
_SHOWN = 120


def whole(found: Mapping[str, Any]) -> bool:
    """Whether an answer shows all of a segment: what is not in it then has no value."""
    depth = found.get("depth")
    return depth not in ("minimal", "partial") and ("elements" in found or depth is not None)


def digest(found: Mapping[str, Any]) -> str | None:
    """A short hash of a segment's name, description, folder and elements, as an answer gives them.

    None where the answer does not show the elements (its depth is minimal or partial), for then there is
    nothing to compare a later one with. Never raises: it is taken of whatever a server answers.
    """
    if not whole(found):
        return None
    try:
        plain = _object({key: found[key] for key in _KEPT if found.get(key)})
        plain.setdefault("elements", [])
        return blake2b(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
    except (RecursionError, orjson.JSONEncodeError):
        return None  # nested deeper than any segment


def differences(asked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What of the body `asked` is not so in `found` (depth complete), each as one line that names the path.

    Only what was asked for is looked at, ids of parts and temporary ids left out; positions count from 1. A
    boolean or a number and its text are the same.
    """
    wanted = {key: value for key, value in asked.items() if key not in _NOT_COMPARED}
    return list(_object_differences(_object(wanted), _object(found), ""))


# --- A plain form, in which two segments of one content are equal ---------------------------------------


def _object(value: Mapping[str, Any], *, part: bool = False) -> dict[str, Any]:
    """Without what the server adds, what has no value, and ids: a part's own, and temporary ones."""
    plain: dict[str, Any] = {}
    for key, item in value.items():
        if item is None or item == "" or key in ADDED or (part and key == "id"):
            continue
        if isinstance(item, list):
            plain[key] = _list(key, item)
        elif isinstance(item, dict):
            # A filter of another scope is shared by segments: which one it is, is content.
            plain[key] = _object(item, part=key == "filter" and item.get("scope", "local") == "local")
        elif key == "statement":
            plain[key] = _by_position(_text(item), value.get("criteria"))
        elif not _is_temporary(key, text := _text(item)):
            plain[key] = text
    return plain


def _list(key: str, items: list[Any]) -> list[Any]:
    part = key in ("elements", "criteria")
    return [_object(item, part=part) if isinstance(item, dict) else _text(item) for item in items]


def _text(item: Any) -> str:
    return item if isinstance(item, str) else orjson.dumps(item).decode()


def _is_temporary(key: str, text: str) -> bool:
    return text[0] == "-" and (key == "id" or key.endswith("Id"))


def _by_position(statement: str, criteria: Any) -> str:
    """`-5 AND -6` as `#1 AND #2`."""
    if not isinstance(criteria, list):
        return statement
    parts = [one for one in criteria if isinstance(one, dict)]
    numbers = {_text(part.get("id")): f"#{place}" for place, part in enumerate(parts, 1)}
    return _ID.sub(lambda match: numbers.get(match[0], match[0]), statement)


# --- Comparing ------------------------------------------------------------------------------------------


def _object_differences(asked: Mapping[str, Any], found: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, wanted in asked.items():
        yield from _differences(wanted, found.get(key), f"{path}.{key}" if path else key)


def _differences(asked: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(asked, dict) and isinstance(found, dict):
        yield from _object_differences(asked, found, path)
    elif isinstance(asked, list) and isinstance(found, list) and len(asked) == len(found):
        for place, (wanted, one) in enumerate(zip(asked, found, strict=True), 1):
            yield from _differences(wanted, one, f"{path}[{place}]")
    elif asked != found and (asked or found is not None):
        yield f"{path}: asked for {_shown(asked)}, the server has {_shown(found)}"


def _shown(value: Any) -> str:
    """A value on one line, text in quotes unless it is a number, a list as its length."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"{len(value)} of them"
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    text = orjson.dumps(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

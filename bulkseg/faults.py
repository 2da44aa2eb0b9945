"""Reads the bodies of answers that went wrong: into one line that a person understands. Pure functions.

Sources: "Validation errors" and "HTTP status codes" in Oracle's REST API for Eloqua. The body of a 400 or
409 is an array of errors; a bare object is documented too; a gateway sends HTML, or nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bulkseg.answers import SEGMENT, id_of, load

_SHOWN_ERRORS = 5
_LONGEST_LINE = 600
_LONGEST_VALUE = 80
# As much of a page as is looked at: its first words say it, and the patterns below are slow on tag soup.
_READ_TEXT = 8_000

# What Oracle says of a status; only where it says more than the status' own name.
_STATUS_WORDS = {
    301: "login required",
    401: "the credentials are not accepted",
    403: "no permission, or the service is not enabled for this user",
    404: "a security label can hide what is there",
    412: "other objects depend on it",
    413: "the storage space is exceeded",
    429: "too many requests",
    503: "unavailable, or a time-out while the request was processed",
}

# Requirement types without "Requirement", as a person says them.
_REQUIREMENT_WORDS = {
    "Boolean": "must be true or false",
    "Content": "must not be empty",
    "Date": "must be a date, in Unix seconds",
    "EmailAddress": "must be an e-mail address",
    "Enum": "must be one of the values that are allowed",
    "Id": "must be an id, a whole number",
    "Immutability": "cannot be changed",
    "Integer": "must be a whole number",
    "NoDuplicates": "must not have anything twice",
    "NotNull": "is missing",
    "Relationship": "refers to something that does not exist or does not fit",
    "Syntax": "is not written as it must be",
    "TextWithNoHtml": "must not have HTML in it",
    "TextWithNoUrl": "must not have a URL in it",
    "Uniqueness": "is already taken",
    "Url": "must be a URL",
    "ValidTextLength": "is too short or too long",
}

_HTML_NOISE = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
_HTML_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_HTML_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Conflict:
    """The name is taken. `conflicting_id` is the id of what has it, where the server says so."""

    conflicting_id: str | None = None


def read_errors(status: int, body: bytes) -> str:
    """What an answer that went wrong says, as one line of at most some hundred characters.

    `status` is only spoken of where the body does not say what is wrong.
    """
    if not body.strip():
        return f"{_status_line(status)}, without details"
    found = load(body)
    errors = _errors(found)
    if errors:
        return _shorten(_join([_error_line(error) for error in errors]), _LONGEST_LINE)
    text = body[:_READ_TEXT].decode("utf-8", "replace")
    if found is None and "<" in text:
        return _shorten(f"{_status_line(status)}, an HTML page: {_page_text(text)}", _LONGEST_LINE)
    return _shorten(f"{_status_line(status)}: {text}", _LONGEST_LINE)


def conflict(body: bytes) -> Conflict | None:
    """Whether the body of a 400 or 409 says that the name is taken: a uniqueness requirement on `name`.

    Requirement types are documented with and without "Requirement" at their end. The property's own
    container may be left out; where it is named and is no segment, it is something else whose name is taken.
    """
    for error in _errors(load(body)):
        if _property(error) == "name" and _requirement(error) == "Uniqueness" and _of_segment(error):
            return Conflict(_conflicting_id(error))
    return None


def _errors(found: Any) -> list[Mapping[str, Any]]:
    """The errors of a body in one of the documented shapes; none where it is another or nothing."""
    candidates = found if isinstance(found, list) else [found]
    return [one for one in candidates if isinstance(one, Mapping) and _is_error(one)]


def _is_error(one: Mapping[str, Any]) -> bool:
    return "requirement" in one or _property(one) != ""


def _property(error: Mapping[str, Any]) -> str:
    named = error.get("property") or error.get("parameter")
    return named if isinstance(named, str) else ""


def _requirement(error: Mapping[str, Any]) -> str:
    """The requirement's type without "Requirement"; empty where there is none."""
    found = error.get("requirement")
    named = found.get("type") if isinstance(found, Mapping) else found
    return named.removesuffix("Requirement") if isinstance(named, str) else ""


def _of_segment(error: Mapping[str, Any]) -> bool:
    return _container(error).get("objectType") in (None, SEGMENT)


def _container(error: Mapping[str, Any]) -> Mapping[str, Any]:
    found = error.get("container")
    return found if isinstance(found, Mapping) else {}


def _conflicting_id(error: Mapping[str, Any]) -> str | None:
    requirement = error.get("requirement")
    places = [requirement, error] if isinstance(requirement, Mapping) else [error]
    found = [id_of(place.get("conflictingId")) for place in places]
    return next((one for one in found if one is not None), None)


def _error_line(error: Mapping[str, Any]) -> str:
    """`name: is already taken (UniquenessRequirement), value "x", in ContactFilter -111`."""
    kind = _requirement(error)
    words = _REQUIREMENT_WORDS.get(kind, "is not accepted")
    named = f" ({kind}Requirement{_details(error)})" if kind else f" ({error.get('type', 'no reason given')})"
    return f"{_property(error) or 'the request'}: {words}{named}{_value(error)}{_place(error)}"


def _details(error: Mapping[str, Any]) -> str:
    """What a requirement says besides its type, such as limits of a length or a conflicting id."""
    requirement = error.get("requirement")
    items = requirement.items() if isinstance(requirement, Mapping) else ()
    plain = [f"{name} {value}" for name, value in items if name != "type" and isinstance(value, str | int)]
    return "".join(f", {_shorten(one, _LONGEST_VALUE)}" for one in plain)


def _value(error: Mapping[str, Any]) -> str:
    value = error.get("value")
    if value is None:
        return ""
    return f', value "{_shorten(str(value), _LONGEST_VALUE)}"'


def _place(error: Mapping[str, Any]) -> str:
    """The part of the segment that is meant; nothing where it is the segment as a whole."""
    container = _container(error)
    kind = container.get("objectType")
    if kind in (None, SEGMENT):
        return ""
    return f", in {kind} {container.get('objectId', '')}".rstrip()


def _join(lines: list[str]) -> str:
    hidden = len(lines) - _SHOWN_ERRORS
    shown = "; ".join(lines[:_SHOWN_ERRORS])
    return f"{shown}; and {hidden} more" if hidden > 0 else shown


def _status_line(status: int) -> str:
    try:
        named = f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        named = f"HTTP {status}"
    words = _STATUS_WORDS.get(status)
    return named if words is None else f"{named} ({words})"


def _page_text(page: str) -> str:
    """What a person would read on an HTML page: its title and its text, without tags."""
    title = _HTML_TITLE.search(page)
    text = _HTML_TAG.sub(" ", _HTML_NOISE.sub(" ", page))
    return html.unescape(" ".join([title.group(1) if title else "", text])).strip()


def _shorten(text: str, length: int) -> str:
    """One line of at most `length` characters that a terminal shows as they are."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"

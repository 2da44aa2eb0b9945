"""The search grammar of lists: `{property}{operator}{value}`, and `orderBy`, as SQL.

From Oracle's "Using the search URL parameter": `*` is a wildcard, a value may be in single quotes, with a
quote in it doubled, and a value alone is compared with the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bulkseg.sandbox.rejections import bad_parameter

COLUMNS = {
    "name": "name",
    "id": "id",
    "folderid": "folder_id",
    "createdby": "created_by",
    "createdat": "created_at",
    "updatedat": "updated_at",
}
_VALUE = r"\s*(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^'\s][^']*?))\s*"
_TERM = re.compile(rf"\s*(?P<property>\w+)\s*(?P<operator>!=|>=|<=|=|<|>){_VALUE}", re.DOTALL)
# What has an operator in it is meant as a term, and is wrong as one.
_ALONE = re.compile(rf"(?!\s*\w+\s*[=<>!]){_VALUE}", re.DOTALL)
_ORDER = re.compile(r"\s*(\w+)(?:\s+(asc|desc))?\s*", re.IGNORECASE)
# SQLite's integers end at 19 digits.
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a WHERE, and the values for its question marks."""

    sql: str = "1"
    values: tuple[str | int, ...] = ()


def parse_search(text: str) -> Condition:
    """What a list is to be narrowed to. Raises Rejection where it cannot be read."""
    term = _TERM.fullmatch(text)
    match = term or _ALONE.fullmatch(text)
    if match is None:
        raise bad_parameter("search", text, "Syntax")
    name, operator = (term["property"], term["operator"]) if term else ("name", "=")
    column = COLUMNS.get(name.lower())
    if column is None:
        raise bad_parameter("search", text, "Enum")
    value = match["bare"] if match["quoted"] is None else match["quoted"].replace("''", "'")
    if column == "name":
        return _of_name(operator, value)
    if not NUMBER.fullmatch(value):
        raise bad_parameter("search", text, "Integer")
    return Condition(f"{column} {operator} ?", (int(value),))


def _of_name(operator: str, value: str) -> Condition:
    if "*" not in value or operator not in {"=", "!="}:
        return Condition(f"name {operator} ?", (value,))
    # GLOB tells upper from lower case, as = does; but here * alone is special.
    pattern = re.sub(r"[?\[]", r"[\g<0>]", value)
    return Condition("name GLOB ?" if operator == "=" else "name NOT GLOB ?", (pattern,))


def parse_order(text: str) -> str:
    """An ORDER BY, with the id to tell equal ones apart, so that pages do not overlap."""
    match = _ORDER.fullmatch(text)
    column = COLUMNS.get(match[1].lower()) if match else None
    if match is None or column is None:
        raise bad_parameter("orderBy", text, "Enum")
    direction = (match[2] or "asc").upper()
    return f"{column} {direction}, id {direction}"

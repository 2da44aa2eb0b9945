"""A filter's `statement`: a boolean expression over the ids of its criteria, such as `-5 AND (-6 OR -7)`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\s*(-?\d+|\w+|[()]|\S)")
_ID = re.compile(r"-?\d+")
_OPERATORS = ("AND", "OR")


def criteria_named(statement: str) -> list[str]:
    """The ids that a statement names, in its order."""
    return [token for token in _tokens(statement) if _ID.fullmatch(token)]


def statement_flaw(statement: str) -> str | None:
    """What is wrong with the form of a statement, in words; None if nothing is.

    AND and OR are confirmed by public examples; NOT and parentheses are not, and are let through.
    """
    depth = 0
    value_next = True
    last = "its beginning"
    for token in _tokens(statement):
        word = token.upper()
        if word == "(" and value_next:
            depth += 1
        elif word == ")" and not value_next:
            depth -= 1
        elif _ID.fullmatch(token) and value_next:
            value_next = False
        elif word in _OPERATORS and not value_next:
            value_next = True
        elif not (word == "NOT" and value_next):
            return f"{token!r} cannot stand after {last}"
        if depth < 0:
            return "a parenthesis is closed that was not opened"
        last = repr(token)
    if value_next:
        return f"an id is missing after {last}"
    return "a parenthesis is not closed" if depth else None


def _tokens(statement: str) -> Iterator[str]:
    return (match[1] for match in _TOKEN.finditer(statement))

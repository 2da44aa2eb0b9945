"""A segment that exists -> a body template: JSON whose strings are templates, what `body_file` takes.

What is the server's own goes out. Parts (elements, their own filters, criteria) get negative temporary ids,
for they are to be made anew; what is only referred to (fields, shared lists) keeps its id.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bulkseg.properties import ADDED
from bulkseg.segment.models import FILTER_ELEMENT

DOCUMENTED = frozenset({FILTER_ELEMENT, "ContactFieldCriterion"})

_PART_LISTS = ("elements", "criteria")
_ID = re.compile(r"-?\d+")
_DELIMITERS = ("{{", "{%", "{#")
# Names that mean something else to Jinja, however a column of that name would be written.
_JINJA_WORDS = frozenset({"true", "false", "none", "row"}) | frozenset(keyword.kwlist)


@dataclass(frozen=True, slots=True)
class BodyTemplate:
    """`content` is the template; `used` are the values that became columns; `warnings` are a line each."""

    content: dict[str, Any]
    used: frozenset[str]
    warnings: tuple[str, ...]


def body_template(found: Mapping[str, Any], columns: Mapping[str, str]) -> BodyTemplate:
    """The template of a segment as the server gives it (depth complete).

    `columns` has, by value, the column that takes its place: every text equal to that value becomes a
    template, such as `{{ region }}`. Any other text that looks like a template is escaped, so that it stays
    text.
    """
    lifting = _Lifting(columns)
    content = lifting.lift({key: value for key, value in found.items() if key != "id"}, "", None)
    return BodyTemplate(content, frozenset(lifting.used), tuple(lifting.warnings()))


def reference(column: str) -> str:
    """A column as a template: `{{ region }}`, or `{{ row["Campaign Code"] }}`."""
    if column.isidentifier() and column not in _JINJA_WORDS:
        return f"{{{{ {column} }}}}"
    return f'{{{{ row["{_literal(column, quote=chr(34))}"] }}}}'


def escaped(text: str) -> str:
    """A template that renders to exactly this text: itself, unless it looks like a template."""
    if not any(delimiter in text for delimiter in _DELIMITERS):
        return text
    return f"{{{{ '{_literal(text, quote=chr(39))}' }}}}"


def _literal(text: str, *, quote: str) -> str:
    """The inside of a Jinja string. Line ends are escaped, for Jinja makes them all alike."""
    text = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return text.replace("\r", "\\r").replace("\n", "\\n")


class _Lifting:
    """One segment on its way to a template. Temporary ids are counted down over all kinds of parts."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.used: set[str] = set()
        self._columns = columns
        self._last = 0
        self._own_lists: dict[str, str] = {}
        self._odd: dict[str, list[str]] = {}
        self._unnamed: list[str] = []

    def lift(self, given: Mapping[str, Any], path: str, number: str | None) -> dict[str, Any]:
        """`number` is its temporary id; None for what is no part, whose id names something and stays."""
        numbers = {key: [self._new() for _ in given[key]] for key in _PART_LISTS if _is_list(given.get(key))}
        made: dict[str, Any] = {}
        for key, item in given.items():
            place = f"{path}.{key}" if path else key
            if key == "id" and number is not None:
                made[key] = number
            elif key in numbers:
                made[key] = list(map(self._part, item, numbers[key], _places(place, item)))
            elif key == "statement" and isinstance(item, str):
                made[key] = self._statement(item, given.get("criteria"), numbers.get("criteria", []), place)
            elif key == "optionListId" and isinstance(item, str) and given.get("quickListString"):
                made[key] = self._own_list(item)
            elif key not in ADDED:
                made[key] = self._other(key, item, place)
        return made

    def warnings(self) -> Iterator[str]:
        """One for each type that is documented by name only, one for each id that leads nowhere."""
        for kind, places in self._odd.items():
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            yield (
                f"{places[0]}{more}: {kind} is documented by name only; it is passed on as it is, so look "
                "at the first segment that is made of it"
            )
        yield from self._unnamed

    def _part(self, given: Any, number: str, path: str) -> Any:
        if not isinstance(given, dict):
            return self._value(given, path)
        kind = given.get("type")
        if isinstance(kind, str) and kind not in DOCUMENTED:
            self._odd.setdefault(kind, []).append(path)
        return self.lift(given, path, number)

    def _statement(self, statement: str, criteria: Any, numbers: list[str], path: str) -> str:
        """With the criteria's temporary ids for their real ones."""
        pairs = zip(criteria or [], numbers, strict=False)
        ided = [(one.get("id"), number) for one, number in pairs if isinstance(one, dict)]
        renamed = {str(one): number for one, number in ided if isinstance(one, (str, int))}
        for name in dict.fromkeys(_ID.findall(statement)):
            if name not in renamed:
                self._unnamed.append(f"{path}: names the criterion {name}, which is not there")
        return _ID.sub(lambda match: renamed.get(match[0], match[0]), statement)

    def _own_list(self, list_id: str) -> str:
        """A list whose options stand beside it was made with its criterion, and is made anew with it."""
        if list_id not in self._own_lists:
            self._own_lists[list_id] = self._new()
        return self._own_lists[list_id]

    def _other(self, key: str, given: Any, path: str) -> Any:
        # A filter of another scope is shared by segments: it is referred to, not made.
        if key == "filter" and isinstance(given, dict) and given.get("scope", "local") == "local":
            return self.lift(given, path, self._new())
        return self._value(given, path)

    def _value(self, given: Any, path: str) -> Any:
        if isinstance(given, dict):
            return self.lift(given, path, None)
        if isinstance(given, list):
            return list(map(self._value, given, _places(path, given)))
        return self._text(given) if isinstance(given, str) else given

    def _text(self, text: str) -> str:
        column = self._columns.get(text)
        if column is None:
            return escaped(text)
        self.used.add(text)
        return reference(column)

    def _new(self) -> str:
        self._last -= 1
        return str(self._last)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _places(path: str, items: list[Any]) -> list[str]:
    """`elements[1]`, `elements[2]` ...: counted from 1."""
    return [f"{path}[{position}]" for position in range(1, len(items) + 1)]

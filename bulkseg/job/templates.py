"""Text templates: checked against the names that are known, and compiled once to functions of a row's cells.

Most templates are text and plain names. Those become one `%` over the cells, some ten times faster than
Jinja's render; everything else is rendered by Jinja.

Names in a template: the columns of the source, the names of `vars` and of `for_each`, `today`, `_source` (the
row's file), `_line` (its line), and `row`, which gives a column whose name is no identifier:
`{{ row["Campaign Code"] }}`. All values are text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from bulkseg.job.jinja import MAX_TEXT, Column, Parsed, compile_expression, compile_template, parse
from bulkseg.job.suggest import hint

PLACE_NAMES = ("_source", "_line")
RESERVED = ("today", *PLACE_NAMES, "row")
_DELIMITERS = ("{{", "{%", "{#")

Cells = Mapping[str, str]
Render = Callable[[Cells], str]
Condition = Callable[[Cells], bool]


class TemplateFault(Exception):
    """A template that cannot be compiled, or that fails on a row.

    `label` says which one (`name`, `elements[1].filter.statement`), `what` what is wrong with it.
    """

    def __init__(self, label: str, what: str) -> None:
        super().__init__(f"{label}: {what}")
        self.label = label
        self.what = what


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: `columns` are known row by row, `constants` once for all rows."""

    columns: tuple[str, ...]
    constants: Mapping[str, str]

    def names(self) -> list[str]:
        """Every name that a template may use."""
        return [*self.columns, *self.constants, *PLACE_NAMES, "row"]


@dataclass(frozen=True, slots=True)
class Text:
    """A compiled template. `render` takes a row's cells, with `_source` and `_line` among them.

    `constant` is its text where no row can change it; `column` the column that it is a plain copy of.
    """

    render: Render
    constant: str | None = None
    column: str | None = None


def compile_text(source: str, scope: Scope, label: str) -> Text:
    """A template as a function of the cells. Raises TemplateFault for a syntax error or an unknown name.

    What is rendered is never looked at again, so a cell that looks like a template stays text.
    """
    if not any(delimiter in source for delimiter in _DELIMITERS):
        return constant(source)
    parsed = _parse(source, label)
    _check_names(parsed, scope, label)
    if parsed.parts is not None:
        return _plain(parsed.parts, scope)
    return _rendered(source, parsed, scope, label)


def compile_condition(source: str, scope: Scope, label: str) -> Condition:
    """An expression as a yes-or-no function of the cells. Raises TemplateFault as compile_text does."""
    try:
        expression = compile_expression(source)
    except TemplateSyntaxError as error:
        raise TemplateFault(label, f"is no valid expression: {error.message}") from error
    parsed = _parse("{{ " + source + " }}", label)
    _check_names(parsed, scope, label)
    gather = _gatherer(parsed, scope)

    def holds(cells: Cells) -> bool:
        try:
            return bool(expression(gather(cells)))
        except Exception as error:  # whatever an expression raises is about this row
            raise _fault(label, error) from error

    return holds


def _parse(source: str, label: str) -> Parsed:
    try:
        return parse(source)
    except TemplateSyntaxError as error:
        raise TemplateFault(label, f"is no valid template: {error.message}") from error


def _check_names(parsed: Parsed, scope: Scope, label: str) -> None:
    plain = {part.name for part in parsed.parts or () if isinstance(part, Column) and not part.by_row}
    for name in sorted(parsed.names | plain):
        if name not in scope.names():
            raise TemplateFault(
                label, f'uses "{name}", which is no column and no name of the job{_near(name, scope)}'
            )
    for name in sorted(parsed.columns):
        if name not in scope.columns:
            raise TemplateFault(
                label, f'uses row["{name}"], and there is no such column{hint(name, scope.columns)}'
            )


def _near(name: str, scope: Scope) -> str:
    return hint(name, [known for known in scope.names() if known.isidentifier()])


def constant(text: str) -> Text:
    """The same text for every row."""
    return Text(lambda _: text, constant=text)


def _plain(parts: tuple[str | Column, ...], scope: Scope) -> Text:
    """Text and plain values: what is constant is put in at once, the rest is one `%` for each row."""
    columns: list[str] = []
    pattern = ""
    for part in parts:
        if isinstance(part, Column) and (part.by_row or part.name not in scope.constants):
            columns.append(part.name)
            pattern += "%s"
        else:
            text = scope.constants[part.name] if isinstance(part, Column) else part
            pattern += text.replace("%", "%%")
    if not columns:
        return constant(pattern.replace("%%", "%"))
    take = itemgetter(*columns)
    if pattern == "%s":
        return Text(take, column=columns[0])
    return Text(lambda cells: pattern % take(cells))


def _rendered(source: str, parsed: Parsed, scope: Scope, label: str) -> Text:
    """A template that Jinja renders: once if no row can change it, else for each row."""
    produce = compile_template(source)
    gather = _gatherer(parsed, scope)

    def render(cells: Cells) -> str:
        pieces, length = [], 0
        try:
            for piece in produce.root_render_func(produce.new_context(gather(cells))):
                pieces.append(piece)
                length += len(piece)
                if length > MAX_TEXT:
                    raise OverflowError(f"the text is longer than {MAX_TEXT:,} characters")  # noqa: TRY301
        except Exception as error:  # whatever a template raises is about this row
            raise _fault(label, error) from error
        return "".join(pieces)

    if parsed.names <= scope.constants.keys():
        return constant(render({}))
    return Text(render)


def _gatherer(parsed: Parsed, scope: Scope) -> Callable[[Cells], dict[str, Any]]:
    """A function that gives Jinja the names that this template uses, and no others."""
    constants: dict[str, Any] = {
        name: scope.constants[name] for name in parsed.names & scope.constants.keys()
    }
    by_name = tuple(parsed.names - constants.keys() - {"row"})
    by_row = "row" in parsed.names

    def gather(cells: Cells) -> dict[str, Any]:
        values = constants | {name: cells[name] for name in by_name}
        return values | {"row": cells} if by_row else values

    return gather


def _fault(label: str, error: Exception) -> TemplateFault:
    if isinstance(error, TemplateError):
        return TemplateFault(label, f"cannot be rendered: {error.message}")
    return TemplateFault(label, f"cannot be rendered: {type(error).__name__}: {error}")

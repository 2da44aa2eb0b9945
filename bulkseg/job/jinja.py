"""Jinja2 as bulkseg uses it: its sandbox made stricter, and what a template takes from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.environment import TemplateExpression
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT = 1 << 20  # characters; no property of a segment comes near it
_MAX_POWER_BITS = 4096
_CACHED = 1024  # compiled templates; for_each compiles each of its texts once for every combination


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with what could fill the memory by mistake refused before it is computed."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and _repeated_length(left, right) > MAX_TEXT:
            raise OverflowError(f"the text would be longer than {MAX_TEXT:,} characters")
        if operator == "**" and isinstance(left, int) and left.bit_length() * right > _MAX_POWER_BITS:
            raise OverflowError("the number would be too large")
        return super().call_binop(context, operator, left, right)


def _repeated_length(left: Any, right: Any) -> int:
    """How long a text or list becomes that is multiplied; 0 for a product of numbers."""
    times, repeated = (left, right) if isinstance(left, int) else (right, left)
    return times * len(repeated) if isinstance(times, int) and hasattr(repeated, "__len__") else 0


def _environment() -> _Sandbox:
    sandbox = _Sandbox(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False, cache_size=0)
    # The same job has to give the same bytes on every run: nothing random, nothing that remembers.
    for name in ("lipsum", "cycler", "joiner"):
        del sandbox.globals[name]
    del sandbox.filters["random"]
    return sandbox


_ENVIRONMENT = _environment()


@dataclass(frozen=True, slots=True)
class Column:
    """A place in a template where a value goes: `{{ name }}`, or `{{ row["name"] }}` (then `by_row`)."""

    name: str
    by_row: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a template is made of.

    `parts` is the whole of it where it is text and plain values only, else None. `names` are the names that
    it takes from outside (`row` among them), `columns` the columns that it takes by way of `row`.
    """

    parts: tuple[str | Column, ...] | None
    names: frozenset[str]
    columns: frozenset[str]


@lru_cache(_CACHED)
def parse(source: str) -> Parsed:
    """Takes a template apart. Raises jinja2.TemplateSyntaxError (unknown filters and tests among them)."""
    tree = _ENVIRONMENT.parse(source)
    if any(True for _ in meta.find_referenced_templates(tree)):
        raise TemplateSyntaxError("include, import and extends cannot be used here", 1)
    parts = list(_parts(tree))
    return Parsed(
        None if None in parts else tuple(part for part in parts if part is not None),
        frozenset(meta.find_undeclared_variables(tree)),
        frozenset(_row_columns(tree)),
    )


@lru_cache(_CACHED)
def compile_template(source: str) -> Template:
    """A template as Jinja renders it. Raises jinja2.TemplateSyntaxError."""
    return _ENVIRONMENT.from_string(source)


@lru_cache(_CACHED)
def compile_expression(source: str) -> TemplateExpression:
    """An expression that gives its value, undefined ones included. Raises jinja2.TemplateSyntaxError."""
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)


def _parts(tree: nodes.Template) -> Iterator[str | Column | None]:
    """The pieces of a template in order; None for one that only Jinja can render."""
    for statement in tree.body:
        pieces = statement.nodes if isinstance(statement, nodes.Output) else [statement]
        yield from map(_part, pieces)


def _part(node: nodes.Node) -> str | Column | None:
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Name):
        return Column(node.name, by_row=False) if node.name != "row" else None
    column = _column_of_row(node)
    return None if column is None else Column(column, by_row=True)


def _row_columns(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Getitem, nodes.Getattr)):
        column = _column_of_row(node)
        if column is not None:
            yield column


def _column_of_row(node: nodes.Node) -> str | None:
    """`Code` for `row["Code"]` and `row.Code`; None for everything else, such as `row.items`."""
    if not isinstance(node, nodes.Getitem | nodes.Getattr):
        return None
    if not (isinstance(node.node, nodes.Name) and node.node.name == "row"):
        return None
    if isinstance(node, nodes.Getattr):
        return None if hasattr(dict, node.attr) else node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None

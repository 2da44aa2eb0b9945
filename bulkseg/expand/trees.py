"""JSON whose strings are templates: compiled, and made into a function from a row's cells to plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from bulkseg.job.templates import Cells, Scope, TemplateFault, Text, compile_text

Value = Callable[[Cells], Any]
Report = Callable[[str, str], None]  # a path in the body, and what is wrong there


def resolve(value: Any, scope: Scope, path: str, report: Report) -> Any:
    """The same structure, its templates compiled: plain text where no row changes it, a Text elsewhere."""
    if isinstance(value, list):
        return [resolve(item, scope, f"{path}[{number}]", report) for number, item in enumerate(value, 1)]
    if isinstance(value, dict):
        return {key: resolve(item, scope, f"{path}.{key}", report) for key, item in value.items()}
    return resolve_text(value, scope, path, report) if isinstance(value, str) else value


def resolve_text(source: str, scope: Scope, path: str, report: Report) -> str | Text:
    """One string; one that cannot be compiled is reported, and empty."""
    try:
        text = compile_text(source, scope, path)
    except TemplateFault as fault:
        report(fault.label, fault.what)
        return ""
    return text if text.constant is None else text.constant


def leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Text]]:
    """What is left to be rendered for each row, with the key under which it stands."""
    if isinstance(tree, Text):
        yield key, tree
    elif isinstance(tree, list):
        for item in tree:
            yield from leaves(item, key)
    elif isinstance(tree, dict):
        for name, item in tree.items():
            yield from leaves(item, name)


def plain(tree: Any) -> Any:
    """The structure with nothing in place of its templates, for a look at what they do not change."""
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    if isinstance(tree, dict):
        return {key: plain(item) for key, item in tree.items()}
    return "" if isinstance(tree, Text) else tree


def make(tree: Any, *, encode: bool) -> Any:
    """A Value where a row changes anything; else the tree itself, as ready JSON if `encode`."""
    if isinstance(tree, Text):
        return tree.render
    if not isinstance(tree, list | dict):
        return tree
    if next(leaves(tree), None) is None:
        return orjson.Fragment(orjson.dumps(tree)) if encode else tree
    return _list(tree, encode=encode) if isinstance(tree, list) else _dict(tree, encode=encode)


def _list(tree: list[Any], *, encode: bool) -> Value:
    parts = [make(item, encode=encode) for item in tree]
    varying = tuple((number, part) for number, part in enumerate(parts) if callable(part))

    def render(cells: Cells) -> list[Any]:
        made = parts.copy()
        for number, value in varying:
            made[number] = value(cells)
        return made

    return render


def _dict(tree: dict[str, Any], *, encode: bool) -> Value:
    parts = {key: make(item, encode=encode) for key, item in tree.items()}
    varying = tuple((key, part) for key, part in parts.items() if callable(part))

    def render(cells: Cells) -> dict[str, Any]:
        made = parts.copy()
        for key, value in varying:
            made[key] = value(cells)
        return made

    return render

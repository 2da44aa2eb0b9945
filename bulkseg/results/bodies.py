"""Every request that a job makes, as JSON Lines: what would be sent, to be looked at or compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bulkseg.errors import InputError, Problem
from bulkseg.model import Spec
from bulkseg.results.whole import written_whole


@contextmanager
def bodies_file(path: Path) -> Iterator[Callable[[Sequence[Spec]], None]]:
    """Gives what writes specs to `path`, a .jsonl, one a line; the file is there when all went well.

    Raises:
        InputError: another ending, or a place that cannot be written.
    """
    if path.suffix.lower() != ".jsonl":
        raise InputError(Problem(str(path), "is written as JSON Lines: give it a name that ends with .jsonl"))
    with written_whole(path) as out:
        yield lambda specs: out.writelines(map(_line, specs))


def _line(spec: Spec) -> bytes:
    return orjson.dumps(_members(spec), option=orjson.OPT_APPEND_NEWLINE)


def _members(spec: Spec) -> dict[str, Any]:
    return {
        "key": spec.key,
        "name": spec.name,
        "action": str(spec.action),
        "template": spec.template,
        "source_id": spec.source_id or None,
        "folder": spec.folder or None,
        "source": spec.file,
        "line": spec.line,
        "body": orjson.Fragment(spec.body),
    }

"""One template with one choice of its for_each values, compiled: makes at most one spec of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from bulkseg import names
from bulkseg.expand.body import Body
from bulkseg.expand.elements import BadElements
from bulkseg.job.suggest import hint
from bulkseg.job.templates import Cells, Condition, TemplateFault, Text
from bulkseg.model import Action, Row, Spec
from bulkseg.segment import Flaw

MAX_BODY = 1 << 20  # bytes; far beyond any segment, and small enough to have many in memory

_ID = re.compile(r"[1-9][0-9]{0,18}")
_ACTIONS = {action.value: action for action in Action}

MakeKey = Callable[[Cells, str], str]


class RowFault(Exception):
    """A row that makes no spec. `flaws` are the columns or properties at fault, and what is wrong there."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__(str(flaws))
        self.flaws = flaws


@dataclass(frozen=True, slots=True)
class Block:
    """`action` is None where the row's own `action` cell says it (a bare data file).

    `folder` renders the path of a folder, or an empty text.
    """

    template: str
    action: Action | None
    when: Condition | None
    name: Text
    source_id: Text
    folder: Text
    body: Body
    key: MakeKey

    def make(self, row: Row, cells: Cells) -> Spec | None:
        """The spec of one row; None where `when` is false. Raises RowFault with all that is wrong.

        `cells` are the row's, with `_source` and `_line` among them.
        """
        try:
            if self.when is not None and not self.when(cells):
                return None
            name = self.name.render(cells)
            source_id = self.source_id.render(cells)
            folder = self.folder.render(cells)
        except TemplateFault as fault:
            raise RowFault([(fault.label, fault.what)]) from fault
        flaws: list[Flaw] = []
        action = self.action or _action(cells, source_id, flaws)
        self._check(action, name, source_id, folder, flaws)
        body, key = self._encode(cells, name, flaws)
        if flaws:
            raise RowFault(flaws)
        digest = _digest(action, source_id, body, folder)
        folded = names.fold(name)
        return Spec(
            key, self.template, action, name, folded, source_id, body, digest, row.file, row.line, folder
        )

    def _check(self, action: Action, name: str, source_id: str, folder: str, flaws: list[Flaw]) -> None:
        wrong = names.flaw(name)
        if wrong is not None:
            flaws.append((self.name.column or "name", wrong))
        wrong = source_flaw(action, source_id)
        if wrong is not None:
            flaws.append((self.source_id.column or "source_id", wrong))
        wrong = names.path_flaw(folder) if folder else None
        if wrong is not None:
            flaws.append((self.folder.column or "folder", wrong))

    def _encode(self, cells: Cells, name: str, flaws: list[Flaw]) -> tuple[bytes, str]:
        try:
            rendered = self.body.render(cells, name)
            body, key = orjson.dumps(rendered), self.key(cells, name)
        except TemplateFault as fault:
            flaws.append((fault.label, fault.what))
        except BadElements as bad:
            flaws.extend(bad.flaws)
        except orjson.JSONEncodeError as error:  # half a surrogate pair, or nested too deeply
            flaws.append(("body", f"cannot be sent as JSON: {error}"))
        else:
            wrong = folder_flaw(rendered.get("folderId"))
            if wrong is not None:
                flaws.append(("folderId", wrong))
            if len(body) > MAX_BODY:
                flaws.append(("body", f"has {len(body):,} bytes; more than {MAX_BODY:,} are not sent"))
            return body, key
        return b"", ""


def source_flaw(action: Action, source_id: str) -> str | None:
    """What is wrong with the id of the segment to copy, in words."""
    if action is Action.CREATE:
        return "is for copies only; empty it, or set action to copy" if source_id else None
    if not source_id:
        return "is empty; a copy needs the id of the segment to copy"
    if _ID.fullmatch(source_id) is None:
        return f"must be the id of the segment to copy, a whole number such as 1234, not {source_id!r}"
    return None


def folder_flaw(folder_id: object) -> str | None:
    """What is wrong with the id of a folder, in words."""
    if not isinstance(folder_id, str) or _ID.fullmatch(folder_id) is not None:
        return None
    return (
        f"must be a folder's id, a whole number such as 180344, not {folder_id!r}; "
        "the key folder of a job file takes a path"
    )


def _action(cells: Cells, source_id: str, flaws: list[Flaw]) -> Action:
    """What the row says, or what its source_id implies."""
    implied = Action.COPY if source_id else Action.CREATE
    said = cells.get("action", "")
    if said and said not in _ACTIONS:
        flaws.append(("action", f"must be create or copy, not {said!r}{hint(said, _ACTIONS)}"))
    return _ACTIONS.get(said, implied)


def _digest(action: Action, source_id: str, body: bytes, folder: str) -> str:
    """Stands for what is asked of the server. Ids and JSON have no NUL in them, so that nothing can mix.

    A folder counts by its path: that somebody makes it anew, with another id, asks for nothing else.
    """
    place = f"\0{folder}".encode() if folder else b""
    return blake2b(f"{action.value}\0{source_id}\0".encode() + body + place, digest_size=16).hexdigest()

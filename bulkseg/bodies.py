"""The bodies that a job's source makes today, by key: on disk, so that memory holds no more than the keys."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from bulkseg.survey import Expander, Source


class Bodies:
    """Call it with a key for the body that its spec asks for; None where the source does not make it.

    `folders` are the paths of the folders that they name; `place` puts their ids in.
    Its file has no name, and is gone after `close`.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="bulkseg-")  # noqa: SIM115  # closed by `close`
        self._places: dict[str, tuple[int, int, str]] = {}
        self._ids: Mapping[str, str] = {}
        self.folders: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def take_in(
        self, source: Source, expander: Expander, hashes: Mapping[str, str], *, look: Callable[[], None]
    ) -> None:
        """Keeps the bodies of the specs whose hash is that in `hashes`, which has it by key.

        Rows that are wrong make none. `look` is called now and then and may raise, to give up.
        """
        for batch in source.batches(problem=_pass_over):
            look()
            for row in batch:
                for spec in expander.expand(row, _pass_over):
                    if hashes.get(spec.key) == spec.hash:
                        self._places[spec.key] = (self._file.tell(), len(spec.body), spec.folder)
                        self._file.write(spec.body)
                        self.folders |= {spec.folder} - {""}

    def place(self, ids: Mapping[str, str]) -> None:
        """From now on a body has the id of its folder in `ids`; the path itself where that is not there."""
        self._ids = ids

    def __call__(self, key: str) -> dict[str, Any] | None:
        """The body of `key`, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        at, length, folder = place
        self._file.seek(at)
        body: dict[str, Any] = orjson.loads(self._file.read(length))
        if folder:
            body |= {"folderId": self._ids[folder]} if folder in self._ids else {"folder": folder}
        return body


def _pass_over(problem: object) -> None:
    """What is wrong with a row is told by `plan`; here it is one that makes no body."""

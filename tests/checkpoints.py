"""Specs and sources in few words, for the tests of the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from bulkseg.checkpoint import Checkpoint, Draft, open_checkpoint
from bulkseg.location import Location
from bulkseg.model import Action, Record, Spec, State

NOW = 1_760_000_000.0


def spec(key: str, *, name: str | None = None, line: int = 2, **other: Any) -> Spec:
    """A spec whose name is its key and whose hash is its name, unless told otherwise."""
    name = key if name is None else name
    values: dict[str, Any] = {
        "template": "gold",
        "action": Action.CREATE,
        "folded": name.casefold(),
        "source_id": "",
        "body": b"{}",
        "hash": f"hash of {name}",
        "file": "s.csv",
    }
    return Spec(key=key, name=name, line=line, **(values | other))


def source(keys: Iterable[str]) -> list[Spec]:
    """One spec a key, one a line."""
    return [spec(key, line=line) for line, key in enumerate(keys, 2)]


@contextmanager
def drafted(specs: list[Spec]) -> Iterator[Draft]:
    with Draft.open() as draft:
        draft.add(specs)
        yield draft


def take_in(checkpoint: Checkpoint, specs: list[Spec], **options: bool) -> None:
    """Merge a source as pass 1 does."""
    with drafted(specs) as draft:
        checkpoint.merge(draft, source_fingerprint="s", job_fingerprint="j", rows=len(specs), **options)


def opened(place: Location, **options: Any) -> Checkpoint:
    return open_checkpoint(place, **({"job": "nightly", "now": NOW} | options))


def ids(checkpoint: Checkpoint) -> dict[str, int]:
    """The number of each spec that is open, by its key."""
    return {each.key: each.id for each in checkpoint.open_specs(0, 10_000)}


def created(number: int, segment_id: str, **other: Any) -> Record:
    return Record(number, State.CREATED, 1, NOW, segment_id=segment_id, http_status=201, **other)

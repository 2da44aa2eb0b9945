"""What a run came to, in words, from the document that `run --json` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from bulkseg.progress.numbers import duration

_MEANINGS = {
    0: "all that this run was to do is done",
    1: "some specs failed or are unknown",
    3: "stopped early, specs are pending",
    130: "ended by SIGINT, what was under way is recorded",
    143: "ended by SIGTERM, what was under way is recorded",
}


def lines(document: dict[str, Any], job: str, checkpoint: str | None) -> Iterator[str]:
    """What `run` prints for people; `job` and `checkpoint` as they were named in the call."""
    yield from outcome(document)
    yield "next:"
    yield from (f"  {command}" for command in _next(document, job, checkpoint))


def outcome(document: dict[str, Any]) -> Iterator[str]:
    """Counts, cost and exit status, and what they mean."""
    if document["run"] is not None:
        sizes = f"{document['rows']:,} rows, {document['specs']:,} specs"
        yield f"{document['job']}, run {document['run']}: {sizes}"
        yield from (f"  {count:>10,}  {state}" for state, count in document["states"].items() if count)
        yield _cost(document)
    if document["stopped"]:
        yield f"stopped early: {document['stopped']}"
    meaning = _MEANINGS.get(document["exit"])
    yield f"exit {document['exit']}" + (f": {meaning}" if meaning else "")


def _cost(document: dict[str, Any]) -> str:
    requests = document["requests"]
    others = [f"{requests[what]:,} {what}" for what in ("searches", "throttled", "retried") if requests[what]]
    told = ", ".join([f"{requests['sent']:,} requests sent in this run", *others])
    if not document["rate"]:
        return told
    return f"{told}, in {duration(document['seconds'])} ({document['rate']:.1f} a second)"


def _next(document: dict[str, Any], job: str, checkpoint: str | None) -> Iterator[str]:
    """The commands that make sense now."""
    again = f"bulkseg run {shlex.quote(job)}"
    if checkpoint is not None:
        again += f" --checkpoint {shlex.quote(checkpoint)}"
    if document["run"] is None or document["states"]["pending"]:
        yield again
    if document["run"] is not None:
        where = shlex.quote(checkpoint or job)
        yield f"bulkseg status {where}"
        bad = [state for state in ("failed", "unknown") if document["states"][state]]
        chosen = f"--state {','.join(bad)}" if bad else "-o results.csv"
        yield f"bulkseg results {where} {chosen}"
    if document["states"]["failed"]:
        yield f"{again} --retry-failed"
    if document["states"]["unknown"]:
        yield f"bulkseg resolve {shlex.quote(checkpoint or job)} KEY --id N"

"""What a run came to, in words, from the document that `run --json` prints."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bulkseg.duration import duration
from bulkseg.location import Location

_MEANINGS = {
    0: "all that this run was to do is done",
    1: "some specs failed or are unknown",
    3: "stopped early, specs are pending",
    130: "ended by SIGINT, what was under way is recorded",
    143: "ended by SIGTERM, what was under way is recorded",
}


# An error, how many specs it came to, and the key of one of them.
Errors = Sequence[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Call:
    """What the call named, so that the commands that come next name it too."""

    job: str
    checkpoint: str | None = None
    source: str | None = None
    vars: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: str, checkpoint: Location | None, source: str | None, variables: Sequence[str]) -> Self:
        """From the arguments as they were given."""
        named = [None if path is None else str(path) for path in (checkpoint, source)]
        return cls(job, named[0], named[1], tuple(variables))

    def run(self) -> str:
        """The same run once more."""
        named = [("--var", value) for value in self.vars]
        named += [("--source", self.source)] if self.source else []
        named += [("--checkpoint", self.checkpoint)] if self.checkpoint else []
        return " ".join(["bulkseg run", shlex.quote(self.job), *(f"{o} {shlex.quote(v)}" for o, v in named)])

    def where(self, document: dict[str, Any]) -> str:
        """What names the checkpoint; with vars the file itself, for its name may have come of them."""
        return shlex.quote(self.checkpoint or (document["checkpoint"] if self.vars else self.job))


def lines(document: dict[str, Any], call: Call, errors: Errors = ()) -> Iterator[str]:
    """What `run` prints for people, to be pasted as it is; `errors` are the commonest of the checkpoint."""
    yield from outcome(document)
    if errors:
        yield "commonest errors:"
        for error, count, key in errors:
            yield f"  {count:>10,}  {error}"
            yield f"              such as {key}"
    if document["requests"]["sent"] and document["states"]["created"]:
        yield "Eloqua has not calculated the new segments yet: their counts are not known."
    yield "next:"
    yield from (f"  {command}" for command in _next(document, call))


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
    if not document["rate"] or not requests["sent"]:
        return told
    return f"{told}, in {duration(document['seconds'])} ({document['rate']:.1f} a second)"


def _next(document: dict[str, Any], call: Call) -> Iterator[str]:
    """The commands that make sense now."""
    states, where = document["states"], call.where(document)
    # What is in doubt, a run looks for once more.
    if document["run"] is None or any(states[state] for state in ("pending", "sending", "unknown")):
        yield call.run()
    if document["run"] is None:
        return
    if states["created"]:
        yield " ".join([f"bulkseg verify {where}", *(f"--var {shlex.quote(one)}" for one in call.vars)])
    if bad := [state for state in ("failed", "unknown") if states[state]]:
        yield f"bulkseg results {where} --state {','.join(bad)}"
    else:
        yield f"bulkseg results {where} -o results.csv"
    if states["failed"]:
        yield f"{call.run()} --retry-failed"
    if states["unknown"]:
        yield f"bulkseg resolve {where} KEY --id N"
    if states["created"]:
        yield f"bulkseg undo {where}"

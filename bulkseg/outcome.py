"""What an answer means, and what follows from it: the whole retry policy, as pure functions.

A create and a copy are not idempotent, and the API has no idempotency key. So whatever may have been done is
in doubt until it is found out, and only what was certainly not done is simply tried again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from bulkseg import content
from bulkseg.answers import segment_of
from bulkseg.faults import conflict, read_errors
from bulkseg.model import (
    Action,
    Answer,
    Forbidden,
    InDoubt,
    LoggedOut,
    Made,
    NameTaken,
    NotSent,
    Outcome,
    Record,
    Refused,
    Reply,
    SourceMissing,
    Spec,
    State,
    Task,
    Throttled,
)

# A 429 is no attempt: it did nothing. After so many for one spec it is a failure all the same, a passing one.
MAX_THROTTLED = 100
# So much of a name is shown that is not the one that was asked for.
LONGEST_SHOWN = 1_000
# The wait before a spec is tried again, in seconds: the first one, doubled up to the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Retry:
    """It was certainly not done: try again after `wait` seconds."""

    task: Task
    wait: float


@dataclass(frozen=True, slots=True)
class Hold:
    """It may have been done: find out before anything else."""

    task: Task
    outcome: InDoubt | NameTaken


Step = Record | Retry | Hold


def judge(spec: Spec, reply: Reply) -> Outcome:
    """What became of one create or copy request. Status codes as Oracle's REST API 2.0 documents them."""
    if not isinstance(reply, Answer):
        return InDoubt(reply.error) if reply.left else NotSent(reply.error)
    status = reply.status
    if status in (200, 201):
        return _made(spec, reply)
    if status == 429:
        return Throttled(reply.retry_after, reply.request_id)
    error = read_errors(status, reply.body)
    # 503 is documented as "a time-out processing the request": it may follow a request that took effect.
    # Another 2xx without a segment, or a 408, says as little about what was done.
    if status >= 500 or status == 408 or status < 300:
        return InDoubt(error, status, reply.request_id, reply.retry_after)
    if status == 401 or status < 400:
        return LoggedOut(status, error, reply.request_id)
    return _refused(spec, reply, error)


def judge_idempotent(reply: Reply) -> Answer | Outcome:
    """The answer to a read or a delete, where it says something about what was asked for.

    Else what became of the request: it may be made again, so that InDoubt means no more than another try.
    """
    if not isinstance(reply, Answer):
        return InDoubt(reply.error) if reply.left else NotSent(reply.error)
    status = reply.status
    if status == 429:
        return Throttled(reply.retry_after, reply.request_id)
    if status >= 500 or status == 408 or not reply.whole:
        error = read_errors(status, reply.body) if reply.whole else f"HTTP {status}, which broke off"
        return InDoubt(error, status, reply.request_id, reply.retry_after)
    if status == 401 or 300 <= status < 400:
        return LoggedOut(status, read_errors(status, reply.body), reply.request_id)
    return reply


def _refused(spec: Spec, reply: Answer, error: str) -> Refused | InDoubt:
    status, request_id = reply.status, reply.request_id
    if status in (400, 409) and not reply.whole:
        # It may say that the name is taken, by what an earlier attempt of ours has made.
        return InDoubt(f"{error}; the answer broke off", status, request_id, answered=True)
    if status == 403:
        return Forbidden(status, error, request_id)
    if status == 404 and spec.action is Action.COPY:
        missing = f"source_id: segment {spec.source_id} does not exist or is not visible to this user"
        return SourceMissing(status, missing, request_id)
    taken = conflict(reply.body) if status in (400, 409) else None
    if taken is not None:
        return NameTaken(status, error, request_id, taken.conflicting_id)
    return Refused(status, error, request_id)


def _made(spec: Spec, reply: Answer) -> Made | InDoubt:
    found = segment_of(reply.body) if reply.whole else None
    if found is None:
        return InDoubt(
            "the server made it, but its answer broke off or is no segment",
            reply.status,
            reply.request_id,
            answered=True,
        )
    return made(spec, found, reply.status, reply.request_id)


def made(spec: Spec, found: Mapping[str, Any], status: int | None, request_id: str | None) -> Made:
    """A segment that the server holds, as the outcome of `spec`; what is not as asked for is a warning."""
    return Made(
        status=status,
        segment_id=found["id"],
        name=str(found.get("name", "")),
        created_by=_text(found.get("createdBy")),
        created_at=_text(found.get("createdAt")),
        request_id=request_id,
        warning="; ".join([*differences(spec, found), *lesser_differences(spec, found)]) or None,
        content=content.digest(found),
    )


def differences(spec: Spec, found: Mapping[str, Any]) -> list[str]:
    """What is not as `spec` asked for it: the name, and the folder, which Oracle flags read-only.

    A property without a value is left out of an answer, so a folder that is not there was not honoured.
    """
    differs = []
    if found.get("name") != spec.name:
        has = str(found.get("name", ""))
        shown = has if len(has) <= LONGEST_SHOWN else f"{has[:LONGEST_SHOWN]}…"
        differs.append(f'name: asked for "{spec.name}", the server has "{shown}"')
    if b'"folderId"' in spec.body:
        asked = orjson.loads(spec.body).get("folderId")
        if asked is not None and str(found.get("folderId", "")) != str(asked):
            differs.append(f"folderId: asked for {asked}, the server has {found.get('folderId', 'none')}")
    return differs


def may_differ(spec: Spec) -> bool:
    """Whether it asks for something that Oracle leaves open, besides name and folder."""
    return spec.action is Action.COPY or b'"description"' in spec.body


def lesser_differences(spec: Spec, found: Mapping[str, Any]) -> list[str]:
    """What else is not as it was asked for, in what Oracle leaves open, as far as the answer shows it.

    Of a create that is the description, which is documented as not used; of a copy everything, for what of
    its body overrides the source is not documented.
    """
    if not (may_differ(spec) and content.whole(found)):
        return []
    body, copy = orjson.loads(spec.body), spec.action is Action.COPY
    looked_at = body.keys() - {"name", "folderId"} if copy else body.keys() & {"description"}
    # Most are as they were asked for, to the letter, which is quicker seen than explained.
    asked = {key: body[key] for key in body if key in looked_at and found.get(key) != body[key]}
    return content.differences(asked, {key: found[key] for key in asked if key in found}) if asked else []


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def next_step(task: Task, outcome: Outcome, *, now: float, chance: float) -> Step:
    """What to do with `task` after `outcome`; `now` is Unix time (seconds), `chance` (0..1) spreads waits."""
    match outcome:
        case Made():
            return created(task, outcome, now)
        case InDoubt() | NameTaken():
            return Hold(task, outcome)
        case NotSent() | LoggedOut():
            return Retry(_uncounted(task), 0.0)
        case Throttled():
            return _throttled(task, outcome, now, chance)
        case _:
            return failed(task, outcome, now)


def created(task: Task, outcome: Made, now: float, *, reconciled: bool = False) -> Record:
    """The record of a segment that is ours; `reconciled` where its answer was lost and it was found."""
    return Record(
        id=task.id,
        state=State.CREATED,
        attempts=task.attempts,
        at=now,
        segment_id=outcome.segment_id,
        http_status=outcome.status,
        warning=outcome.warning,
        reconciled=reconciled,
        request_id=outcome.request_id,
        created_by=outcome.created_by,
        created_at=outcome.created_at,
        server_name=None if outcome.name == task.spec.name else outcome.name,
        content=outcome.content,
    )


def failed(task: Task, outcome: Refused, now: float) -> Record:
    """The record of a refusal for good."""
    return _not_made(task, State.FAILED, outcome.error, now, outcome)


def unknown(task: Task, error: str, now: float, cause: InDoubt | NameTaken) -> Record:
    """The record of a spec in doubt that could not be found out; never sent again unasked."""
    return _not_made(task, State.UNKNOWN, error, now, cause)


def gave_up(task: Task, error: str, now: float, cause: InDoubt | NameTaken | Throttled) -> Record:
    """The record of a spec that was not made, and was tried often enough; the next run tries it again."""
    return replace(_not_made(task, State.FAILED, error, now, cause), temporary=True)


def _not_made(
    task: Task, state: State, error: str, now: float, outcome: Refused | InDoubt | Throttled
) -> Record:
    return Record(
        id=task.id,
        state=state,
        attempts=task.attempts,
        at=now,
        http_status=outcome.status,
        error=error,
        request_id=outcome.request_id,
    )


def pending(task: Task, now: float) -> Record:
    """The record that takes an intent back: nothing was done."""
    return Record(id=task.id, state=State.PENDING, attempts=task.attempts, at=now)


def backoff(tries: int, chance: float) -> float:
    """Seconds to wait before try number `tries` + 1: exponential, with jitter over its upper half."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(tries - 1, 16)) * (0.5 + chance / 2)


def _throttled(task: Task, outcome: Throttled, now: float, chance: float) -> Retry | Record:
    throttled = task.throttled + 1
    if throttled < MAX_THROTTLED:
        again = Task(task.id, task.spec, task.attempts - 1, throttled)
        return Retry(again, backoff(throttled, chance))
    error = f"the server said 429 (too many requests) {throttled} times; run again at a lower rate"
    return gave_up(task, error, now, outcome)


def _uncounted(task: Task) -> Task:
    return Task(task.id, task.spec, task.attempts - 1, task.throttled)

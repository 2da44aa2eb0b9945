"""A segment of the asked name exists already: what the job's `if_exists` makes of that. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from bulkseg.model import NameTaken, Record, State, Task

Policy = Literal["fail", "skip", "adopt", "ignore"]


def taken(
    task: Task, policy: Policy, ids: Sequence[str], now: float, *, holder: str | None, in_doubt: bool
) -> Record | None:
    """How `task` ends by what is known before anything is sent; None if it is to be sent.

    Args:
        task: the spec that would be sent.
        policy: the job's `if_exists`.
        ids: the segments of its name that stood there, by the list.
        now: Unix time in seconds.
        holder: the other key of this checkpoint that has the name, if one has.
        in_doubt: whether that one was made is not known.
    """
    if in_doubt and holder is not None:
        return reserved(task, holder, now)
    if policy == "ignore" or not (ids or holder):
        return None
    return exists(task, policy, ids, now, ours=holder is not None)


def exists(
    task: Task,
    policy: Policy,
    ids: Sequence[str],
    now: float,
    *,
    ours: bool = False,
    taken: NameTaken | None = None,
) -> Record:
    """How `task` ends because its name is taken.

    Args:
        task: the spec that is not to be sent.
        policy: the job's `if_exists`; with `ignore` nobody looks, so it ends by the server's word alone.
        ids: the segments that have the name, as far as they are known.
        now: Unix time in seconds.
        ours: another spec of this checkpoint has one of them.
        taken: the server's refusal, where there was one.
    """
    ended = Record(
        id=task.id,
        state=State.FAILED,
        attempts=task.attempts,
        at=now,
        http_status=taken.status if taken else None,
        request_id=taken.request_id if taken else None,
    )
    if policy == "skip":
        return replace(ended, state=State.SKIPPED, segment_id=ids[0] if ids else None)
    if policy == "adopt" and len(ids) == 1 and not ours:
        return replace(ended, state=State.ADOPTED, segment_id=ids[0])
    return replace(ended, error=_why(task, policy, ids, ours=ours, taken=taken))


def reserved(task: Task, holder: str, now: float) -> Record:
    """How `task` ends because its name may have been made for another key, which is in doubt.

    The next run tries again: by then it may be settled.
    """
    error = f'name: "{task.spec.name}" may have been made for {holder}, which is in doubt; settle that first'
    return Record(task.id, State.FAILED, task.attempts, now, error=error, temporary=True)


def _why(task: Task, policy: Policy, ids: Sequence[str], *, ours: bool, taken: NameTaken | None) -> str:
    if not ids:
        return taken.error if taken else f'name: "{task.spec.name}" is taken'
    told = f'name: a segment "{task.spec.name}" exists already (id {", ".join(ids)})'
    if ours:
        return f"{told} and belongs to another key of this checkpoint"
    if policy == "adopt":
        return f"{told}; there are {len(ids)} of them, so none is adopted"
    return f"{told}; if_exists = skip or adopt says what else to do with it"

"""A draft against a checkpoint: what a run would find to do. Reads only.

Which specs are sent (again) is said once, in REOPENED, for the comparison and for the merge.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulkseg.checkpoint.connect import reading, reading_options, refuse_foreign
from bulkseg.checkpoint.rows import Changed, Comparison, Reserved, Shown, Waiting
from bulkseg.checkpoint.schema import APPLICATION_ID, refuse_older, version_of
from bulkseg.model import Action, Spec, State

# So many specs of a kind are shown.
SHOWN = 5

# Which specs a new run sends, as SQL over a row `spec`. What was skipped is asked for again: the segment that
# stood in its way may be gone. What is made, or may be, is not here, whatever is asked.
REOPENED = """(
    spec.state IN ('pending', 'skipped')
    OR spec.state = 'failed' AND (spec.temporary OR :retry_failed)
    OR spec.state = 'undone' AND :redo
)"""
# Likewise where the draft has the spec too: a refused one is sent when it is not what was refused.
REOPENED_OR_MENDED = f"({REOPENED} OR spec.state = 'failed' AND spec.hash <> draft.hash)"

# One walk over the draft, with one look into the checkpoint for each spec; all else asks its result.
_MATCH = f"""
CREATE TEMP TABLE match AS
SELECT draft.ordinal, spec.id IS NOT NULL AS known,
    CASE WHEN spec.id IS NULL OR {REOPENED_OR_MENDED} THEN 'pending' ELSE spec.state END AS state,
    spec.state IN ('created', 'adopted') AND spec.hash <> draft.hash AS changed
FROM main.spec AS draft LEFT JOIN old.spec AS spec ON spec.key = draft.key
ORDER BY draft.ordinal
"""
_STATES = "SELECT state, count(*), sum(known) FROM match GROUP BY state"
_CHANGED = "FROM match CROSS JOIN main.spec AS draft USING (ordinal) WHERE match.changed"
_RESERVED = """
FROM match CROSS JOIN main.spec AS draft USING (ordinal)
CROSS JOIN old.spec AS holder ON holder.folded = draft.folded AND holder.key <> draft.key
    AND holder.state IN ('created', 'sending', 'unknown', 'adopted')
WHERE match.state = 'pending'
"""
_SPEC = """
draft.key, draft.template, draft.action, draft.name, draft.folded, draft.source_id, draft.hash,
(SELECT label FROM main.source WHERE id = draft.source), draft.line, draft.folder
"""
_ALL_WAITING = f"SELECT {_SPEC}, NULL, NULL FROM main.spec AS draft ORDER BY draft.ordinal"
_WAITING = f"""
SELECT {_SPEC}, holder.key, max(holder.state IN ('sending', 'unknown'))
FROM match CROSS JOIN main.spec AS draft USING (ordinal)
LEFT JOIN old.spec AS holder ON holder.folded = draft.folded AND holder.key <> draft.key
    AND holder.state IN ('created', 'sending', 'unknown', 'adopted')
WHERE match.state = 'pending' GROUP BY draft.ordinal ORDER BY draft.ordinal
"""
# Of a draft, of a draft's specs as they are on record, and of what is on record alone; a few of each.
_SHOW = "draft.name, draft.action, (SELECT label FROM main.source WHERE id = draft.source), draft.line"
_FIRST_OF_ALL = (
    f"SELECT {_SHOW}, 'pending', NULL FROM main.spec AS draft ORDER BY draft.ordinal LIMIT {SHOWN}"
)
_FIRST_IN_STATE = f"""
SELECT {_SHOW}, match.state, spec.error FROM match CROSS JOIN main.spec AS draft USING (ordinal)
LEFT JOIN old.spec AS spec ON spec.key = draft.key
WHERE match.state = ? ORDER BY draft.ordinal LIMIT {SHOWN}
"""
_FIRST_GONE = f"""
SELECT name, action, (SELECT label FROM old.source WHERE id = spec.source), line, state, NULL FROM old.spec
WHERE NOT EXISTS (SELECT 1 FROM main.spec AS draft WHERE draft.key = spec.key) ORDER BY id LIMIT {SHOWN}
"""
_PLACE = "draft.key, draft.name, (SELECT label FROM main.source WHERE id = draft.source), draft.line"
_FIRST = "ORDER BY draft.ordinal LIMIT ?"


def compare(
    draft: sqlite3.Connection, checkpoint: Path | None, *, retry_failed: bool, redo: bool, limit: int
) -> Comparison:
    """Compare the draft behind `draft` (indexed by key) with the checkpoint file, if there is one."""
    if checkpoint is None:
        count: int = draft.execute("SELECT count(*) FROM spec").fetchone()[0]
        return Comparison(states={State.PENDING: count}, first_to_send=_shown(draft, _FIRST_OF_ALL))
    refuse_foreign(checkpoint, APPLICATION_ID)
    with reading(checkpoint), _attached(draft, checkpoint):
        draft.execute(_MATCH, {"retry_failed": retry_failed, "redo": redo})
        return _read(draft, limit)


def waiting(
    draft: sqlite3.Connection, checkpoint: Path | None, *, retry_failed: bool, redo: bool
) -> Iterator[Waiting]:
    """What a run over that checkpoint would send, in the order of the source. As `compare`."""
    if checkpoint is None:
        yield from map(_waiting, draft.execute(_ALL_WAITING))
        return
    with reading(checkpoint), _attached(draft, checkpoint):
        draft.execute(_MATCH, {"retry_failed": retry_failed, "redo": redo})
        yield from map(_waiting, draft.execute(_WAITING))


def _waiting(row: Sequence[Any]) -> Waiting:
    key, template, action, name, folded, source_id, made_of, file, line, folder, holder, in_doubt = row
    action = Action(action)
    spec = Spec(key, template, action, name, folded, source_id, b"{}", made_of, file, line, folder)
    return Waiting(spec, holder, bool(in_doubt))


@contextmanager
def _attached(draft: sqlite3.Connection, checkpoint: Path) -> Iterator[None]:
    where = f"{checkpoint.resolve().as_uri()}?{reading_options(checkpoint)}"
    draft.execute("ATTACH ? AS old", (where,))
    try:
        refuse_older(version_of(draft, checkpoint, "old"), checkpoint)
        draft.execute("BEGIN")  # one view of the checkpoint for all of the questions
        yield
    finally:
        if draft.in_transaction:
            draft.execute("ROLLBACK")
        draft.execute("DETACH old")


def _read(draft: sqlite3.Connection, limit: int) -> Comparison:
    states = draft.execute(_STATES).fetchall()
    changed = draft.execute(f"SELECT {_PLACE} {_CHANGED} {_FIRST}", (limit,))
    reserved = draft.execute(f"SELECT {_PLACE}, holder.key, holder.state {_RESERVED} {_FIRST}", (limit,))
    gone = _count(draft, "FROM old.spec") - sum(known for _, _, known in states)
    return Comparison(
        states={State(state): count for state, count, _ in states},
        changed=tuple(Changed(*row) for row in changed),
        changed_total=_count(draft, _CHANGED),
        reserved=tuple(
            Reserved(key, name, file, line, holder, State(state))
            for key, name, file, line, holder, state in reserved
        ),
        reserved_total=_count(draft, _RESERVED),
        gone=gone,
        first_to_send=_shown(draft, _FIRST_IN_STATE, State.PENDING),
        first_refused=_shown(draft, _FIRST_IN_STATE, State.FAILED),
        first_gone=_shown(draft, _FIRST_GONE) if gone else (),
    )


def _shown(draft: sqlite3.Connection, query: str, *values: str) -> tuple[Shown, ...]:
    return tuple(
        Shown(name, Action(action), file, line, State(state), error)
        for name, action, file, line, state, error in draft.execute(query, values)
    )


def _count(draft: sqlite3.Connection, what: str) -> int:
    count: int = draft.execute(f"SELECT count(*) {what}").fetchone()[0]
    return count

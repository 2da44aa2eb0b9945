"""A source into its checkpoint: new keys come in, known ones get their new place, gone ones are marked."""

from __future__ import annotations

from bulkseg.checkpoint.compare import REOPENED
from bulkseg.checkpoint.connection import Connection
from bulkseg.checkpoint.schema import SPEC_INDEXES

_NEW = """
INSERT INTO main.spec (key, template, action, name, folded, source_id, hash, source, line, ordinal, present,
    state, attempts, reconciled, temporary)
SELECT draft.key, draft.template, draft.action, draft.name, draft.folded, draft.source_id, draft.hash,
    source.id, draft.line, draft.ordinal, true, 'pending', 0, false, false
FROM draft.spec AS draft
JOIN draft.source AS label ON label.id = draft.source
JOIN main.source AS source ON source.label = label.label
"""
_KNOWN = f"""{_NEW}
WHERE true ORDER BY draft.ordinal
ON CONFLICT (key) DO UPDATE SET
    source = excluded.source, line = excluded.line, ordinal = excluded.ordinal, present = true
WHERE (spec.source, spec.line, spec.ordinal, spec.present)
    <> (excluded.source, excluded.line, excluded.ordinal, true)
"""
_SOURCES = "INSERT INTO main.source (label) SELECT label FROM draft.source WHERE true ON CONFLICT DO NOTHING"
_GONE = """
UPDATE main.spec SET present = false
WHERE present AND NOT EXISTS (SELECT 1 FROM draft.spec AS draft WHERE draft.key = spec.key)
"""

# A spec that is sent anew starts anew. Those that wait already keep their attempts.
_RESET = """
UPDATE main.spec SET state = 'pending', attempts = 0, intent_at = NULL, intent_run = NULL, segment_id = NULL,
    http_status = NULL, error = NULL, warning = NULL, reconciled = false, temporary = false,
    request_id = NULL, created_by = NULL, created_at = NULL, server_name = NULL, content = NULL,
    done_at = NULL, run = NULL
WHERE present AND state <> 'pending' AND
"""
_REOPEN = f"{_RESET} {REOPENED}"
_MENDED = (
    "state = 'failed' AND hash <> (SELECT draft.hash FROM draft.spec AS draft WHERE draft.key = spec.key)"
)
_REOPEN_MENDED = f"{_RESET} {_MENDED}"
# After the resets: whatever waits now is sent as the source has it. All else keeps what was sent on record.
_CONTENT = """
UPDATE main.spec SET action = draft.action, name = draft.name, folded = draft.folded,
    source_id = draft.source_id, hash = draft.hash
FROM draft.spec AS draft
WHERE spec.state = 'pending' AND spec.present AND draft.key = spec.key
    AND (spec.hash, spec.folded) <> (draft.hash, draft.folded)
"""
_META = """
UPDATE meta SET source_fingerprint = ?, job_fingerprint = ?, rows = ?, specs = ?, changed = (
    SELECT count(*) FROM main.spec JOIN draft.spec AS draft ON draft.key = spec.key
    WHERE spec.state IN ('created', 'adopted') AND spec.hash <> draft.hash
)
"""


def merge(connection: Connection, meta: tuple[str, str, int, int], rules: dict[str, bool]) -> None:
    """Merge the draft that lies beside it as `draft`, inside the caller's transaction.

    `meta`: the fingerprints of source and job, the rows, the specs; `rules` has `retry_failed` and `redo`.
    """
    connection.execute(_SOURCES)
    if connection.execute("SELECT 1 FROM spec LIMIT 1").fetchone() is None:
        _fill(connection)
    else:
        connection.execute(_KNOWN)
        connection.execute(_GONE)
        connection.execute(_REOPEN_MENDED)
        reopen(connection, rules)
        connection.execute(_CONTENT)
    connection.execute(_META, meta)


def reopen(connection: Connection, rules: dict[str, bool]) -> None:
    """Put back to pending what a new run sends again, as `rules` have it."""
    connection.execute(_REOPEN, rules)


def _fill(connection: Connection) -> None:
    """Fill an empty table: its indexes are made afterwards, by sorting, which is several times quicker."""
    for name in SPEC_INDEXES:
        connection.execute(f"DROP INDEX {name}")
    connection.execute(f"{_NEW} ORDER BY draft.ordinal")
    for statement in SPEC_INDEXES.values():
        connection.execute(statement)

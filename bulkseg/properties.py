"""The properties of a ContactSegment that are the server's own: never sent, never compared."""

from __future__ import annotations

# Flagged read-only in Oracle's documentation of the asset. `folderId` is flagged too, yet public clients send
# it with a create, and it is compared with the answer: so it is not in here.
READ_ONLY = frozenset(
    {
        "id",
        "createdBy",
        "createdAt",
        "updatedBy",
        "updatedAt",
        "scheduledFor",
        "depth",
        "permissions",
        "count",
        "lastCalculatedAt",
    }
)

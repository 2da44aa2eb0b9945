"""Checkpoints in PostgreSQL: many jobs in one database, each in a schema of its own, held by a lease."""

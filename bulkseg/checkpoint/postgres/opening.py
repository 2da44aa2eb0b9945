"""Opens, reads and puts aside checkpoints in PostgreSQL."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import NoReturn

from bulkseg.checkpoint.postgres import registry
from bulkseg.checkpoint.postgres.held import DatabaseCheckpoint
from bulkseg.checkpoint.postgres.session import Session
from bulkseg.checkpoint.reader import Reader
from bulkseg.checkpoint.schema import Migrations, refuse_newer, refuse_older
from bulkseg.checkpoint.terms import Terms
from bulkseg.errors import CheckpointError
from bulkseg.location import Database


class NotThere(CheckpointError):
    """The database has no checkpoint of that name."""


def hold(
    database: Database, *, job: str, now: float, terms: Terms, migrations: Migrations
) -> DatabaseCheckpoint:
    """As `stores.open_checkpoint`. One without a name is the job's."""
    database = database if database.name else replace(database, name=job)
    asked_at = terms.monotonic()
    session = Session(database)
    try:
        grant = registry.take(session, job, now, terms.lease, migrations)
        try:
            return DatabaseCheckpoint(session, grant, terms, asked_at)
        except BaseException:
            registry.release(session, grant)
            raise
    except BaseException:
        session.close()
        raise


def read(database: Database) -> Reader:
    """As `stores.read`. One without a name is the only one that there is."""
    session = entered(database)
    return Reader(session, session.database)


def exists(database: Database) -> bool:
    """As `stores.exists`."""
    with closing(Session(database)) as session:
        return _entry(session) is not None


def put_aside(database: Database, *, job: str, now: float) -> Database | None:
    """As `stores.put_aside`."""
    database = database if database.name else replace(database, name=job)
    with closing(Session(database)) as session:
        aside = registry.rename(session, job, now)
    return None if aside is None else replace(database, name=aside)


def entered(database: Database) -> Session:
    """A session among the tables of that checkpoint, to read them. Raises NotThere, CheckpointError."""
    session = Session(database)
    try:
        entry = _entry(session) or _not_there(session.database)
        refuse_newer(entry.version, session.database)
        refuse_older(entry.version, session.database)
        session.enter(entry.schema)
    except BaseException:
        session.close()
        raise
    return session


def _not_there(database: Database) -> NoReturn:
    raise NotThere(f"{database}: there is no checkpoint here; `bulkseg run` makes one")


def _entry(session: Session) -> registry.Entry | None:
    """The one that is meant; its name is then the session's too."""
    if not registry.is_there(session):
        return None
    if session.database.name is None:
        names = registry.names(session)
        if len(names) != 1:
            listed = ", ".join(names) or "none"
            raise CheckpointError(f"{session.database}: add #NAME; the checkpoints there are: {listed}")
        session.database = replace(session.database, name=names[0])
    return registry.find(session, str(session.database.name))

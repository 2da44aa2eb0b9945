"""What the commands of a fleet have in common: the database, by an option or a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bulkseg.location import Database

VARIABLE = "BULKSEG_DATABASE"

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        envvar=VARIABLE,
        help="postgresql://USER@HOST/DB; its password from PGPASSWORD.",
    ),
]


def database_of(given: str | None) -> Database:
    """The database that is meant. Raises ConfigError where none is named, or where it is no database."""
    from bulkseg.errors import ConfigError
    from bulkseg.location import Database, located

    if not given:
        raise ConfigError(
            f"no database is named: set {VARIABLE}, or say --database postgresql://USER@HOST/DB"
        )
    place = located(given)
    if not isinstance(place, Database) or place.name is not None:
        raise ConfigError("--database: expected postgresql://USER@HOST/DB, without the name of a checkpoint")
    return place

"""The schema as it was before it had versions: what is missing is made, and nobody notes which tables these are."""

from typing import Any

from reference_agents.database.engine import Database, reason
from reference_agents.database.migrations.m0001_first_schema import apply
from reference_agents.errors import StartError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError


def migrate(database: Database) -> None:
    """Make the tables that are not there, or raise StartError."""
    try:
        with database.alone() as connection:
            apply(connection)
    except SQLAlchemyError as error:
        raise StartError(f"the database {database.name} cannot be prepared: {reason(error)}") from error


def known_version() -> int:
    """Return 0: this version of the service knows no schema versions."""
    return 0


def schema_version(_connection: Connection) -> int:
    """Return 0: the database has none."""
    return 0


def applied_migrations(_connection: Connection) -> list[dict[str, Any]]:
    """Return nothing: none is recorded."""
    return []

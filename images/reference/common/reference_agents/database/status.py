"""What the database says about itself, without being changed."""

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from reference_agents.database.engine import Database, reason
from reference_agents.database.migrate import applied_migrations, known_version
from reference_agents.errors import StartError


def database_status(url: str) -> dict[str, Any]:
    """Return the schema versions and the applied migrations, or raise StartError."""
    database = Database(url)
    try:
        applied = _applied(database)
    except SQLAlchemyError as error:
        raise StartError(f"the database {database.name} cannot be read: {reason(error)}") from error
    finally:
        database.close()
    return {
        "schema_version": applied[-1]["version"] if applied else 0,
        "known_version": known_version(),
        "applied": applied,
    }


def _applied(database: Database) -> list[dict[str, Any]]:
    if not database.made:
        return []  # Opening it would make the file.
    with database.reading() as connection:
        return applied_migrations(connection)

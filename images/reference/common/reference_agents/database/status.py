"""What the database says about itself, without being changed."""

from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from reference_agents.database.engine import Database
from reference_agents.database.migrate import applied_migrations, known_version
from reference_agents.errors import StartError


def database_status(url: str) -> dict[str, Any]:
    """Return the schema versions and the applied migrations, or raise StartError."""
    database = Database(url)
    try:
        applied = _applied(database, url)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StartError(f"the database cannot be read: {reason}") from error
    finally:
        database.close()
    return {
        "schema_version": applied[-1]["version"] if applied else 0,
        "known_version": known_version(),
        "applied": applied,
    }


def _applied(database: Database, url: str) -> list[dict[str, Any]]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        return []  # Opening it would make the file.
    with database.reading() as connection:
        return applied_migrations(connection)

"""Whether the service can do its work."""

from typing import Any

from fastapi import APIRouter, Response, status
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from reference_agents.clock import now, rfc3339
from reference_agents.database.engine import Database
from reference_agents.database.migrate import known_version, schema_version
from reference_agents.routes.parts import DatabasePart, ServerPart, SettingsPart
from reference_agents.version import version

router = APIRouter(tags=["service"])


@router.get("/health", responses={503: {"description": "unhealthy or stopping"}})
def health(settings: SettingsPart, database: DatabasePart, server: ServerPart, response: Response) -> dict[str, Any]:
    """Answer 200 only if runs can be taken and stored."""
    problem = _problem(database)
    state = "stopping" if server.stopping else "unhealthy" if problem else "healthy"
    if state != "healthy":
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    answer = {
        "status": state,
        "timestamp": rfc3339(now()),
        "version": version(),
        "environment": settings.environment,
    }
    return {**answer, "problem": problem} if problem else answer


def _problem(database: Database) -> str | None:
    try:
        with database.reading() as connection:
            connection.execute(select(1))
            found = schema_version(connection)
    except SQLAlchemyError as error:
        return f"the database does not answer: {type(error).__name__}"
    needed = known_version()
    return None if found == needed else f"the schema version is {found}, not {needed}"

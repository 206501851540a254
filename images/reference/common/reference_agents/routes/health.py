"""Whether the service can do its work."""

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Response, status
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from reference_agents.clock import now, rfc3339
from reference_agents.database.engine import Database
from reference_agents.database.migrate import known_version, schema_version
from reference_agents.routes.parts import DatabasePart, ServerPart, SettingsPart
from reference_agents.version import version
from reference_agents.within import begun

router = APIRouter(tags=["service"])

DATABASE_SECONDS = 2.5


@router.get("/health", responses={503: {"description": "unhealthy or stopping"}})
async def health(
    settings: SettingsPart, database: DatabasePart, server: ServerPart, response: Response
) -> dict[str, Any]:
    """Answer 200 only if runs can be taken and stored, and in time whatever the database does."""
    problem = await _problem_in_time(database)
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


async def _problem_in_time(database: Database) -> str | None:
    # In a thread of its own: those of the other routes may all be waiting for the database.
    probe = asyncio.wrap_future(begun(partial(_problem, database)))
    try:
        return await asyncio.wait_for(probe, DATABASE_SECONDS)
    except asyncio.TimeoutError:  # noqa: UP041 - another class than the built-in in Python 3.10
        return f"the database has not answered within {DATABASE_SECONDS:g} s"


def _problem(database: Database) -> str | None:
    try:
        with database.reading() as connection:
            connection.execute(select(1))
            found = schema_version(connection)
    except SQLAlchemyError as error:
        return f"the database does not answer: {type(error).__name__}"
    needed = known_version()
    return None if found == needed else f"the schema version is {found}, not {needed}"

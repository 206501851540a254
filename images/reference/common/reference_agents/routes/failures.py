"""What a client is told when the database fails."""

import logging

from fastapi import FastAPI, Request, status
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from reference_agents.database.engine import reason

UNPROCESSABLE_CONTENT = 422  # Its name in the framework has changed.

ANSWERS: dict[type[SQLAlchemyError], tuple[int, str]] = {
    OperationalError: (status.HTTP_503_SERVICE_UNAVAILABLE, "the database does not answer"),
    InterfaceError: (status.HTTP_503_SERVICE_UNAVAILABLE, "the database does not answer"),
    NoConnectionError: (status.HTTP_503_SERVICE_UNAVAILABLE, "the database does not answer"),
    IntegrityError: (status.HTTP_409_CONFLICT, "another request has just stored the same"),
    DataError: (UNPROCESSABLE_CONTENT, "the database cannot hold one of these values"),
}

_log = logging.getLogger("uvicorn.error")


def answer_failures(app: FastAPI) -> None:
    """Answer with a status and a line of log what is not this program's mistake."""
    for kind in ANSWERS:
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> JSONResponse:
    code, detail = next(answer for kind, answer in ANSWERS.items() if isinstance(error, kind))
    said = reason(error) if isinstance(error, SQLAlchemyError) else type(error).__name__
    _log.warning("%s %s: %s: %s", request.method, request.url.path, detail, said)
    return JSONResponse({"detail": detail}, code)

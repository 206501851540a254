"""Which clients may come in."""

import secrets
from typing import Annotated

from fastapi import HTTPException, Request, Security, status
from fastapi.security import APIKeyHeader, APIKeyQuery

_header = APIKeyHeader(name="x-api-key", scheme_name="header", auto_error=False)
_query = APIKeyQuery(name="x-api-key", scheme_name="query", auto_error=False)


async def require_key(
    request: Request,
    header: Annotated[str | None, Security(_header)],
    query: Annotated[str | None, Security(_query)],
) -> None:
    """Answer 401 unless the key is given, in the header or in the query."""
    expected = request.app.state.settings.api_key
    if not secrets.compare_digest((header or query or "").encode(), expected.encode()):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "x-api-key is missing or wrong")

"""Which sessions there are, and what was said in them."""

from typing import Any

from fastapi import APIRouter, HTTPException, status

from reference_agents.database import conversations
from reference_agents.routes.parts import DatabasePart

router = APIRouter(prefix="/sessions", tags=["sessions"])


@router.get("/{key}", responses={404: {"description": "no such session"}})
def get_session(key: str, database: DatabasePart) -> dict[str, Any]:
    """Return the session with this id or name, and its messages in order."""
    session = conversations.find_session(database, key)
    if session is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no session {key!r}")
    return session

"""What was said in which session."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from reference_agents.clock import now, rfc3339
from reference_agents.database.engine import Database
from reference_agents.database.migrations.m0001_first_schema import messages, sessions


@dataclass(frozen=True)
class Turn:
    """A session in which the user has just spoken; the history ends with what was said."""

    session_id: str
    history: list[dict[str, str]]


def ask(database: Database, session_name: str | None, agent_name: str, content: str) -> Turn:
    """Store what the user says, in a session made for it if need be; committed when this returns."""
    try:
        return _ask(database, session_name, agent_name, content)
    except IntegrityError:
        # Where writers are not one after the other, another request has made the session meanwhile.
        return _ask(database, session_name, agent_name, content)


def answer(database: Database, session_id: str, content: str) -> None:
    """Store what the agent answers; committed when this returns."""
    with database.writing() as connection:
        _add(connection, session_id, "assistant", content)


def list_sessions(database: Database) -> list[dict[str, Any]]:
    """List the sessions with the number of their messages, oldest first."""
    count = func.count(messages.c.id).label("message_count")
    query = (
        select(sessions, count)
        .outerjoin(messages, messages.c.session_id == sessions.c.id)
        .group_by(*sessions.c)
        .order_by(sessions.c.created_at, sessions.c.id)
    )
    with database.reading() as connection:
        return [_shown(row) for row in connection.execute(query).mappings()]


def find_session(database: Database, key: str) -> dict[str, Any] | None:
    """Return the session with this id or name and its messages in order, None if there is none."""
    with database.reading() as connection:
        query = select(sessions).where(or_(sessions.c.id == key, sessions.c.name == key))
        session = connection.execute(query).mappings().first()
        if session is None:
            return None
        spoken = _messages(connection, session["id"])
    return {**_shown(session), "messages": [_shown(message) for message in spoken]}


def _ask(database: Database, session_name: str | None, agent_name: str, content: str) -> Turn:
    with database.writing() as connection:
        session_id = _find_or_make(connection, session_name, agent_name)
        _add(connection, session_id, "user", content)
        spoken = _messages(connection, session_id)
    return Turn(session_id, [{"role": each["role"], "content": each["content"]} for each in spoken])


def _find_or_make(connection: Connection, name: str | None, agent_name: str) -> str:
    if name:
        found = connection.execute(select(sessions.c.id).where(sessions.c.name == name)).scalar()
        if found:
            return str(found)
    made = str(uuid.uuid4())
    connection.execute(insert(sessions).values(id=made, name=name or made, agent_name=agent_name, created_at=now()))
    return made


def _add(connection: Connection, session_id: str, role: str, content: str) -> None:
    connection.execute(insert(messages).values(session_id=session_id, role=role, content=content, created_at=now()))


def _messages(connection: Connection, session_id: str) -> list[Any]:
    columns = (messages.c.role, messages.c.content, messages.c.created_at)
    query = select(*columns).where(messages.c.session_id == session_id).order_by(messages.c.id)
    return list(connection.execute(query).mappings())


def _shown(row: Any) -> dict[str, Any]:
    return {**row, "created_at": rfc3339(row["created_at"])}

"""What PostgreSQL needs: an end to every wait, and a lock for migrations."""

import time
from collections.abc import Generator
from concurrent.futures import Future, TimeoutError  # noqa: A004 - another class than the built-in in Python 3.10
from functools import partial
from typing import Any

from psycopg import Connection, OperationalError
from sqlalchemy import Connection as Session
from sqlalchemy import select
from sqlalchemy.sql.functions import func

from reference_agents.within import begun

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5.0
POLL_SECONDS = 0.1
MIGRATION_LOCK = 0x7265666572656E63
"""Any number will do that no other user of the database takes."""


class ImpatientConnection(Connection[Any]):
    """Close itself if a statement has no answer in time: a server can be gone without closing a connection."""

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **named: Any) -> Any:
        """Take part in the driver's waiting for the server."""
        return super().wait(self._within(gen), *arguments, **named)

    def _within(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        deadline = time.monotonic() + STATEMENT_SECONDS
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    self.close()
                    raise OperationalError(f"the server has not answered within {STATEMENT_SECONDS:g} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value


def connect(_dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> ImpatientConnection:
    """Connect in time, or raise the driver's error."""
    # The driver's own limit is one for each address, and leaves out the time a name server takes.
    limits = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
    made = begun(partial(ImpatientConnection.connect, *arguments, **{**named, **limits}))
    try:
        return made.result(CONNECT_SECONDS)
    except TimeoutError:
        made.add_done_callback(_close)
        raise OperationalError(f"no connection within {CONNECT_SECONDS} s") from None


def wait_for_turn(session: Session) -> None:
    """Wait until no other instance migrates; the lock ends with the transaction."""
    # Asked again and again: a lock that is waited for would end with the statement's time, and deaf to signals.
    while not session.execute(select(func.pg_try_advisory_xact_lock(MIGRATION_LOCK))).scalar():
        time.sleep(POLL_SECONDS)


def _close(made: "Future[ImpatientConnection]") -> None:
    if not made.exception():
        made.result().close()

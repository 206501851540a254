"""How the database is opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from reference_agents.database.address import parse, shown
from reference_agents.errors import SettingsError


class Database:
    """Short transactions, for reading or for writing."""

    def __init__(self, text: str) -> None:
        url = parse(text)
        self.name = shown(url)
        try:
            self._engine = create_engine(url, pool_size=10, pool_pre_ping=True, hide_parameters=True)
            if self._sqlite:
                event.listen(self._engine, "connect", _prepare_sqlite)
                event.listen(self._engine, "begin", _begin_sqlite)
            else:
                from reference_agents.database import postgresql  # Its driver takes a while to import.

                event.listen(self._engine, "do_connect", postgresql.connect)
        except ImportError as error:
            raise SettingsError(f"the driver for REFERENCE_DATABASE_URL cannot be loaded: {error}") from error
        except (ArgumentError, TypeError) as error:
            raise SettingsError(f"REFERENCE_DATABASE_URL cannot be used: {type(error).__name__}") from error
        self._writing_engine = self._engine.execution_options(writes=True)

    @property
    def made(self) -> bool:
        """Whether there is a database; a server's is there, or an error says that it is not."""
        return not self._sqlite or Path(self._engine.url.database or "").is_file()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that will not write."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction, committed when the block ends without an error."""
        with self._writing_engine.begin() as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Give a connection as for writing, while no other instance has one of this kind."""
        with self.writing() as connection:
            if not self._sqlite:  # There every writer is alone.
                from reference_agents.database.postgresql import wait_for_turn

                wait_for_turn(connection)
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @property
    def _sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"


def reason(error: SQLAlchemyError) -> str:
    """Return the first line of what the database or its driver said, which holds no statement and no value."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transactions leave out schema changes; with this it begins none and we do it below.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that has read first could not wait for it, only fail.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

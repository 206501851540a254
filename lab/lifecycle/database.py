"""Reading a product's database from beside the product: a file in its volumes, or a server from the server's place."""

from lab.environment.base import DatabaseAccount
from lab.errors import InfrastructureError
from lab.lifecycle.ledgers import BUSY, NO_SERVER, POSTGRESQL_LEDGER, POSTGRESQL_QUERY, SQLITE_LEDGER, SQLITE_QUERY
from lab.lifecycle.setting import Session
from lab.process import CommandResult
from lab.product.model import SqliteDatabase

MOST_KEYS = 5000
"""Rows of a table whose keys are kept; of a larger one only the number is."""


def read_ledger(session: Session) -> CommandResult | None:
    """Return what prints every table's rows by key, and whether the database is sound; None where there is none.

    Raises InfrastructureError where the server does not answer.
    """
    return _run(session, (SQLITE_LEDGER, POSTGRESQL_LEDGER), str(MOST_KEYS))


def unseen(result: CommandResult) -> str:
    """Say why a ledger shows nothing, bad or good, of its database; empty if it does."""
    if result.timed_out:
        return f"the database was not read to its end within {result.seconds:.0f} s"
    said = result.tail(1)
    return f"the database could not be looked at: {said}" if not result.ok and any(map(said.__contains__, BUSY)) else ""


def query(session: Session, statement: str) -> CommandResult | None:
    """Return what prints a statement's rows as JSON; on a server it runs under the product's own account.

    None where the cell has no database. Raises InfrastructureError where the server does not answer.
    """
    return _run(session, (SQLITE_QUERY, POSTGRESQL_QUERY), statement, user=DatabaseAccount().user)


def _run(session: Session, scripts: tuple[str, str], argument: str, *, user: str = "postgres") -> CommandResult | None:
    database, timeout = session.setting.database(session.slot), session.setting.timeouts.command
    if database is None:
        return None
    if isinstance(database, SqliteDatabase):
        path = session.scope()["database.path"]
        return session.environment.run(["python3", "-c", scripts[0], path, argument], timeout=timeout)
    if not session.database_runs:
        raise InfrastructureError("the database cannot be read while the scenario has it stopped")
    account = session.setting.account
    argv = ["python3", "-c", scripts[1], account.name, user, argument]
    result = session.environment.services.run_in_database(argv, timeout=timeout)
    if result.exit_code == NO_SERVER:
        raise InfrastructureError(f"the database server beside the product does not answer: {result.tail(2)}")
    return result

"""Which schema the database has, and how it gets the one this version needs."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from reference_agents.clock import now, rfc3339
from reference_agents.database import migrations
from reference_agents.database.engine import Database, reason
from reference_agents.errors import SchemaTooNewError, StartError

schema_migrations = Table(
    "schema_migrations",
    MetaData(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", String(200), nullable=False),
    Column("applied_at", DateTime(timezone=True), nullable=False),
)


@dataclass(frozen=True)
class Migration:
    """One numbered step of the schema: `m0001_first_schema` is version 1, `first_schema`."""

    version: int
    name: str
    apply: Callable[[Connection], None]


def migrate(database: Database) -> None:
    """Apply what is missing, in order and each in a transaction, or raise StartError."""
    try:
        with database.alone() as connection:
            schema_migrations.create(connection, checkfirst=True)
            _refuse_newer(connection)
        for migration in known_migrations():
            with database.alone() as connection:
                _apply(connection, migration)
    except SQLAlchemyError as error:
        raise StartError(f"the database {database.name} cannot be prepared: {reason(error)}") from error


def known_migrations() -> list[Migration]:
    """List the migrations this version has, in order."""
    names = sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))
    return [
        Migration(
            version=int(name[1:5]),
            name=name[6:],
            apply=importlib.import_module(f"{migrations.__name__}.{name}").apply,
        )
        for name in names
    ]


def known_version() -> int:
    """Return the schema version this version of the service needs."""
    return known_migrations()[-1].version


def schema_version(connection: Connection) -> int:
    """Return the schema version of the database, 0 for one that was never migrated."""
    return connection.execute(select(func.max(schema_migrations.c.version))).scalar() or 0


def applied_migrations(connection: Connection) -> list[dict[str, Any]]:
    """List the migrations recorded in the database, in order."""
    if not inspect(connection).has_table(schema_migrations.name):
        return []
    rows = connection.execute(select(schema_migrations).order_by(schema_migrations.c.version))
    return [{**row, "applied_at": rfc3339(row["applied_at"])} for row in rows.mappings()]


def _apply(connection: Connection, migration: Migration) -> None:
    # Asked within the transaction: another instance may have started at the same moment.
    recorded = select(schema_migrations).where(schema_migrations.c.version == migration.version)
    if connection.execute(recorded).first():
        return
    migration.apply(connection)
    connection.execute(
        insert(schema_migrations).values(version=migration.version, name=migration.name, applied_at=now())
    )


def _refuse_newer(connection: Connection) -> None:
    found, known = schema_version(connection), known_version()
    if found > known:
        raise SchemaTooNewError(
            f"the database has schema version {found}, this version knows {known}: install a later version"
        )

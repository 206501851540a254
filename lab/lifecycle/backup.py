"""Steps `backup` and `restore`: as documented, or else a copy of data, configuration and database at rest."""

import shlex
from typing import Any

from lab.errors import InfrastructureError
from lab.history import StepSkippedError
from lab.lifecycle.install import extra_steps, take_steps
from lab.lifecycle.ledgers import POSTGRESQL_QUERY
from lab.lifecycle.setting import Session, Setting
from lab.product.model import SqliteDatabase
from lab.scenario.steps import BackupStep, RestoreStep, Slot

COPY_NAME = "lab_backup"
"""Database beside the product's, of which it is a copy."""
BACKUP = """
set -e
backup=$1; data=$2; shift 2
rm -rf -- "$backup"; mkdir -p -- "$backup/data" "$backup/files"
cp -a -- "$data/." "$backup/data/"
number=0
for file in "$@"; do
  number=$((number + 1))
  if [ -e "$file" ]; then cp -a -- "$file" "$backup/files/$number"; fi
done
"""
RESTORE = """
set -e
backup=$1; data=$2; shift 2
find "$data" -mindepth 1 -delete
cp -a -- "$backup/data/." "$data/"
number=0
for file in "$@"; do
  number=$((number + 1))
  rm -f -- "$file"
  if [ -e "$backup/files/$number" ]; then cp -a -- "$backup/files/$number" "$file"; fi
done
"""
SQL = {
    "backup": (f"drop database if exists {COPY_NAME}", f"create database {COPY_NAME} template {{name}}"),
    "restore": ("drop database {name}", f"create database {{name}} template {COPY_NAME} owner {{user}}"),
}
"""A server copies a database in one statement while nobody is connected to it."""


def copied(setting: Setting, slot: Slot, step: str) -> list[str]:
    """Return in words what the lab does where the definition documents no steps, for a plan."""
    files = _files(setting, slot, [])
    account = setting.account
    database = setting.database(slot)
    server = database is not None and not isinstance(database, SqliteDatabase)
    statements = [each.format(name=account.name, user=account.user) for each in SQL[step]] if server else []
    verb = "copy" if step == "backup" else "put back"
    return [f"{verb} {shlex.join([setting.places.data, *files])} and the configuration", *statements]


def backup(session: Session, _step: BackupStep, facts: dict[str, Any]) -> None:
    """Make a backup. A documented step that fails is noted as a failure."""
    _perform(session, "backup", facts)


def restore(session: Session, _step: RestoreStep, facts: dict[str, Any]) -> None:
    """Put the backup back.

    Raises StepSkippedError where the newer version promises that the older one works on its data.
    """
    newer = session.came_back_from
    if newer is not None and session.setting.definitions[newer].rollback == "works":
        label = session.setting.definitions[newer].label
        raise StepSkippedError(f"{label} promises that {session.definition.label} works on its data")
    _perform(session, "restore", facts)


def _perform(session: Session, step: str, facts: dict[str, Any]) -> None:
    wanted = {"backup": session.definition.backup_steps, "restore": session.definition.restore_steps}[step]
    facts |= {"version": session.definition.label, "documented": bool(extra_steps(session.setting, wanted))}
    if facts["documented"]:
        take_steps(session, wanted, session.configured or session.slot, facts)
        return
    places = session.setting.places
    files = _files(session.setting, session.slot, sorted(session.written))
    words = ["sh", "-c", {"backup": BACKUP, "restore": RESTORE}[step], "sh", places.backup, places.data, *files]
    done = session.environment.run(words, timeout=session.setting.timeouts.command)
    if not done.ok:
        raise InfrastructureError(f"the {step} by copying failed: {done.tail(3) or 'no end in time'}")
    facts["copied"] = [places.data, *files]
    if not isinstance(session.setting.database(session.slot), SqliteDatabase) and session.setting.has_database_server:
        facts["statements"] = _copy_database(session, step)


def _files(setting: Setting, slot: Slot, written: list[str]) -> list[str]:
    """Return what has to be copied beside the data folder: configuration files, and a database file elsewhere."""
    database = setting.database(slot)
    path = setting.scope(slot)["database.path"] if isinstance(database, SqliteDatabase) else ""
    own = [path, f"{path}-wal", f"{path}-shm"] if path else []
    return [file for file in [*written, *own] if not file.startswith(f"{setting.places.data}/")]


def _copy_database(session: Session, step: str) -> list[str]:
    account = session.setting.account
    statements = [each.format(name=account.name, user=account.user) for each in SQL[step]]
    for statement in statements:
        argv = ["python3", "-c", POSTGRESQL_QUERY, "postgres", "postgres", statement]
        done = session.environment.services.run_in_database(argv, timeout=session.setting.timeouts.command)
        if not done.ok:
            raise InfrastructureError(f"the {step} of the database failed at '{statement}': {done.tail(2)}")
    return statements

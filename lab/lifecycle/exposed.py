"""What another user of the machine could read of the product's, as the step `inspect` records it."""

from typing import Any

from lab.lifecycle.configure import current
from lab.lifecycle.setting import Session
from lab.product.model import SqliteDatabase
from lab.template import render

OTHERS_READ = 0o004
BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite writes beside a database's file."""


def exposed(session: Session) -> dict[str, Any] | None:
    """Look as another user at configuration, database, data and processes; None where the environment cannot."""
    manager = session.environment.manager
    if manager is None:
        return None
    scope, places = session.scope(), session.setting.places
    written = session.scope(session.configured)
    files = {render(file.path, written): int(file.mode, 8) for file in current(session).files}
    database = session.setting.database(session.slot)
    stored = [f"{scope['database.path']}{end}" for end in BESIDE] if isinstance(database, SqliteDatabase) else []
    told = manager.exposed([places.home, places.data, places.config], [*files, *stored], dict(session.setting.secrets))
    # A file that the operator means for everybody's eyes is not the product's to hide.
    told["meant"] = sorted(path for path, mode in files.items() if mode & OTHERS_READ)
    return told

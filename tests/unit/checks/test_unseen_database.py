"""A ledger that shows nothing of its database is told from one that shows a broken one, with real files of SQLite."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.checks.rows import rows
from lab.lifecycle.data import ledger
from lab.lifecycle.database import MOST_KEYS
from lab.lifecycle.ledgers import SQLITE_LEDGER
from lab.lifecycle.refuse import _look
from lab.lifecycle.setting import Session
from lab.process import CommandResult
from lab.product.model import SqliteDatabase
from lab.scenario.checks import RowsCheck
from lab.scenario.steps import LedgerStep

from .histories import Told, history, only

KILLED_IN_A_CHANGE = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("pragma cache_size = 5")
db.execute("begin immediate")
db.executemany("insert into a (x) values (?)", [("y" * 1000,)] * 2000)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "product.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table a (id integer primary key, x)")
        db.execute("insert into a values (1, 'x')")
        db.commit()
    return path


def run_ledger(path: Path) -> CommandResult:
    """Read a file's ledger as it is read beside a product, but with less patience for locks."""
    script = SQLITE_LEDGER.replace("timeout=10", "timeout=0.01")
    argv = (sys.executable, "-c", script, str(path), str(MOST_KEYS))
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    return CommandResult(argv, done.returncode, done.stdout, done.stderr, 0.1)


def session(read: Callable[[], CommandResult]) -> Session:
    """A session with a file of SQLite, of which a step asks no more than to read it."""
    setting = SimpleNamespace(
        database=lambda _slot: SqliteDatabase(kind="sqlite", path="{data}/product.db"),
        has_database_server=False,
        timeouts=SimpleNamespace(command=60.0),
    )
    environment = SimpleNamespace(run=lambda _argv, timeout: read() if timeout else None)
    place = {"database.path": "/data/product.db"}
    definition = SimpleNamespace(label="0.2.0")
    known = SimpleNamespace(
        setting=setting, environment=environment, definition=definition, slot="to", scope=lambda: place
    )
    return cast("Session", known)


def recorded(read: Callable[[], CommandResult]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    ledger(session(read), LedgerStep(step="ledger"), facts)
    return facts


def verdict(facts: dict[str, Any]) -> str:
    outcome = "failed" if facts.get("failures") else "done"
    return only(rows(history(Told("ledger", facts, outcome)), RowsCheck(check="rows"))).verdict


def test_a_product_that_locks_its_own_file_breaks_no_promise(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma locking_mode = exclusive")
        db.execute("begin exclusive")
        facts = recorded(lambda: run_ledger(path))
        assert _look(session(lambda: run_ledger(path))) == (None, "")
    assert verdict(facts) == "unknown"
    assert "database is locked" in facts["unknown"]


def test_a_product_that_was_killed_in_the_middle_of_a_change_breaks_no_promise(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_A_CHANGE, str(path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name("product.db-journal").exists()
    assert verdict(recorded(lambda: run_ledger(path))) == "unknown"
    assert _look(session(lambda: run_ledger(path))) == (None, "")


def test_a_ledger_that_takes_too_long_breaks_no_promise() -> None:
    late = CommandResult(("python3",), None, b"", b"", 60.0)
    assert recorded(lambda: late)["unknown"] == "the database was not read to its end within 60 s"
    assert verdict(recorded(lambda: late)) == "unknown"
    assert _look(session(lambda: late)) == (None, "")


def test_a_file_that_is_no_database_is_the_products_failure(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * 100)
    facts = recorded(lambda: run_ledger(path))
    assert verdict(facts) == "fail"
    tables, damage = _look(session(lambda: run_ledger(path)))
    assert tables is None
    assert "file is not a database" in damage


@pytest.mark.parametrize("page", [1, 4], ids=["its first page", "a page of a long value"])
def test_a_table_that_is_damaged_is_told_apart_from_one_that_cannot_be_read_from_here(path: Path, page: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("insert into a (x) values (?)", ["y" * 50_000])
        db.commit()
    content = path.read_bytes()
    path.write_bytes(content[: 4096 * page] + b"\xff" * 4096 + content[4096 * (page + 1) :])
    tables, damage = _look(session(lambda: run_ledger(path)))
    assert tables is None
    assert damage.endswith(": database disk image is malformed")


def test_a_sound_database_is_seen(path: Path) -> None:
    tables, damage = _look(session(lambda: run_ledger(path)))
    assert list(tables or {}) == ["a"]
    assert damage == ""

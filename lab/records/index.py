"""The index over all stored runs: a database that can be rebuilt from the run folders at any time."""

import errno
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from lab import paths
from lab.errors import DiskFullError, InfrastructureError
from lab.locks import locked
from lab.records import store
from lab.records.model import TrialResult, VersionRecord
from lab.records.store import Trials

SCHEMA_VERSION = 2
BUSY_SECONDS = 10.0
SCHEMA = """
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY, folder TEXT NOT NULL, scenario TEXT NOT NULL, product TEXT NOT NULL,
  status TEXT NOT NULL, exit_code INTEGER, started TEXT NOT NULL, record TEXT NOT NULL, stamp TEXT NOT NULL
);
CREATE TABLE trials (
  run_id TEXT NOT NULL, cell TEXT NOT NULL, trial INTEGER NOT NULL, attempt INTEGER NOT NULL,
  scenario TEXT NOT NULL, product TEXT NOT NULL, versions TEXT NOT NULL, environment TEXT NOT NULL,
  platform TEXT NOT NULL, verdict TEXT NOT NULL, started TEXT NOT NULL, result TEXT NOT NULL,
  PRIMARY KEY (run_id, cell, trial, attempt)
);
CREATE INDEX trials_by_question ON trials (scenario, product, versions);
"""
SELECT = """
SELECT result, run_id, cell, trial, attempt FROM trials
WHERE (:scenario IS NULL OR scenario = :scenario) AND (:product IS NULL OR product = :product)
  AND (:versions IS NULL OR versions = :versions) AND (:environment IS NULL OR environment = :environment)
  AND (:platform IS NULL OR platform = :platform) AND (:cell IS NULL OR cell = :cell)
  AND (:run_id IS NULL OR run_id = :run_id) AND (:since IS NULL OR started >= :since)
ORDER BY started, run_id, cell, trial, attempt
"""
T = TypeVar("T")


def add_run(folder: Path) -> list[str]:
    """Enter a run and its trials in place of what the index held of it; return what could not be read.

    Raises InfrastructureError if the record of the run cannot be read or the index cannot be written.
    """
    problems, notes = _ask(lambda connection: _enter(connection, folder))
    return list(dict.fromkeys([*notes, *problems]))  # an index made just now has told them already


def rebuild() -> list[str]:
    """Make the index anew from all run folders; return what could not be read."""
    path = paths.index()
    with _explained(path), locked(path):
        return _rebuilt(path)


def trials(
    *,
    scenario: str | None = None,
    product: str | None = None,
    versions: Mapping[str, str] | None = None,
    environment: str | None = None,
    platform: str | None = None,
    cell: str | None = None,
    run_id: str | None = None,
    since: str | None = None,
) -> Trials:
    """Return the attempts of which all that is given is true, oldest first, and what could not be read.

    Runs that have ended and are not in the index as they are now, such as a killed lab's, are entered before.
    `versions` maps each slot to a label; `since` is the beginning of a time in RFC 3339, UTC.
    """
    wanted = {
        "scenario": scenario,
        "product": product,
        "versions": None if versions is None else _in_order(versions),
        "environment": environment,
        "platform": platform,
        "cell": cell,
        "run_id": run_id,
        "since": since,
    }

    def question(connection: sqlite3.Connection) -> tuple[list[tuple[str, ...]], list[str]]:
        problems = _enter_each(connection, _overlooked(connection))
        return connection.execute(SELECT, wanted).fetchall(), problems

    (rows, problems), notes = _ask(question)
    found = Trials([], list(dict.fromkeys([*notes, *problems])))
    for result, *key in rows:
        try:
            found.results.append(TrialResult.model_validate_json(result))
        except ValidationError:
            found.problems.append(f"the index holds a result that cannot be understood: {key}")
    return found


def _enter(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """Put a run in; its rows keep the whole text of the files, and so what another lab has added to them."""
    status = store.effective_status(folder)
    stamp = _stamp(folder)  # taken before the rest is read: what changes meanwhile is entered anew
    record, (results, problems) = store.read_run(folder), store.read_trials(folder)
    code = record.exit.code if record.exit else None
    told = (record.run_id, folder.name, record.scenario, record.product, status, code, record.started)
    with connection:
        connection.execute("DELETE FROM runs WHERE run_id = ?", [record.run_id])
        connection.execute("DELETE FROM trials WHERE run_id = ?", [record.run_id])
        connection.execute(
            "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?)", [*told, (folder / store.RUN_FILE).read_text("utf8"), stamp]
        )
        connection.executemany(
            "INSERT OR REPLACE INTO trials VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (_row(record.run_id, folder, result) for result in results),
        )
    return problems


def _enter_each(connection: sqlite3.Connection, folders: Iterable[Path]) -> list[str]:
    """Put runs in; return what could not be read."""
    problems: list[str] = []
    for folder in folders:
        try:
            problems += _enter(connection, folder)
        except InfrastructureError as error:
            problems.append(error.message)
        except OSError as error:
            problems.append(f"cannot read {folder}: {error}")
    return problems


def _overlooked(connection: sqlite3.Connection) -> list[Path]:
    """Return the runs that have ended and of which the index holds nothing, or what was true earlier."""
    known = {run_id: told for run_id, *told in connection.execute("SELECT run_id, stamp, status FROM runs")}
    return [folder for folder in store.list_runs() if _is_news(folder, *known.get(store.run_id_of(folder), ("", "")))]


def _is_news(folder: Path, stamp: str, status: str) -> bool:
    try:
        if stamp == _stamp(folder) and status != "running":
            return False
        return store.effective_status(folder) != "running"  # one that goes on is entered at its end
    except (InfrastructureError, OSError):
        return True  # to enter it tells why it cannot be read


def _stamp(folder: Path) -> str:
    """Return what changes with the run's record, at the price of one look at its file; the record is written last."""
    file = (folder / store.RUN_FILE).stat()
    return f"{file.st_mtime_ns} {file.st_size}"


def _row(run_id: str, folder: Path, result: TrialResult) -> list[str | int]:
    attempt = store.trial_folder(folder, result.cell.replace("/", "~"), result.trial, result.attempt)
    return [
        run_id, result.cell, result.trial, result.attempt,
        result.scenario, result.product, _labels(result.versions), result.environment,
        result.platform, result.verdict, result.started, (attempt / store.RESULT_FILE).read_text("utf8"),
    ]  # fmt: skip


def _ask(question: Callable[[sqlite3.Connection], T]) -> tuple[T, list[str]]:
    """Put a question to the index, rebuilt first if need be; return the answer and what had to be done.

    One process at a time: a database that is being replaced must not be opened by another.
    """
    path = paths.index()
    with _explained(path), locked(path):
        try:
            notes = _brought_up(path)
            return _put(path, question), notes
        except sqlite3.DatabaseError as error:
            if not _is_corrupt(error):
                raise
            notes = [_set_aside(path, error), *_rebuilt(path)]
            return _put(path, question), notes


def _put(path: Path, question: Callable[[sqlite3.Connection], T]) -> T:
    with closing(_connect(path)) as connection:
        return question(connection)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _brought_up(path: Path) -> list[str]:
    """Rebuild an index that is missing or that another lab's schema has shaped."""
    if not path.exists():
        return _rebuilt(path)
    version = _put(path, lambda connection: connection.execute("PRAGMA user_version").fetchone()[0])
    if version == SCHEMA_VERSION:
        return []
    return [f"{path} had schema {version}, not {SCHEMA_VERSION}: it was rebuilt", *_rebuilt(path)]


def _rebuilt(path: Path) -> list[str]:
    """Write a new database beside the old one, then put it in its place."""
    new = path.with_name(f"{path.name}.new")
    for suffix in ("", "-wal", "-shm"):
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    with closing(_connect(new)) as connection:
        connection.executescript(SCHEMA + f"PRAGMA user_version = {SCHEMA_VERSION};")
        problems = _enter_each(connection, store.list_runs())
    for suffix in ("-wal", "-shm"):  # of the old one: they would be taken for the new one's
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    new.replace(path)
    return problems


def _set_aside(path: Path, error: sqlite3.Error) -> str:
    """Keep a damaged database for whoever wants to know why."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return f"{path} was damaged ({error}): it was moved to {aside.name} and rebuilt from the run folders"


def _is_corrupt(error: sqlite3.Error) -> bool:
    return _code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _is_full(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: sqlite3.Error) -> int:
    """Return the primary code; errors of the Python module itself have none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of any fault of the index that the results are safe."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        kind = DiskFullError if _is_full(error) else InfrastructureError
        raise kind(
            f"the index {path} cannot be used: {error}",
            hint="no result is lost: the run folders hold them all, and `lab index` rebuilds the index",
        ) from error


def _labels(versions: Mapping[str, VersionRecord]) -> str:
    return _in_order({slot: version.label for slot, version in versions.items()})


def _in_order(labels: Mapping[str, str]) -> str:
    """Return one text for equal mappings, whatever their order."""
    return json.dumps(dict(labels), sort_keys=True)

import errno
import json
import multiprocessing
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest
from records_sample import OTHER_ID, POSTGRESQL, RUN_ID, SQLITE, VERSIONS, run, trial

from lab import locks, paths
from lab.errors import DiskFullError, InfrastructureError
from lab.records import index, store
from lab.records.model import TrialResult


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


def stored(*results: TrialResult, **changed: Any) -> Path:
    folder = store.create_run(run(**changed))
    for result in results:
        place = store.trial_folder(folder, result.cell.replace("/", "~"), result.trial, result.attempt)
        store.write_json(place / "result.json", result)
    return folder


def rows(query: str) -> list[Any]:
    with closing(sqlite3.connect(paths.index())) as connection:
        return connection.execute(query).fetchall()


def numbers() -> list[tuple[str, int, int]]:
    return [(found.cell, found.trial, found.attempt) for found in index.trials().results]


def test_what_is_entered_comes_back_whole() -> None:
    results = [trial(1), trial(2, "fail", facts={"image": {"digest": "sha256:1"}}), trial(2, attempt=2)]
    assert index.add_run(stored(*results)) == []
    assert index.trials() == (results, [])
    assert rows("SELECT run_id, scenario, exit_code FROM runs") == [(RUN_ID, "upgrade", 1)]
    assert rows("PRAGMA journal_mode") == [("wal",)]


def test_entering_a_run_again_counts_nothing_twice_and_takes_what_is_new() -> None:
    folder = stored(trial(1), status="running", exit=None)
    index.add_run(folder)
    store.write_json(store.trial_folder(folder, SQLITE.replace("/", "~"), 2, 1) / "result.json", trial(2))
    store.write_json(folder / "run.json", run())
    index.add_run(folder)
    index.add_run(folder)
    assert numbers() == [(SQLITE, 1, 1), (SQLITE, 2, 1)]
    assert rows("SELECT status, exit_code FROM runs") == [("finished", 1)]


def test_a_copy_of_a_run_folder_counts_nothing_twice(home: Path) -> None:
    folder = stored(trial(1))
    index.add_run(folder)
    index.add_run(folder.rename(home / "moved"))
    assert numbers() == [(SQLITE, 1, 1)]


def test_a_trial_that_is_gone_from_the_folder_is_gone_from_the_index() -> None:
    folder = stored(trial(1), trial(2))
    index.add_run(folder)
    (store.trial_folder(folder, SQLITE.replace("/", "~"), 2, 1) / "result.json").unlink()
    index.add_run(folder)
    assert numbers() == [(SQLITE, 1, 1)]


def test_the_row_keeps_what_a_later_lab_has_added() -> None:
    folder = stored(trial(1))
    path = store.trial_folder(folder, SQLITE.replace("/", "~"), 1, 1) / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}))
    index.add_run(folder)
    assert rows("SELECT json_extract(result, '$.colour') FROM trials") == [("blue",)]


@pytest.mark.parametrize(
    "wanted",
    [
        {"scenario": "upgrade"},
        {"product": "agents"},
        {"versions": {"to": "0.2.0", "from": "0.1.4"}},
        {"environment": "docker"},
        {"platform": "debian-12"},
        {"cell": SQLITE},
        {"run_id": RUN_ID},
        {"since": "2026-03-04"},
        {"scenario": "upgrade", "environment": "docker"},
    ],
)
def test_each_question_leaves_out_what_it_does_not_mean(wanted: dict[str, Any]) -> None:
    other = trial(
        run_id=OTHER_ID,
        scenario="fresh-install",
        product="others",
        versions={"to": VERSIONS["to"]},
        environment="local",
        platform="debian-13",
        cell=POSTGRESQL,
        started="2026-03-03T23:59:59Z",
    )
    index.add_run(stored(trial(1)))
    index.add_run(stored(other, run_id=OTHER_ID))
    assert index.trials(**wanted).results == [trial(1)]
    assert index.trials().results == [other, trial(1)]
    assert index.trials(**wanted | {"cell": "none"}).results == []


def test_a_result_that_cannot_be_read_is_told_and_the_rest_entered() -> None:
    folder = stored(trial(1), trial(2))
    (store.trial_folder(folder, SQLITE.replace("/", "~"), 2, 1) / "result.json").write_text('{"half')
    for _ in ("the index is made", "the index is there"):
        (told,) = index.add_run(folder)
        assert "cannot read" in told
    assert numbers() == [(SQLITE, 1, 1)]


def test_rebuilding_gives_the_same_as_entering_each_run() -> None:
    for folder in (stored(trial(1)), stored(trial(1, run_id=OTHER_ID), run_id=OTHER_ID)):
        index.add_run(folder)
    before = rows("SELECT * FROM trials"), rows("SELECT * FROM runs")
    assert len(before[0]) == 2
    assert index.rebuild() == []
    assert sorted(rows("SELECT * FROM trials")) == sorted(before[0])
    assert sorted(rows("SELECT * FROM runs")) == sorted(before[1])


def test_rebuilding_goes_past_a_run_that_cannot_be_read() -> None:
    stored(trial(1))
    broken = stored(run_id=OTHER_ID)
    (broken / "run.json").write_text("")
    told = index.rebuild()
    assert len(told) == 1
    assert str(broken) in told[0]
    assert numbers() == [(SQLITE, 1, 1)]


def test_rebuilding_forgets_runs_that_are_gone() -> None:
    folder = stored(trial(1))
    index.add_run(folder)
    (folder / "run.json").unlink()
    index.rebuild()
    assert numbers() == []


def test_an_index_that_is_missing_is_rebuilt_from_the_folders() -> None:
    stored(trial(1))
    assert numbers() == [(SQLITE, 1, 1)]


@pytest.mark.parametrize("version", [0, 99])
def test_an_index_of_another_schema_is_rebuilt(version: int) -> None:
    stored(trial(1))
    with closing(sqlite3.connect(paths.index())) as connection:
        connection.executescript(f"CREATE TABLE trials (a); PRAGMA user_version = {version};")
    results, problems = index.trials()
    assert results == [trial(1)]
    assert [f"schema {version}, not {index.SCHEMA_VERSION}" in told for told in problems] == [True]
    assert index.trials() == ([trial(1)], [])


def finish(folder: Path) -> None:
    store.write_json(folder / "run.json", run())


def test_a_run_that_was_never_entered_is_entered_by_the_next_question() -> None:
    index.add_run(stored(trial(1)))
    stored(trial(1, run_id=OTHER_ID), run_id=OTHER_ID, status="interrupted")  # a killed lab enters nothing
    for _ in ("it is entered", "it is there"):
        assert index.trials() == ([trial(1), trial(1, run_id=OTHER_ID)], [])


def test_a_run_that_has_changed_since_it_was_entered_is_entered_anew() -> None:
    folder = stored(trial(1), status="running", exit=None)
    with locks.held(folder / store.LOCK_FILE):
        index.rebuild()
    store.write_json(store.trial_folder(folder, SQLITE.replace("/", "~"), 2, 1) / "result.json", trial(2))
    finish(folder)
    assert numbers() == [(SQLITE, 1, 1), (SQLITE, 2, 1)]
    assert rows("SELECT status, exit_code FROM runs") == [("finished", 1)]


def test_what_was_entered_while_the_run_went_on_is_completed_when_its_process_is_gone() -> None:
    folder = stored(trial(1), status="running", exit=None)
    with locks.held(folder / store.LOCK_FILE):
        index.rebuild()
        assert rows("SELECT status FROM runs") == [("running",)]
    store.write_json(store.trial_folder(folder, SQLITE.replace("/", "~"), 2, 1) / "result.json", trial(2))
    assert numbers() == [(SQLITE, 1, 1), (SQLITE, 2, 1)]
    assert rows("SELECT status FROM runs") == [("cut short",)]


def test_a_run_that_goes_on_is_left_to_its_own_end() -> None:
    index.add_run(stored(trial(1)))
    folder = stored(trial(1, run_id=OTHER_ID), run_id=OTHER_ID, status="running", exit=None)
    with locks.held(folder / store.LOCK_FILE):
        assert index.trials() == ([trial(1)], [])


def test_a_question_does_not_read_again_what_is_in_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    index.add_run(stored(trial(1)))
    index.add_run(stored(trial(1, run_id=OTHER_ID), run_id=OTHER_ID, status="running", exit=None))  # cut short

    def read(folder: Path) -> NoReturn:
        raise AssertionError(f"{folder} is read again")

    monkeypatch.setattr(store, "read_run", read)
    monkeypatch.setattr(store, "read_trials", read)
    assert index.trials() == ([trial(1), trial(1, run_id=OTHER_ID)], [])


def test_a_copy_of_a_run_beside_it_counts_nothing_twice() -> None:
    folder = stored(trial(1))
    index.add_run(folder)
    shutil.copytree(folder, folder.with_name(f"20260304T050607Z-copy-{RUN_ID}"))
    assert index.trials() == ([trial(1)], [])
    assert index.trials() == ([trial(1)], [])


def test_a_run_that_cannot_be_read_is_told_once_for_each_question_and_hinders_none() -> None:
    index.add_run(stored(trial(1)))
    broken = stored(run_id=OTHER_ID)
    (broken / "run.json").write_text("")
    for _ in range(2):
        results, (told,) = index.trials()
        assert results == [trial(1)]
        assert f"cannot read {broken / 'run.json'}" in told


def test_the_old_log_of_writes_is_not_taken_for_the_new_ones() -> None:
    folder = stored(trial(1))
    index.add_run(folder)
    with closing(sqlite3.connect(paths.index())) as reader:
        # Someone keeps the database open: closing our connections leaves the log in place.
        reader.execute("SELECT count(*) FROM trials").fetchall()
        index.add_run(folder)
        assert paths.index().with_name("lab.db-wal").stat().st_size > 0
        index.rebuild()
        assert not paths.index().with_name("lab.db-wal").exists()
        assert index.trials() == ([trial(1)], [])


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def tear(path: Path) -> None:
    """Damage all but the first page, so that opening it goes well."""
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


@pytest.mark.parametrize("damage", [overwrite, tear])
@pytest.mark.parametrize("use", [index.trials, lambda: index.add_run(store.list_runs()[0])])
def test_a_damaged_index_is_moved_aside_and_rebuilt(
    home: Path, damage: Callable[[Path], None], use: Callable[[], object]
) -> None:
    index.add_run(stored(trial(1)))
    damage(paths.index())
    damaged = paths.index().read_bytes()
    told = use()
    problems = told.problems if isinstance(told, store.Trials) else told
    assert isinstance(problems, list)
    (note,) = problems
    assert "was damaged" in note
    (aside,) = home.glob("lab.db.damaged-*")
    assert aside.name in note
    assert aside.read_bytes() == damaged
    assert index.trials() == ([trial(1)], [])


def test_an_index_that_cannot_be_written_says_that_no_result_is_lost() -> None:
    folder = stored(trial(1))
    paths.index().mkdir()
    with pytest.raises(InfrastructureError, match="no result is lost") as caught:
        index.add_run(folder)
    assert not isinstance(caught.value, DiskFullError)
    with pytest.raises(InfrastructureError, match="no result is lost"):
        index.rebuild()
    assert store.read_trials(folder).results == [trial(1)]


def test_a_full_disk_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored(*(trial(number) for number in range(1, 30)))
    real = sqlite3.connect

    def small(path: Path, timeout: float) -> sqlite3.Connection:
        connection = real(path, timeout=timeout)
        connection.execute("PRAGMA max_page_count = 8")
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(DiskFullError, match="no result is lost"):
        index.add_run(folder)


def test_a_disk_too_full_for_a_lock_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored(trial(1))

    def full(_: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(index, "locked", full)
    with pytest.raises(DiskFullError, match="no result is lost"):
        index.add_run(folder)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_two_that_enter_the_same_run_at_once_enter_it_once(kind: str) -> None:
    folder = stored(*(trial(number) for number in range(1, 6)))
    pool: ThreadPoolExecutor | ProcessPoolExecutor
    if kind == "threads":
        pool = ThreadPoolExecutor(2)
    else:
        pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        assert list(pool.map(index.add_run, [folder] * 8)) == [[]] * 8
    assert numbers() == [(SQLITE, number, 1) for number in range(1, 6)]

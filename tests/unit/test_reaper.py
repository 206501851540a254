"""What the reaper does for the record of a lab that was killed; what it removes is tested where there is something."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from records_sample import RUN_ID, SQLITE, run, trial

from lab import kept, paths, reaper, stored
from lab.environment.processes import table as processes
from lab.records import index, store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a run whose lab died after its first trial."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    index.rebuild()  # there is an index, and the run is not in it
    made = store.create_run(run(status="running", exit=None))
    for number in (1, 2):
        store.trial_folder(made, SQLITE.replace("/", "~"), number, 1).mkdir(parents=True)
    store.write_json(store.trial_folder(made, SQLITE.replace("/", "~"), 1, 1) / "result.json", trial(1))
    return made


def statuses() -> list[str]:
    with closing(sqlite3.connect(paths.index())) as connection:
        return [status for (status,) in connection.execute("SELECT status FROM runs")]


def test_the_finished_trials_of_a_killed_lab_are_in_the_index(folder: Path) -> None:
    assert reaper.reap(RUN_ID, folder) == []
    assert store.read_run(folder).status == "interrupted"
    assert statuses() == ["interrupted"]
    for _ in ("by the reaper", "and not once more"):
        (cell, *_rest) = [row for row in stored.stored_rates(None, None, None).value["rates"] if row["level"] == "cell"]
        assert (cell["k"], cell["n"]) == (1, 1)


@pytest.mark.parametrize(("seconds", "stays"), [(3600, True), (-1, False)])
def test_what_somebody_wants_to_look_at_stays_until_its_time_has_come(
    seconds: float, stays: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_SECONDS", seconds)
    kept.note_kept(folder / "trials" / SQLITE.replace("/", "~") / "001" / "attempt-1", "first")
    with subprocess_of(folder, "first") as wanted, subprocess_of(folder, "second") as other:
        assert reaper.reap(RUN_ID, folder) == []
        assert (wanted.poll() is None) == stays
        assert other.wait(5) == -9
        wanted.kill()
    assert [path.name for path in (folder / "places").glob("*")] == [paths.place(folder, RUN_ID, "first").name] * stays


@contextmanager
def subprocess_of(folder: Path, trial: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a product of a trial that runs on this machine, in a place of its own, without the marks of the lab's."""
    place = paths.place(folder, RUN_ID, trial)
    (place / "logs").mkdir(parents=True)
    with subprocess.Popen(["/usr/bin/env", "-i", "/bin/sleep", "60"], start_new_session=True) as child:
        processes.note_session(place / paths.SESSIONS, child.pid)
        yield child


def test_an_index_that_cannot_be_written_hinders_nothing_and_is_made_up_for(folder: Path) -> None:
    index_file = paths.index()
    index_file.unlink()
    index_file.mkdir()
    assert reaper.reap(RUN_ID, folder) == []
    assert store.read_run(folder).status == "interrupted"
    index_file.rmdir()
    assert index.trials().results == [trial(1)]


def test_a_self_test_has_no_record_to_enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "_sweep", lambda *_: [])
    (folder / "run.json").unlink()
    assert reaper.reap(RUN_ID, folder) == []
    assert index.trials().results == []


def test_a_reaper_that_waits_has_loaded_nothing_of_the_records() -> None:
    program = "import sys, lab.reaper; sys.exit(any(name.startswith('lab.records') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

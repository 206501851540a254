import errno
import json
import os
from pathlib import Path
from typing import NoReturn

import pytest
from records_sample import OTHER_ID, POSTGRESQL, RUN_ID, SQLITE, run, trial

from lab import locks
from lab.errors import DiskFullError, InfrastructureError, UsageError
from lab.records import store

NAME = f"20260304T050607Z-upgrade-{RUN_ID}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


def keep(folder: Path, cell: str, number: int, attempt: int = 1) -> Path:
    path = store.trial_folder(folder, cell.replace("/", "~"), number, attempt) / "result.json"
    store.write_json(path, trial(number, cell=cell, attempt=attempt))
    return path


def test_a_run_folder_is_named_by_time_scenario_and_id_and_readable_at_once(home: Path) -> None:
    record = run(status="running", exit=None)
    folder = store.create_run(record)
    assert folder == home / "runs" / NAME == store.run_folder(record)
    assert store.read_run(folder) == record


def test_the_name_tells_utc_whatever_the_zone_of_the_record() -> None:
    assert store.run_folder(run(started="2026-03-04T07:06:07+02:00")).name == NAME


def test_a_run_is_not_made_twice() -> None:
    store.create_run(run())
    with pytest.raises(InfrastructureError, match="File exists"):
        store.create_run(run())


def test_an_attempt_has_its_own_folder(tmp_path: Path) -> None:
    found = store.trial_folder(tmp_path, "upgrade~docker-debian-12", 7, 2)
    assert found == tmp_path / "trials/upgrade~docker-debian-12/007/attempt-2"


def test_what_was_there_stays_until_the_new_file_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    store.write_json(path, {"n": 1})

    def killed(_: int) -> NoReturn:
        assert json.loads(path.read_text()) == {"n": 1}
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write_json(path, {"n": 2})
    assert json.loads(path.read_text()) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(_: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match=f"no space is left for {tmp_path}") as caught:
        store.write_text(tmp_path / "a.txt", "text")
    assert caught.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_another_fault_of_the_disk_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match=r"cannot write in .*/file: ") as caught:
        store.write_text(tmp_path / "file" / "a.txt", "text")
    assert not isinstance(caught.value, DiskFullError)


def test_a_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    store.write_text(tmp_path / "deeper" / "written", "ä\n")
    assert (tmp_path / "deeper" / "written").read_bytes() == "ä\n".encode()
    assert (tmp_path / "deeper" / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_bytes_that_are_no_text_cost_no_result(tmp_path: Path) -> None:
    path = tmp_path / "trials/cell/001/attempt-1/result.json"
    store.write_json(path, trial(facts={"log": "torn \udc80 text"}))
    results, problems = store.read_trials(tmp_path)
    assert [result.facts["log"] for result in results] == ["torn ? text"]
    assert problems == []


def test_trials_come_back_by_cell_trial_and_attempt() -> None:
    folder = store.create_run(run())
    keep(folder, SQLITE, 1000)
    keep(folder, SQLITE, 2, attempt=10)
    keep(folder, SQLITE, 2, attempt=2)
    keep(folder, POSTGRESQL, 3)
    results, problems = store.read_trials(folder)
    found = [(result.cell, result.trial, result.attempt) for result in results]
    assert found == [(POSTGRESQL, 3, 1), (SQLITE, 2, 2), (SQLITE, 2, 10), (SQLITE, 1000, 1)]
    assert problems == []


def test_what_cannot_be_read_is_told_and_the_rest_is_read() -> None:
    folder = store.create_run(run())
    keep(folder, SQLITE, 1)
    half = keep(folder, SQLITE, 2)
    half.write_bytes(half.read_bytes()[:100])
    keep(folder, SQLITE, 3).write_text("{}")
    keep(folder, SQLITE, 4).unlink()
    results, problems = store.read_trials(folder)
    assert [result.trial for result in results] == [1]
    assert len(problems) == 3
    assert f"cannot read {half}: Invalid JSON" in problems[0]
    assert "Field required" in problems[1]
    assert "004/attempt-1 has no result" in problems[2]


def test_what_a_later_lab_adds_does_not_hinder() -> None:
    folder = store.create_run(run())
    path = keep(folder, SQLITE, 1)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}))
    assert store.read_trials(folder).problems == []


def test_a_folder_without_trials_has_none(tmp_path: Path) -> None:
    assert store.read_trials(tmp_path) == ([], [])


@pytest.mark.parametrize("content", [None, "", "[]", '{"run_id": "half'])
def test_a_record_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InfrastructureError, match=f"cannot read {tmp_path}/run.json: "):
        store.read_run(tmp_path)


def test_runs_are_listed_newest_first() -> None:
    later = store.create_run(run(run_id=OTHER_ID, started="2026-03-04T05:06:08Z"))
    early = store.create_run(run())
    (later.parent / "notes").mkdir()
    (later.parent / f"20270101T000000Z-upgrade-{'c' * 32}").mkdir()  # killed before its record was written
    assert store.list_runs() == [later, early]


def test_of_runs_within_one_second_the_one_written_last_is_the_newest() -> None:
    folders = [store.create_run(run(run_id=digit * 32)) for digit in "b9a"]
    for age, folder in enumerate(folders):
        os.utime(folder / "run.json", ns=(age, age))
    assert store.list_runs() == folders[::-1]


def test_without_runs_there_are_none() -> None:
    assert store.list_runs() == []
    with pytest.raises(UsageError, match="there are no runs"):
        store.find_run("last")


def test_a_run_is_found_by_name_id_or_as_the_last() -> None:
    first = store.create_run(run())
    second = store.create_run(run(run_id=OTHER_ID, started="2026-03-04T06:00:00Z"))
    assert store.find_run(first.name) == first
    assert store.find_run("01234") == first
    assert store.find_run(OTHER_ID) == second
    assert store.find_run("last") == second


def test_a_beginning_that_fits_two_runs_is_refused_with_both() -> None:
    folders = [store.create_run(run()), store.create_run(run(run_id=OTHER_ID))]
    with pytest.raises(UsageError, match="may mean 2 runs") as caught:
        store.find_run("0123")
    assert all(folder.name in str(caught.value) for folder in folders)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (RUN_ID[:-1] + "0", f"did you mean '{RUN_ID}'"),
        (NAME.replace("upgrade", "upgrad"), f"did you mean '{NAME}'"),
        ("lats", "did you mean 'last'"),
        ("", "there is no run ''"),
        ("upgrade", "the last one is " + NAME),
    ],
)
def test_what_is_no_run_is_refused_with_a_near_one(text: str, told: str) -> None:
    store.create_run(run())
    with pytest.raises(UsageError) as caught:
        store.find_run(text)
    assert told in str(caught.value)


def test_a_running_run_whose_process_died_was_cut_short() -> None:
    folder = store.create_run(run(status="running", exit=None))
    with locks.held(folder / store.LOCK_FILE):
        assert store.effective_status(folder) == "running"
    assert store.effective_status(folder) == "cut short"
    (folder / store.LOCK_FILE).unlink()
    assert store.effective_status(folder) == "cut short"


@pytest.mark.parametrize("status", ["finished", "interrupted"])
def test_a_run_that_ended_stands_as_it_says(status: str) -> None:
    assert store.effective_status(store.create_run(run(status=status))) == status


def test_a_run_that_ends_meanwhile_was_not_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store.create_run(run(status="running", exit=None))

    def ends(_: Path) -> bool:
        store.write_json(folder / "run.json", run())
        return False

    monkeypatch.setattr(locks, "is_held", ends)
    assert store.effective_status(folder) == "finished"


def test_where_the_lock_cannot_be_asked_the_record_is_believed() -> None:
    folder = store.create_run(run(status="running", exit=None))
    (folder / store.LOCK_FILE).mkdir()
    assert store.effective_status(folder) == "running"

"""What became of the way back, and whether it is what was promised, on histories made by hand."""

from typing import Any

import pytest

from lab.checks.rollback import rollback
from lab.records.model import Finding
from lab.scenario.checks import RollbackCheck

from .histories import Told, done, history, install, only, ready, start, upgrade, verify

CHECK = RollbackCheck(check="rollback")
READ = verify(done("a", text="x"))
BACKUP, RESTORE = Told("backup", {}), Told("restore", {})
SKIPPED = Told("restore", {}, "skipped", "not needed")


def downgrade(promise: str, outcome: str = "done", reason: str = "") -> Told:
    facts = {"promise": promise, "label": "0.1.4", "came_from": "0.2.0", "expected": "success"}
    return Told("downgrade", facts, outcome, reason, {"version": "from"})


def tried(**case: Any) -> Told:
    known = {
        "case": "data of 0.2.0", "exited": True, "exit_code": 3, "seconds": 0.5, "window": 40.0, "healthy_after": None,
        "said": "a later version is needed", "tables_before": {"a": "1"}, "tables_after": {"a": "1"},
    }  # fmt: skip
    return Told("refuse", {"because": "newer-data", "cases": [known | case]}, parameters={"because": "newer-data"})


def judged(promise: str, *after: Told) -> Finding:
    return only(rollback(history(install(), READ, BACKUP, upgrade(), downgrade(promise), *after), CHECK))


def test_a_promise_to_work_is_kept_where_the_data_read_the_same() -> None:
    assert judged("works", SKIPPED, start(), ready(), READ).verdict == "pass"
    assert judged("works", SKIPPED, start(), ready(), verify(done("a", text="y"))).verdict == "fail"
    assert judged("works", SKIPPED, start(), ready("failed", "the product exited with code 3")).verdict == "fail"


def test_a_promise_to_refuse_is_kept_by_a_clear_end_that_leaves_the_data_alone() -> None:
    found = judged("refuses", tried())
    assert found.verdict == "pass"
    assert "it refused with exit code 3 after 0.5 s: a later version is needed" in found.reason
    assert judged("refuses", tried(exited=False, exit_code=None, healthy_after=1.0, reads=[])).verdict == "fail"
    assert judged("refuses").verdict == "unknown"


def test_what_could_not_be_read_before_the_upgrade_is_no_fault_of_the_way_back() -> None:
    half = verify(done("a", text="x"), done("b", "status 404 instead of 200"))
    steps = install(), half, BACKUP, upgrade(), downgrade("works"), SKIPPED, start(), ready()
    again = Told("verify", half.facts, "failed", "b: status 404 instead of 200")
    found = only(rollback(history(*steps, again, Told("exercise", {}, "failed", "b: status 404")), CHECK))
    assert found.verdict == "pass"
    assert "1 items read as before the upgrade" in found.reason
    lost = verify(done("a", "status 404 instead of 200"), done("b", "status 404 instead of 200"))
    assert only(rollback(history(*steps, lost), CHECK)).verdict == "fail"


def test_where_nothing_could_be_read_before_nothing_is_shown() -> None:
    nothing = verify(done("a", "status 404 instead of 200"))
    steps = install(), nothing, BACKUP, upgrade(), downgrade("works"), SKIPPED, start(), ready(), nothing
    found = only(rollback(history(*steps), CHECK))
    assert found.verdict == "unknown"
    assert "nothing could be read before the upgrade, either" in found.reason


def test_what_could_not_be_executed_refused_nothing() -> None:
    found = judged("refuses", tried(not_started=True, exit_code=None, said="no such file"))
    assert (found.verdict, "could not be executed at all: no such file" in found.reason) == ("fail", True)
    assert judged("refuses", tried(exit_code=None)).verdict == "unknown"


def test_a_promised_restore_brings_the_data_back_and_the_refusal_without_it_is_told() -> None:
    found = judged("restore", tried(), RESTORE, start(), ready(), READ)
    assert found.verdict == "pass"
    assert "with the backup put back; without a backup it refused with exit code 3" in found.reason


@pytest.mark.parametrize(
    "case",
    [
        {"exit_code": 0},
        {"exit_code": 139},
        {"said": "(it wrote nothing)"},
        {"said": "Traceback (most recent call last):\nKeyError"},
        {"said": '    raise AssertionError\n  File "a.py", line 7, in b\nAssertionError'},
        {"tables_after": {"a": "2"}},
        {"exited": False, "exit_code": None},
        {"exited": False, "exit_code": None, "healthy_after": 1.0, "reads": [done("a", "404")]},
        {"exited": False, "exit_code": None, "healthy_after": 1.0, "reads": [done("a", text="y")]},
    ],
)
@pytest.mark.parametrize("promise", ["refuses", "restore"])
def test_an_unclear_end_or_a_silent_mistake_breaks_either_promise(promise: str, case: dict[str, Any]) -> None:
    assert judged(promise, tried(**case), RESTORE, start(), ready(), READ).verdict == "fail"


GONE: dict[str, Any] = {"has_database": True, "tables_after": None, "damaged_after": "file is not a database"}
UNSEEN: dict[str, Any] = {"has_database": True, "tables_after": None, "damaged_after": ""}
HEALTHY: dict[str, Any] = {"exited": False, "exit_code": None, "healthy_after": 1.0, "reads": [done("a", text="x")]}


@pytest.mark.parametrize("how", [{}, HEALTHY])
@pytest.mark.parametrize("promise", ["refuses", "restore"])
def test_a_database_that_is_none_any_more_breaks_either_promise(promise: str, how: dict[str, Any]) -> None:
    found = judged(promise, tried(**how, **GONE), RESTORE, start(), ready(), READ)
    assert found.verdict == "fail"
    assert "left no sound database: file is not a database" in found.reason


def test_a_database_that_nobody_saw_afterwards_is_unknown() -> None:
    found = judged("refuses", tried(**UNSEEN))
    assert found.verdict == "unknown"
    assert found.reason.endswith("it could not be seen whether it left the database alone")
    assert judged("refuses", tried(**HEALTHY, **UNSEEN)).verdict == "fail"


@pytest.mark.parametrize("how", [{}, HEALTHY])
def test_a_database_that_nobody_saw_leaves_a_promised_restore_half_answered(how: dict[str, Any]) -> None:
    steps = [install(), READ, BACKUP, upgrade(), downgrade("restore"), tried(**how, **UNSEEN), RESTORE, start()]
    kept = rollback(history(*steps, ready(), READ), CHECK)
    assert [found.verdict for found in kept] == ["pass", "unknown"]
    lost = rollback(history(*steps, ready(), verify(done("a", "404"))), CHECK)
    assert [found.verdict for found in lost] == ["fail", "unknown"]


def test_a_database_that_was_damaged_before_is_not_the_old_versions_doing() -> None:
    assert judged("refuses", tried(**GONE | {"tables_before": None})).verdict == "unknown"


def test_a_restore_that_does_not_bring_the_data_back_breaks_the_promise() -> None:
    assert judged("restore", tried(), RESTORE, start(), ready(), verify(done("a", "404"))).verdict == "fail"
    assert judged("restore", tried(), RESTORE, start(), ready("failed", "it ended")).verdict == "fail"


def test_what_was_not_tried_or_not_read_is_unknown() -> None:
    assert judged("restore", tried()).verdict == "unknown"
    assert judged("restore", tried(), SKIPPED, start(), ready(), READ).verdict == "unknown"
    assert judged("works", SKIPPED, start(), ready(), Told("verify", {})).verdict == "unknown"
    assert only(rollback(history(install(), upgrade(), downgrade("works"), READ), CHECK)).verdict == "unknown"


def test_an_installer_that_does_not_go_back_breaks_the_promise() -> None:
    told = history(install(), READ, upgrade(), downgrade("works", "failed", "the installer does not go back"))
    assert only(rollback(told, CHECK)).verdict == "fail"

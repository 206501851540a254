import pytest

from lab.checks.exercise import exercise
from lab.scenario.checks import ExerciseCheck

from .histories import Facts, Told, done, history, only, skip, told

CHECK = ExerciseCheck(check="exercise")


def exercised(*actions: Facts, version: str = "0.1.4") -> Told:
    failures = [action["problem"] for action in actions if action["problem"]]
    facts = {"version": version, "actions": list(actions)} | ({"failures": failures} if failures else {})
    return Told("exercise", facts, "failed" if failures else "done")


def test_what_worked_on_each_version_passes() -> None:
    steps = [exercised(done("run"), done("list")), exercised(done("run"), version="0.2.0")]
    findings = exercise(history(*steps), CHECK)
    assert told(findings) == [("pass", "01-exercise"), ("pass", "02-exercise")]
    assert [finding.reason for finding in findings] == [
        "2 things that users do worked on 0.1.4",
        "1 things that users do worked on 0.2.0",
    ]


def test_every_action_that_did_not_work_fails_by_its_name() -> None:
    bad = exercised(done("run", "status 500"), done("list"), done("remove", "status 404"))
    findings = exercise(history(exercised(done("run")), bad), CHECK)
    assert told(findings) == [("pass", "01-exercise"), ("fail", "02-exercise"), ("fail", "02-exercise")]
    assert findings[1].reason == "version 0.1.4: run: status 500"
    assert findings[2].reason == "version 0.1.4: remove: status 404"


def test_a_definition_that_names_nothing_is_skipped_and_not_passed() -> None:
    found = only(exercise(history(skip("exercise", "the definition names nothing to exercise")), CHECK))
    assert (found.verdict, found.reason) == ("skipped", "the definition names nothing to exercise")


@pytest.mark.parametrize("facts", [{}, {"version": "0.1.4"}, {"version": "0.1.4", "actions": []}])
def test_a_step_that_recorded_nothing_is_unknown_even_beside_one_that_passed(facts: Facts) -> None:
    findings = exercise(history(exercised(done("run")), Told("exercise", facts)), CHECK)
    assert told(findings) == [("pass", "01-exercise"), ("unknown", "02-exercise")]


@pytest.mark.parametrize("outcome", ["error", "interrupted", "running"])
def test_a_step_that_the_lab_did_not_finish_says_nothing(outcome: str) -> None:
    broken = Told("exercise", exercised(done("run", "no answer")).facts, outcome)
    assert exercise(history(broken), CHECK) == []

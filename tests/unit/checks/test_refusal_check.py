from typing import Any

import pytest

from lab.checks.refusal import refusal
from lab.records.model import Finding
from lab.scenario.checks import RefusalCheck

from .histories import GONE, STATE, Facts, Told, case, history, only, refuse, skip, told

CHECK = RefusalCheck(check="refusal", within=10)
WAITING: Facts = {"exited": False, "exit_code": None, "seconds": 40.1, "state": STATE}
NOBODY_ASKED, NOT_SEEN = "nobody asked whether it was healthy", "it could not be seen whether it left its data alone"
UNSEEN: Facts = {"tables_before": None, "tables_after": None}


def judged(because: str = "missing-setting", **facts: Any) -> Finding:
    return only(refusal(history(refuse(case(**facts), because=because)), CHECK))


def test_a_product_that_ends_soon_with_an_error_code_passes() -> None:
    found = judged()
    assert (found.verdict, found.step) == ("pass", "01-refuse")
    assert found.reason == "started without the setting API_KEY, it ended with exit code 2 after 0.8 s, naming it"


def test_a_refusal_need_not_name_its_reason_but_it_is_told() -> None:
    found = judged("port-in-use", name="port 8881", named=False)
    assert found.reason == "started with port 8881 in use, it ended with exit code 2 after 0.8 s, without naming it"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"exited": False, "exit_code": None, "healthy_after": 1.24}, "it said to be healthy after 1.2 s"),
        (WAITING, "it neither ended nor became healthy within 40 s"),
        ({"exit_code": 0}, "it ended with exit code 0, as though all were well: API_KEY is not set"),
        ({"seconds": 10.4}, "it took 10.4 s to end with exit code 2, its budget is 10 s"),
        ({"exit_code": 137, "state": GONE | {"oom_killed": True}}, "it was ended by the kernel for want of memory"),
        ({"exit_code": 139}, "it was ended by a signal (exit code 139)"),
        ({"not_started": True, "exit_code": None, "said": "no such file"}, "it could not be executed at all: no such"),
        ({"tables_after": {"a": 1}}, "it changed its database first: 1 tables (a)"),
        ({"tables_after": {}}, "it changed its database first: 1 tables (a)"),
        ({"tables_after": {"a": 2, "b": 0}}, "it changed its database first: 1 tables (b)"),
    ],
)
def test_each_broken_promise_fails_by_its_name(broken: Facts, reason: str) -> None:
    found = judged(**broken)
    assert (found.verdict, found.step) == ("fail", "01-refuse")
    assert found.reason.startswith("started without the setting API_KEY, ")
    assert reason in found.reason


def test_every_broken_promise_is_named() -> None:
    findings = refusal(history(refuse(case(exit_code=0, tables_after={"a": 0}))), CHECK)
    assert [finding.verdict for finding in findings] == ["fail", "fail"]


def test_a_product_that_uses_another_database_instead_is_told_so() -> None:
    found = judged(exited=False, exit_code=None, healthy_after=1.0)
    assert found.reason.endswith("healthy after 1.0 s, and its database was not touched")
    assert "not touched" not in judged(exited=False, exit_code=None, healthy_after=1.0, **UNSEEN).reason


def test_waiting_for_a_database_is_honest_as_long_as_it_says_so() -> None:
    found = judged("database-stopped", **WAITING, **UNSEEN, recovered_after=0.31)
    assert found.verdict == "pass"
    assert found.reason == (
        "started with its database stopped, it waited, did not say that it was healthy, "
        "and was healthy 0.3 s after its database was back"
    )


def test_a_product_that_may_wait_need_not_be_watched_until_its_budget_to_end() -> None:
    found = judged("database-stopped", **WAITING, **UNSEEN, window=5.0, recovered_after=0.31)
    assert found.verdict == "pass"


def test_waiting_for_ever_is_no_waiting_for_a_database() -> None:
    found = judged("database-stopped", **WAITING, **UNSEEN, recovered_after=None)
    assert found.verdict == "fail"
    assert found.reason.endswith("it waited, but was not healthy within 40 s of its database's return")


def test_saying_to_be_healthy_without_a_database_is_not() -> None:
    assert judged("database-stopped", **WAITING | {"healthy_after": 3.0}, **UNSEEN).verdict == "fail"


@pytest.mark.parametrize(
    ("because", "facts", "reason"),
    [
        (
            "database-stopped",
            WAITING | UNSEEN | {"asked": 0, "recovered_after": 1.0},
            NOBODY_ASKED,
        ),
        ("missing-setting", {"exit_code": None}, "the environment does not tell the exit code"),
        ("missing-setting", WAITING | {"window": 5.0}, "it was watched for 5 s only, and had 10 s to end"),
        ("database-stopped", WAITING | UNSEEN, NOBODY_ASKED),
        (
            "missing-setting",
            {"has_database": True, "tables_after": None},
            NOT_SEEN,
        ),
        ("port-in-use", {"has_database": True} | UNSEEN, NOT_SEEN),
    ],
)
def test_what_was_not_measured_is_unknown(because: str, facts: Facts, reason: str) -> None:
    found = judged(because, **facts)
    assert found.verdict == "unknown"
    assert reason in found.reason


@pytest.mark.parametrize("missing", ["case", "exited", "exit_code", "healthy_after", "window", "seconds", "said"])
def test_a_case_without_its_facts_is_unknown_and_does_not_break_the_check(missing: str) -> None:
    told_of = case()
    del told_of[missing]
    assert only(refusal(history(refuse(told_of)), CHECK)).verdict == "unknown"


@pytest.mark.parametrize("optional", ["named", "asked", "state", "not_started", "tables_before"])
def test_a_case_that_an_older_lab_recorded_can_be_judged(optional: str) -> None:
    told_of = case(**UNSEEN)
    del told_of[optional]
    assert only(refusal(history(refuse(told_of)), CHECK)).verdict == "pass"


@pytest.mark.parametrize("step", [Told("refuse", {}), refuse(), Told("refuse", {"cases": [case()]})])
def test_a_step_that_recorded_no_start_is_unknown(step: Told) -> None:
    assert only(refusal(history(step), CHECK)).verdict == "unknown"


def test_each_case_is_judged() -> None:
    step = refuse(case(), case("DATABASE_URL", exit_code=0))
    findings = refusal(history(step), CHECK)
    assert [finding.verdict for finding in findings] == ["pass", "fail"]
    assert "without the setting DATABASE_URL" in findings[1].reason


def test_a_condition_that_this_cell_does_not_have_is_skipped_and_not_passed() -> None:
    found = only(refusal(history(skip("refuse", "no database server", because="x", cases=[])), CHECK))
    assert (found.verdict, found.reason) == ("skipped", "no database server")


def test_a_setting_that_cannot_be_left_out_does_not_hide_the_others() -> None:
    findings = refusal(history(refuse(case(), left_out=["the configuration does not set B"])), CHECK)
    assert told(findings) == [("skipped", "01-refuse"), ("pass", "01-refuse")]
    assert findings[0].reason == "the configuration does not set B"


@pytest.mark.parametrize("outcome", ["error", "interrupted", "running"])
def test_a_step_that_the_lab_did_not_finish_says_nothing(outcome: str) -> None:
    assert refusal(history(Told("refuse", refuse(case(exit_code=0)).facts, outcome)), CHECK) == []

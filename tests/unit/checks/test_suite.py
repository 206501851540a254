"""What the product's own tests gave is judged by what its definition promises of them."""

from typing import Any

import pytest

from lab.checks.suite import suite
from lab.records.model import Finding
from lab.scenario.checks import SuiteCheck

from .histories import Facts, Told, history, only, skip

CHECK = SuiteCheck(check="suite")
ENDED = {"exit_code": 0, "seconds": 3.5, "window": 900.0}
NONE = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0, "duplicates": 0, "untold": 0}


def bad(name: str, outcome: str = "failed", message: str = "assert 1 == 2") -> Facts:
    return {"name": name, "outcome": outcome, "message": message}


def allow(test: str, reason: str = "known since May") -> Facts:
    return {"test": test, "reason": reason}


def ran(
    tests: int = 40,
    *broken: Facts,
    exit_code: int | None = None,
    min_tests: int = 1,
    allowed: list[Facts] | None = None,
    **counts: int,
) -> Told:
    """A run of the product's own tests; its exit code is what a test runner would give."""
    errors = sum(test["outcome"] == "error" for test in broken)
    found = NONE | {"tests": tests, "failures": len(broken) - errors, "errors": errors} | counts
    code = int(bool(broken)) if exit_code is None else exit_code
    facts = {"version": "0.2.0", "ended": ENDED | {"exit_code": code}, "said": "bye", "counts": found}
    expect = {"min_tests": min_tests, "allow_failures": allowed or []}
    return Told("suite", facts | {"bad": list(broken), "expect": expect})


def judged(step: Told, min_rate: float = 1.0) -> list[Finding]:
    return suite(history(step), CHECK.model_copy(update={"min_rate": min_rate}))


def said(step: Told, min_rate: float = 1.0) -> tuple[str, str]:
    finding = only(judged(step, min_rate))
    return finding.verdict, finding.reason


def test_all_that_ran_and_passed_are_told_with_their_number() -> None:
    assert said(ran(40)) == ("pass", "40 of 40 own tests passed (100.0%)")
    assert said(ran(40, skipped=3)) == ("pass", "37 of 37 own tests passed (100.0%); 3 skipped")
    assert said(ran(40, duplicates=2))[1].endswith("; 2 with a name that another one has")


def test_each_failing_test_is_a_finding_by_its_name() -> None:
    first, second = judged(ran(40, bad("a.one"), bad("a.two", "error", "\nno fixture\nmore")))
    assert first.verdict == second.verdict == "fail"
    assert first.reason == "38 of 40 own tests passed (95.0%): a.one failed: assert 1 == 2"
    assert second.reason == "38 of 40 own tests passed (95.0%): a.two broke: no fixture"


def test_of_very_many_failing_tests_the_first_are_named_and_the_rest_is_counted() -> None:
    findings = judged(ran(2000, *[bad(f"a.t{number}") for number in range(500)], failures=900))
    assert len(findings) == 11
    assert findings[-1].reason == "1100 of 2000 own tests passed (55.0%): 890 more failed"


def test_one_failure_in_very_many_never_reads_as_all() -> None:
    (finding,) = judged(ran(10_000, bad("a.one")))
    assert "9999 of 10000 own tests passed (99.9900%)" in finding.reason


@pytest.mark.parametrize(("min_rate", "verdict"), [(0.9, "pass"), (0.95, "pass"), (0.96, "fail"), (1.0, "fail")])
def test_a_lower_rate_lets_failures_pass_but_names_them(min_rate: float, verdict: str) -> None:
    findings = judged(ran(40, bad("a.one"), bad("a.two")), min_rate)
    assert {finding.verdict for finding in findings} == {verdict}
    if verdict == "pass":
        assert findings[0].reason == "38 of 40 own tests passed (95.0%); failed: a.one, a.two"


def test_a_rate_that_cannot_be_written_exactly_is_reached_all_the_same() -> None:
    broken = [bad(f"a.t{number}") for number in range(45)]
    assert said(ran(100, *broken), 0.55)[0] == "pass"


def test_a_failure_that_is_allowed_leaves_the_rate_and_is_told_with_its_reason() -> None:
    verdict, reason = said(ran(40, bad("a.test_x[1-2]"), allowed=[allow("a.test_x[*]")]))
    assert verdict == "pass"
    assert reason == "39 of 39 own tests passed (100.0%); 1 failed as is allowed: a.test_x[*] (known since May)"


@pytest.mark.parametrize(
    ("pattern", "name", "meant"),
    [
        ("a.one", "a.one", True),
        ("a.on", "a.one", False),
        ("a.*", "a.one", True),
        ("*", "a.one", True),
        ("a.o?e", "a.one", False),
        ("a.t[12]", "a.t1", False),
        ("a.t[12]", "a.t[12]", True),
        ("a*e", "a\ne", True),
    ],
)
def test_in_an_allowance_only_the_star_is_special(pattern: str, name: str, meant: bool) -> None:
    (finding, *_) = judged(ran(40, bad(name), allowed=[allow(pattern)]))
    assert finding.verdict == ("pass" if meant else "fail")


def test_an_allowance_that_nothing_needs_is_told() -> None:
    verdict, reason = said(ran(40, allowed=[allow("a.gone", "issue 7")]))
    assert (verdict, reason.partition("; ")[2]) == ("pass", "nothing failed that had to be allowed: a.gone (issue 7)")


def test_one_that_is_not_allowed_fails_beside_one_that_is() -> None:
    (finding,) = judged(ran(40, bad("a.one"), bad("b.one"), allowed=[allow("a.*")]))
    assert (finding.verdict, finding.reason[:44]) == ("fail", "38 of 39 own tests passed (97.4%): b.one fai")


def test_where_all_that_ran_failed_as_allowed_nothing_is_proved() -> None:
    verdict, reason = said(ran(1, bad("a.one"), allowed=[allow("*")]))
    assert (verdict, reason) == (
        "unknown",
        "none of its own tests passed: all 1 that ran failed, as the definition allows",
    )


@pytest.mark.parametrize("step", [ran(0, exit_code=5), ran(0), ran(7, skipped=7)])
def test_no_test_that_ran_is_never_a_pass(step: Told) -> None:
    verdict, reason = said(step)
    assert verdict == "fail"
    assert reason.startswith("0 of its own tests ran")


def test_fewer_tests_than_there_must_be_fail() -> None:
    assert said(ran(40, min_tests=40))[0] == "pass"
    verdict, reason = said(ran(40, min_tests=41, skipped=2))
    assert (verdict, reason) == (
        "fail",
        "38 of its own tests ran, 2 were skipped, and there must be 41 at least; they ended with exit code 0",
    )


@pytest.mark.parametrize("code", [1, 3, 137, -9])
def test_an_exit_code_that_no_failure_explains_fails(code: int) -> None:
    verdict, reason = said(ran(40, exit_code=code))
    assert verdict == "fail"
    assert f"ended with exit code {code}" in reason


def test_a_runner_that_was_ended_by_a_signal_fails_even_if_all_its_failures_are_allowed() -> None:
    verdict, reason = said(ran(40, bad("a.one"), exit_code=139, allowed=[allow("*")]))
    assert (verdict, reason) == ("fail", "its own tests ended with exit code 139, after 40 of them")


def test_failures_count_although_the_exit_code_is_0() -> None:
    (finding,) = judged(ran(40, bad("a.one"), exit_code=0))
    assert finding.verdict == "fail"


def test_failures_that_only_the_totals_tell_count() -> None:
    assert said(ran(40, untold=2)) == ("fail", "the report's totals tell 2 failures more than it has tests for")


def unread(exit_code: int | None, **facts: Any) -> Told:
    known = {"version": "0.2.0", "ended": ENDED | {"exit_code": exit_code}, "unreadable": "it is empty"}
    return Told("suite", known | facts)


@pytest.mark.parametrize(
    ("exit_code", "verdict", "how"),
    [(0, "unknown", "exit code 0"), (4, "fail", "exit code 4"), (None, "fail", "did not end within 900 s")],
)
def test_without_a_report_nothing_is_counted_and_nothing_passes(exit_code: int | None, verdict: str, how: str) -> None:
    found = said(unread(exit_code, said="ERROR: no such module"))
    assert found[0] == verdict
    assert how in found[1]
    assert "nothing could be counted: it is empty (it said: ERROR: no such module)" in found[1]


def test_a_run_that_did_not_end_in_time_fails_even_with_a_report() -> None:
    step = ran(40)
    step.facts["ended"]["exit_code"] = None
    assert said(step) == ("fail", "its own tests did not end within 900 s, after 40 of them")


def test_what_the_tests_need_and_cannot_get_fails() -> None:
    verdict, reason = said(Told("suite", {"not_installed": "'uv pip' ended with exit code 1: no solution"}))
    assert verdict == "fail"
    assert reason.endswith("cannot be installed: 'uv pip' ended with exit code 1: no solution")


def test_a_definition_without_tests_is_skipped() -> None:
    assert said(skip("suite", "the definition names no tests of the product's own"))[0] == "skipped"


@pytest.mark.parametrize("left_out", ["bad", "expect", "ended"])
def test_what_was_not_recorded_is_unknown(left_out: str) -> None:
    step = ran(40)
    del step.facts[left_out]
    assert said(step)[0] == "unknown"


def test_a_figure_that_was_not_recorded_is_unknown() -> None:
    step = ran(40)
    del step.facts["counts"]["errors"]
    assert said(step)[0] == "unknown"
    assert said(Told("suite", {}))[0] == "unknown"


@pytest.mark.parametrize("outcome", ["error", "interrupted", "running"])
def test_a_run_that_the_lab_did_not_finish_says_nothing(outcome: str) -> None:
    assert judged(Told("suite", ran(40, bad("a.one")).facts, outcome)) == []


def test_a_place_for_the_report_that_is_blocked_leaves_it_to_the_step_to_say_so() -> None:
    step = Told("suite", {"expect": {}}, "failed", "what lies where the tests are to write their report cannot go")
    assert said(step) == ("fail", "what lies where the tests are to write their report cannot go")

from typing import Any

import pytest

from lab.checks.judge import QUESTIONS, conclude, judge
from lab.records.model import CheckResult, Verdict, worst
from lab.scenario.model import Scenario

from .histories import STATE, Told, history, install, ready, refuse, skip, start, stop, watch

CHECKS = [{"check": "install"}, {"check": "health"}, {"check": "graceful-stop"}]
STEPS = [{"step": "install", "version": "from"}, {"step": "start"}, {"step": "ready"}, {"step": "stop"}]
GOOD = [install(), start(), ready(), stop(flying=False)]


def scenario(*checks: dict[str, Any], steps: list[dict[str, Any]] | None = None) -> Scenario:
    known = {"schema": 1, "name": "sample", "title": "A sample", "versions": ["from", "to"]}
    return Scenario.model_validate(known | {"steps": steps or STEPS, "checks": list(checks) or CHECKS})


def verdicts(results: list[CheckResult]) -> dict[str, Verdict]:
    return {result.check: result.verdict for result in results}


def test_a_trial_that_kept_every_promise_passes() -> None:
    results = judge(history(*GOOD), scenario())
    assert verdicts(results) == {"completed": "pass", "install": "pass", "health": "pass", "graceful-stop": "pass"}
    assert conclude(results) == ("pass", "4 checks passed")


def test_every_check_of_the_language_has_a_question() -> None:
    names = Scenario.model_json_schema()["properties"]["checks"]["items"]["discriminator"]["mapping"]
    assert set(names) == set(QUESTIONS)


@pytest.mark.parametrize("check", sorted(QUESTIONS))
def test_a_history_without_data_passes_no_check(check: str) -> None:
    extra = {"max_mb": 1.0} if check == "memory" else {}
    empty = [Told(step["step"], {}) for step in STEPS if step["step"] not in {"install", "ready"}]
    steps = [{"step": step.kind} for step in empty]
    result = judge(history(*empty), scenario({"check": check} | extra, steps=steps))[1]
    assert (result.verdict, result.reason) == ("unknown", "nothing was recorded that could answer this")


@pytest.mark.parametrize("check", sorted(QUESTIONS))
def test_a_history_with_no_event_passes_no_check(check: str) -> None:
    extra = {"max_mb": 1.0} if check == "memory" else {}
    results = judge(history(), scenario({"check": check} | extra))
    assert (results[0].verdict, results[1].verdict) == ("error", "unknown")


def test_what_the_trial_did_not_reach_is_skipped() -> None:
    results = judge(history(install(), Told("start", {}, "failed", "no such program")), scenario())
    assert verdicts(results) == {
        "completed": "fail", "install": "pass", "health": "fail", "graceful-stop": "skipped",
    }  # fmt: skip
    assert results[-1].reason == "not reached: start was the last step"
    assert conclude(results) == ("fail", "health: no such program")


def test_a_step_that_the_lab_broke_off_is_an_error_and_not_a_failure() -> None:
    results = judge(history(install(), Told("start", {}, "error", "the engine died")), scenario())
    assert verdicts(results)["completed"] == "error"
    assert results[0].step == "02-start"
    assert conclude(results) == ("error", "completed: start: the engine died")


@pytest.mark.parametrize("outcome", ["running", "interrupted"])
def test_a_step_without_an_end_is_an_error(outcome: str) -> None:
    results = judge(history(install(), Told("start", {}, outcome)), scenario())
    assert (results[0].verdict, results[0].step) == ("error", "02-start")
    assert f"cut short ({outcome})" in results[0].reason


def test_a_history_that_ends_between_two_steps_is_an_error() -> None:
    results = judge(history(*GOOD[:3]), scenario(*CHECKS[:2]))
    assert verdicts(results) == {"completed": "error", "install": "pass", "health": "pass"}
    assert results[0].step == "04-stop"
    assert conclude(results)[0] == "error"


def test_trouble_before_the_first_step_is_an_error_and_not_a_missing_measurement() -> None:
    trouble = [{"t": 0.1, "event": "lab.error", "step": "", "message": "the engine does not answer"}]
    results = judge(history(more=trouble), scenario())
    assert verdicts(results) == {
        "completed": "error", "install": "skipped", "health": "skipped", "graceful-stop": "skipped",
    }  # fmt: skip
    assert conclude(results) == ("error", "completed: the engine does not answer")


def test_a_trial_that_was_told_to_stop_between_two_steps_is_an_error() -> None:
    results = judge(history(*GOOD, more=[{"t": 9.0, "event": "interrupted", "step": ""}]), scenario())
    assert (results[0].verdict, results[0].reason) == ("error", "the trial was interrupted")


def test_a_trial_that_had_to_end_early_passes_and_skips_the_rest() -> None:
    refused = Told("install", {"label": "0.2.0", "expected": "refusal", "python": "3.9.2"})
    end = [{"t": 2.0, "event": "ended-early", "step": "", "reason": "refused Python 3.9.2"}]
    results = judge(history(refused, more=end), scenario())
    assert verdicts(results) == {
        "completed": "pass", "install": "pass", "health": "skipped", "graceful-stop": "skipped",
    }  # fmt: skip
    assert results[-1].reason == "not reached: refused Python 3.9.2"
    assert conclude(results)[0] == "pass"


def test_a_check_that_crashes_is_an_error_and_the_others_still_answer() -> None:
    crashing = Told("stop", {"port_answers": False})
    results = judge(history(*GOOD[:3], crashing), scenario(CHECKS[2], CHECKS[0]))
    assert verdicts(results) == {"completed": "pass", "graceful-stop": "error", "install": "pass"}
    assert "the check itself broke: KeyError" in results[1].reason
    assert conclude(results)[0] == "error"


def test_a_step_that_failed_is_the_products_failure_even_if_no_check_asks() -> None:
    hook = Told("hook", {}, "failed", "the assertion did not hold")
    results = judge(history(install(), hook), scenario(CHECKS[0], steps=[STEPS[0], {"step": "hook", "call": "a.py:b"}]))
    assert conclude(results) == ("fail", "completed: hook: the assertion did not hold")


def test_a_failure_in_the_middle_is_not_forgotten_when_the_trial_goes_on() -> None:
    seeded = Told("seed", {"failures": ["x"], "actions": []}, "failed", "x: status 500")
    steps = [STEPS[0], {"step": "seed"}, {"step": "start"}]
    results = judge(history(install(), seeded, start()), scenario(CHECKS[0], steps=steps))
    assert (results[0].verdict, results[0].step) == ("fail", "02-seed")


def test_the_worst_finding_is_the_verdict_and_the_others_are_counted() -> None:
    failures = [ready("failed", "never healthy"), ready(), ready("failed", "exited")]
    results = judge(history(install(), *failures), scenario(CHECKS[1]))
    health = results[1]
    assert (health.verdict, health.step, health.reason) == ("fail", "02-ready", "never healthy (and 1 more)")
    assert len(health.findings) == 3


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (["pass", "unknown", "error", "fail"], "fail"),
        (["pass", "unknown", "error", "skipped"], "error"),
        (["pass", "unknown"], "unknown"),
        (["pass", "skipped"], "pass"),
        (["skipped"], "skipped"),
        ([], "unknown"),
    ],
)
def test_the_worst_verdict_counts_and_nothing_is_unknown(found: list[Verdict], verdict: Verdict) -> None:
    assert worst(found) == verdict


def test_the_reason_is_one_line_of_what_a_particular_check_says() -> None:
    results = [
        CheckResult(check="completed", verdict="fail", reason="ready: it did not"),
        CheckResult(check="health", verdict="fail", reason="\nexited with 1\nits last words"),
    ]
    assert conclude(results) == ("fail", "health: exited with 1")


def test_state_of_a_running_product_does_not_hide_a_missing_answer() -> None:
    results = judge(
        history(install(), start(), Told("ready", {"state": STATE})), scenario(*CHECKS[:2], steps=STEPS[:3])
    )
    assert verdicts(results) == {"completed": "pass", "install": "pass", "health": "unknown"}
    assert conclude(results)[0] == "unknown"


def test_a_step_that_this_cell_skips_came_to_its_end_and_answers_no_check() -> None:
    steps = [*STEPS, {"step": "watch", "until": "unhealthy"}]
    skipped = skip("watch", "this cell has no database server")
    results = judge(history(*GOOD, skipped), scenario(*CHECKS, {"check": "honest-health"}, steps=steps))
    assert verdicts(results)["completed"] == "pass"
    assert (results[-1].verdict, results[-1].reason) == ("skipped", "this cell has no database server")
    assert conclude(results) == ("pass", "4 checks passed")


def test_what_one_cell_skipped_and_measured_elsewhere_counts_as_measured() -> None:
    steps = [*STEPS, *({"step": "watch", "until": word} for word in ("unhealthy", "healthy"))]
    asked = scenario({"check": "honest-health"}, steps=steps)
    assert judge(history(*GOOD, skip("watch", "-"), watch("running")), asked)[1].verdict == "pass"
    assert judge(history(*GOOD, skip("watch", "-"), watch(reached=False)), asked)[1].verdict == "fail"


def test_a_trial_in_which_every_check_was_skipped_is_skipped_and_not_passed() -> None:
    steps = [*STEPS[:1], {"step": "refuse", "because": "database-stopped"}, {"step": "watch", "until": "unhealthy"}]
    told = history(install(), skip("refuse", "no server", cases=[]), skip("watch", "no server"))
    results = judge(told, scenario({"check": "refusal"}, {"check": "honest-health"}, steps=steps))
    assert verdicts(results) == {"completed": "pass", "refusal": "skipped", "honest-health": "skipped"}
    assert conclude(results) == ("skipped", "refusal: no server")


def test_a_skipped_step_before_the_end_of_the_history_does_not_hide_that_it_breaks_off() -> None:
    steps = [*STEPS[:2], {"step": "watch", "until": "unhealthy"}, {"step": "ready"}]
    results = judge(history(install(), start(), skip("watch", "-")), scenario(CHECKS[0], steps=steps))
    assert (results[0].verdict, results[0].step) == ("error", "04-ready")


def test_steps_that_the_lab_broke_off_leave_checks_unanswered_and_the_trial_an_error() -> None:
    lost = Told("watch", watch(reached=False).facts, "error", "the lab's own containers do not run any more")
    checks = [{"check": "honest-health"}, {"check": "refusal"}]
    results = judge(
        history(install(), lost), scenario(*checks, steps=[STEPS[0], {"step": "watch", "until": "healthy"}])
    )
    assert verdicts(results) == {"completed": "error", "honest-health": "skipped", "refusal": "skipped"}
    assert conclude(results)[0] == "error"


@pytest.mark.parametrize("kind", ["watch", "refuse", "exercise", "setup", "stop"])
def test_a_step_without_any_facts_passes_no_check_and_breaks_none_of_the_new_ones(kind: str) -> None:
    asked = scenario(*({"check": name} for name in ("honest-health", "refusal", "exercise", "orphans", "install")))
    below_init = Told("start", {}, parameters={"under_init": True})
    results = judge(history(below_init, Told(kind, {})), asked)
    assert {result.verdict for result in results[1:]} == {"unknown"}


def test_an_empty_list_of_cases_beside_a_good_one_is_not_overlooked() -> None:
    steps = [{"step": "refuse", "because": "missing-setting"}] * 2
    results = judge(history(refuse(), skip("refuse", "-")), scenario({"check": "refusal"}, steps=steps))
    assert results[1].verdict == "unknown"

import pytest

from lab.checks.health import health
from lab.scenario.checks import HealthCheck

from .histories import GONE, STATE, Facts, Told, history, only, ready, start, told

CHECK = HealthCheck(check="health")


def test_a_product_that_answered_healthy_often_enough_passes_at_each_start() -> None:
    findings = health(history(start(), ready(), start(), ready(seconds_to_ready=1.25)), CHECK)
    assert told(findings) == [("pass", "02-ready"), ("pass", "04-ready")]
    assert findings[1].reason == "healthy 3 times in a row, ready after 1.25 s"


def test_a_product_that_never_became_healthy_fails_with_the_last_answer() -> None:
    reason = "/health was not as promised 3 times in a row within 60 s (9 probes); last: status 503"
    found = only(health(history(start(), ready("failed", reason)), CHECK))
    assert (found.verdict, found.step, found.reason) == ("fail", "02-ready", reason)


def test_a_product_that_is_healthy_only_before_the_upgrade_fails() -> None:
    findings = health(history(ready(), Told("upgrade", {}), ready("failed", "the product exited with code 1")), CHECK)
    assert told(findings) == [("pass", "01-ready"), ("fail", "03-ready")]


def test_a_product_that_could_not_be_started_fails_at_the_start() -> None:
    found = only(health(history(Told("start", {}, "failed", "no such program")), CHECK))
    assert (found.verdict, found.step, found.reason) == ("fail", "01-start", "no such program")


def test_a_start_that_went_well_is_no_health() -> None:
    assert health(history(start()), CHECK) == []


def test_without_a_health_endpoint_nothing_is_known() -> None:
    found = only(health(history(Told("ready", {"asked": False})), CHECK))
    assert (found.verdict, found.reason) == ("unknown", "the definition names no health endpoint")


def test_an_answer_while_the_product_does_not_run_comes_from_something_else() -> None:
    found = only(health(history(ready(state=GONE)), CHECK))
    assert found.verdict == "fail"
    assert "was not running" in found.reason


@pytest.mark.parametrize(
    "facts",
    [{"in_row": 2}, {"consecutive": None}, {"seconds_to_ready": None}, {"state": {}}],
)
def test_a_measurement_that_is_missing_is_unknown(facts: Facts) -> None:
    assert only(health(history(ready(**facts)), CHECK)).verdict == "unknown"


def test_a_ready_step_without_facts_is_unknown() -> None:
    assert only(health(history(Told("ready", {})), CHECK)).verdict == "unknown"


def test_more_answers_than_wanted_are_enough() -> None:
    assert only(health(history(ready(in_row=4, state=STATE)), CHECK)).verdict == "pass"


def test_a_wait_that_the_lab_cut_short_is_no_verdict() -> None:
    assert health(history(Told("ready", {"in_row": 3, "consecutive": 3}, "interrupted")), CHECK) == []

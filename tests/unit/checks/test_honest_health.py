import pytest

from lab.checks.honest_health import honest_health
from lab.records.model import Finding
from lab.scenario.checks import HonestHealthCheck

from .histories import GONE, Facts, Told, done, history, only, skip, told, watch

CHECK = HonestHealthCheck(check="honest-health")


def judged(step: Told) -> Finding:
    return only(honest_health(history(step), CHECK))


def test_a_product_that_says_so_and_recovers_passes() -> None:
    findings = honest_health(history(watch(requests=[done("sessions")]), watch("running")), CHECK)
    assert told(findings) == [("pass", "01-watch"), ("pass", "02-watch")]
    assert findings[0].reason == ("no longer healthy 0.4 s after its database was stopped (status 503 instead of 200)")
    assert findings[1].reason == "healthy again 0.4 s after its database was back"


def test_a_product_that_says_to_be_healthy_without_its_database_fails() -> None:
    found = judged(watch(reached=False, asked=90, last_at=15.1, last_problem=""))
    assert (found.verdict, found.step) == ("fail", "01-watch")
    assert found.reason == ("answered healthy for 15 s while its database was stopped (90 answers; the last: healthy)")


def test_a_product_that_cannot_make_up_its_mind_did_not_say_so() -> None:
    found = judged(watch(reached=False, asked=90, last_at=15.1))
    assert found.verdict == "fail"
    assert "the last: status 503" in found.reason


def test_a_product_that_ends_when_its_database_goes_is_honest() -> None:
    found = judged(watch(state=GONE | {"exit_code": 1}))
    assert (found.verdict, found.reason) == ("pass", "ended with exit code 1 when its database was stopped")


def test_each_request_that_was_not_answered_as_promised_fails_by_its_name() -> None:
    requests = [done("sessions", "status 200 instead of 503"), done("run"), done("list", "status 500 instead of 503")]
    findings = honest_health(history(watch(requests=requests)), CHECK)
    assert [finding.verdict for finding in findings] == ["pass", "fail", "fail"]
    assert findings[1].reason == "while its database was stopped: sessions: status 200 instead of 503"
    assert "list: status 500" in findings[2].reason


def test_a_product_that_does_not_recover_fails_with_its_last_answer() -> None:
    found = judged(watch("running", reached=False, last_problem="status 503 instead of 200"))
    assert (found.verdict, found.step) == ("fail", "01-watch")
    assert found.reason == "not healthy again within 15 s of its database's return: status 503 instead of 200"


def test_a_product_that_had_ended_when_the_database_came_back_fails_with_its_exit_code() -> None:
    reason = "the product had ended with exit code 1"
    found = judged(watch("running", "failed", reason, reached=False, state=GONE))
    assert found.verdict == "fail"
    assert reason in found.reason


def test_an_answer_while_the_product_does_not_run_is_no_recovery() -> None:
    assert judged(watch("running", state=GONE)).verdict == "fail"


@pytest.mark.parametrize(("database", "until"), [("stopped", "healthy"), ("running", "unhealthy")])
def test_a_watch_that_waits_for_the_wrong_answer_is_no_pass(database: str, until: str) -> None:
    found = judged(watch(database, until=until))
    assert found.verdict == "unknown"
    assert f"until {until} while its database was {database}" in found.reason


@pytest.mark.parametrize("missing", ["database", "until", "asked", "reached", "state"])
def test_a_measurement_that_is_missing_is_unknown(missing: str) -> None:
    step = watch()
    del step.facts[missing]
    assert judged(step).verdict == "unknown"


def test_a_product_that_was_never_asked_said_nothing() -> None:
    assert judged(watch(asked=0)).verdict == "unknown"


def test_a_cell_without_a_server_is_skipped_and_not_passed() -> None:
    for facts in ({}, {"database": "running", "reached": True}):
        found = judged(skip("watch", "no database server", **facts))
        assert (found.verdict, found.reason) == ("skipped", "no database server")


@pytest.mark.parametrize("outcome", ["error", "interrupted", "running"])
def test_a_watch_that_the_lab_did_not_finish_says_nothing(outcome: str) -> None:
    facts: Facts = watch(reached=False).facts
    assert honest_health(history(Told("watch", facts, outcome)), CHECK) == []

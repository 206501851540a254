from typing import Any

import pytest

from lab.checks.graceful_stop import graceful_stop
from lab.records.model import Finding
from lab.scenario.checks import GracefulStopCheck

from .histories import GONE, STATE, Told, flight, history, only, stop, told

CHECK = GracefulStopCheck(check="graceful-stop")


def judged(step: Told) -> Finding:
    return only(graceful_stop(history(Told("ready", {}), step), CHECK))


def test_a_stop_that_kept_every_promise_passes() -> None:
    found = judged(stop())
    assert (found.verdict, found.step) == ("pass", "02-stop")
    assert found.reason == "by signal: exit code 0 after 1.20 s, the request in flight answered 200"


def test_a_stop_without_a_request_in_flight_passes_where_none_was_wanted() -> None:
    assert judged(stop(flying=False)).reason == "by signal: exit code 0 after 1.20 s"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"killed": True, "seconds": 20.1}, "still running 20 s after signal; it took SIGKILL"),
        ({"seconds": 20.4}, "took 20.4 s, its budget is 20 s"),
        ({"after": GONE | {"exit_code": 1}}, "exit code 1 instead of 0"),
        ({"after": GONE | {"exit_code": 137}}, "exit code 137 instead of 0"),
        ({"promised_exit_codes": [1, 143]}, "exit code 0 instead of 1 or 143"),
        ({"after": GONE | {"oom_killed": True}}, "ended by the kernel for want of memory"),
        ({"port_answers": True}, "something still answers on the port"),
        ({"request_problem": "status 404 instead of 202"}, "the stop request was not taken: status 404 instead of 202"),
        ({"before": GONE}, "the product was not running before the stop"),
        ({"in_flight": flight(status=None, problem="ReadError")}, "the request in flight was dropped: ReadError"),
        (
            {"in_flight": flight(arrived=False, status=500, problem="status 500 instead of 200")},
            "POST /run never got to where the lab holds it up, so no request was in flight",
        ),
    ],
)
def test_each_broken_promise_fails_by_its_name(broken: dict[str, Any], reason: str) -> None:
    found = judged(stop(**broken))
    assert (found.verdict, found.step, found.reason) == ("fail", "02-stop", reason)


def test_every_broken_promise_is_named() -> None:
    findings = graceful_stop(history(stop(killed=True, seconds=20.1, port_answers=True)), CHECK)
    assert [finding.verdict for finding in findings] == ["fail", "fail"]


@pytest.mark.parametrize("exit_code", [1, 143])
def test_any_promised_exit_code_will_do(exit_code: int) -> None:
    assert judged(stop(promised_exit_codes=[1, 143], after=GONE | {"exit_code": exit_code})).verdict == "pass"


@pytest.mark.parametrize(
    ("promised", "status", "verdict"),
    [
        ("clean-error", 503, "pass"),
        ("clean-error", 500, "pass"),
        ("clean-error", 404, "fail"),
        ("clean-error", None, "fail"),
        ("complete", 503, "fail"),
    ],
)
def test_a_clean_error_is_enough_only_where_that_was_promised(promised: str, status: int | None, verdict: str) -> None:
    answered = flight(status=status, problem="not as expected")
    assert judged(stop(promised_in_flight=promised, in_flight=answered)).verdict == verdict


def test_a_product_that_had_ended_before_the_stop_fails_with_its_exit_code() -> None:
    reason = "the product was not running before the stop: it had exited with code 3"
    found = judged(Told("stop", {"way": "signal", "before": GONE}, "failed", reason))
    assert (found.verdict, found.step, found.reason) == ("fail", "02-stop", reason)


def test_a_request_in_flight_that_was_wanted_and_is_not_defined_is_unknown() -> None:
    wanted = stop(flying=False)
    found = judged(Told("stop", wanted.facts, parameters={"in_flight": True}))
    assert (found.verdict, found.reason) == ("unknown", "the definition names no request to be in flight")


def test_a_request_that_had_ended_before_the_stop_was_not_in_flight() -> None:
    found = judged(stop(in_flight=flight(answered_after_stop=-0.1)))
    assert (found.verdict, found.reason) == ("unknown", "the request in flight had ended before the stop began")


def test_a_request_whose_end_was_not_recorded_is_unknown() -> None:
    found = judged(stop(in_flight={"arrived": True, "request": "POST /run"}))
    assert found.verdict == "unknown"
    assert "not recorded what became" in found.reason


def test_an_exit_code_that_nobody_knows_is_unknown() -> None:
    found = judged(stop(after=GONE | {"exit_code": None}))
    assert (found.verdict, found.reason) == ("unknown", "the environment does not tell the exit code")


def test_a_product_that_the_lab_killed_before_its_budget_ended_broke_no_promise() -> None:
    cut = flight(status=None, problem="ReadError")
    found = judged(stop(killed=True, seconds=6.1, after=GONE | {"exit_code": 137}, in_flight=cut))
    assert found.verdict == "unknown"
    assert "killed it after 6.1 s, before its budget of 20 s" in found.reason


def test_each_stop_is_judged() -> None:
    findings = graceful_stop(history(stop(), stop(port_answers=True), stop()), CHECK)
    assert told(findings) == [("pass", "01-stop"), ("fail", "02-stop"), ("pass", "03-stop")]


def test_a_stop_that_the_lab_could_not_watch_to_its_end_is_no_finding() -> None:
    facts = {"way": "signal", "before": STATE, "killed": False, "after": GONE}
    for outcome in ("error", "interrupted", "running"):
        assert graceful_stop(history(Told("stop", facts, outcome)), CHECK) == []
    assert graceful_stop(history(Told("start", {})), CHECK) == []


def test_a_request_that_was_answered_before_it_was_seen_under_way_shows_nothing() -> None:
    found = judged(stop(in_flight=flight(arrived=False)))
    assert found.verdict == "unknown"
    assert found.reason == "the request was answered before it could be seen that it was under way"


def test_a_request_that_nothing_could_hold_up_is_unknown() -> None:
    found = judged(stop(in_flight={"request": "PUT /x", "arrived": False, "unheld": "there is no database server"}))
    assert (found.verdict, found.reason) == ("unknown", "no request was in flight: there is no database server")

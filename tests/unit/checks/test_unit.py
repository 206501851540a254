import pytest

from lab.checks.unit import unit
from lab.scenario.checks import UnitCheck

from .histories import GONE, STATE, Facts, Told, history, only, ready, start, stop, told

CHECK = UnitCheck(check="unit")
UP = {"active_state": "active", "sub_state": "running", "result": "success", "n_restarts": 0, "exec_main_code": 0,
      "exec_main_status": 0, "enabled": "enabled"}  # fmt: skip
DOWN = UP | {"active_state": "inactive", "sub_state": "dead", "exec_main_code": 1}


def up(**changed: object) -> Facts:
    return STATE | {"unit": UP | changed}


def down(**changed: object) -> Facts:
    return GONE | {"unit": DOWN | changed}


def test_a_unit_that_comes_up_and_ends_well_passes() -> None:
    machine: Facts = {"words": ["Stopped product.service", "Started product.service"], "exit_code": 0}
    steps = [start(), ready(state=up()), Told("restart", {"state": up()}),
             Told("reboot", {"state": up(), "machine": machine}), ready(state=up()), stop(after=down())]  # fmt: skip
    findings = unit(history(*steps), CHECK)
    assert [finding.verdict for finding in findings] == ["pass"] * 5


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([], ["helper.service"], "fail"),
        (["quotaon.service"], ["quotaon.service"], "pass"),
        (["quotaon.service"], ["helper.service", "quotaon.service"], "fail"),
    ],
)
def test_a_unit_that_fails_when_the_machine_comes_up_fails_unless_it_did_so_before(
    before: list[str], after: list[str], verdict: str
) -> None:
    made = Told("prepare", {"boot": {"failed_units": before}})
    found = only(unit(history(made, Told("reboot", {"state": up(), "machine": {"failed_units": after}})), CHECK))
    assert found.verdict == verdict
    assert ("helper.service" in found.reason) == (verdict == "fail")
    assert "quotaon" not in found.reason


def test_a_unit_whose_command_cannot_be_executed_fails_at_its_start() -> None:
    broken = Told("start", {}, "failed", "'/usr/local/bin/serve' cannot be executed: status=203/EXEC")
    found = only(unit(history(broken), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-start")
    assert "203/EXEC" in found.reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_restarts": 2, "result": "timeout"}, "restarted it 2 times, result 'timeout'"),
        ({"active_state": "activating", "sub_state": "auto-restart", "result": "exit-code", "exec_main_code": 1,
          "exec_main_status": 3}, "about to start it again, result 'exit-code'; its process ended with exit code 3"),
        ({"active_state": "failed", "sub_state": "failed", "result": "exit-code"}, "the unit is failed"),
    ],
)  # fmt: skip
def test_a_unit_that_does_not_stay_up_fails(changed: Facts, said: str) -> None:
    found = only(unit(history(ready("failed", "it exited", state=up(**changed))), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-ready")
    assert said in found.reason


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"after": down(result="exit-code", exec_main_status=3)}, "a failure: result 'exit-code'"),
        ({"after": down(active_state="failed", result="timeout")}, "a failure: result 'timeout'"),
        ({"after": down(sub_state="auto-restart", active_state="activating")}, "about to start it again"),
        ({"after": down(n_restarts=1)}, "restarted it 1 times"),
        ({"after": down(result="signal"), "killed": True, "seconds": 20.1}, "had to be killed after 20.1 s"),
    ],
)
def test_an_end_that_systemd_calls_no_success_fails(facts: Facts, said: str) -> None:
    found = only(unit(history(stop(**facts)), CHECK))
    assert found.verdict == "fail"
    assert said in found.reason


def test_a_stop_that_failed_while_the_machine_went_down_is_seen_in_what_systemd_said() -> None:
    machine = {"words": ["product.service: Failed with result 'timeout'."]}
    found = only(unit(history(Told("reboot", {"state": up(), "machine": machine})), CHECK))
    assert found.verdict == "fail"
    assert "while the machine went down" in found.reason


def test_a_unit_that_does_not_come_up_with_the_machine_fails() -> None:
    state = down(exec_main_code=0, enabled="disabled")
    findings = unit(history(Told("reboot", {"state": state, "machine": {"words": []}}, "failed", "it did not")), CHECK)
    assert {finding.verdict for finding in findings} == {"fail"}
    assert any("it is disabled" in finding.reason for finding in findings)


def test_where_no_systemd_runs_the_product_nothing_is_known() -> None:
    assert told(unit(history(start(), ready(), stop()), CHECK)) == [("unknown", "02-ready"), ("unknown", "03-stop")]


def test_what_was_skipped_or_not_seen_says_nothing() -> None:
    skipped = Told("reboot", {}, "skipped", "no service manager runs the product here")
    assert unit(history(skipped, Told("ready", {}, "error", "the engine died")), CHECK) == []

import pytest

from lab.checks.orphans import orphans
from lab.scenario.checks import OrphansCheck

from .histories import GONE, STATE, Facts, Told, history, only, start, stop, told

CHECK = OrphansCheck(check="orphans")
BELOW_INIT = Told("start", {"state": STATE}, parameters={"under_init": True})


def test_a_product_that_takes_its_processes_with_it_passes() -> None:
    found = only(orphans(history(BELOW_INIT, stop(left_behind=[])), CHECK))
    assert (found.verdict, found.step, found.reason) == ("pass", "02-stop", "no process was left behind")


def test_processes_that_outlive_it_fail_with_their_command_lines() -> None:
    found = only(orphans(history(BELOW_INIT, stop(left_behind=["mcp-files --root /srv", "sleep 60"])), CHECK))
    assert (found.verdict, found.step) == ("fail", "02-stop")
    assert found.reason == "2 processes left behind: mcp-files --root /srv; sleep 60"


def test_only_a_stop_below_an_init_can_tell() -> None:
    assert orphans(history(start(), stop(left_behind=None)), CHECK) == []
    findings = orphans(history(BELOW_INIT, stop(left_behind=[]), start(), stop(left_behind=None)), CHECK)
    assert told(findings) == [("pass", "02-stop")]


@pytest.mark.parametrize("facts", [{}, {"left_behind": None}])
def test_what_nobody_watched_is_unknown(facts: Facts) -> None:
    assert only(orphans(history(BELOW_INIT, stop(**facts)), CHECK)).verdict == "unknown"
    assert only(orphans(history(BELOW_INIT, Told("stop", facts)), CHECK)).verdict == "unknown"


def test_a_product_that_took_sigkill_could_not_take_anything_with_it() -> None:
    for left in (["sleep 60"], []):
        found = only(orphans(history(BELOW_INIT, stop(killed=True, left_behind=left)), CHECK))
        assert found.verdict == "unknown"
        assert "SIGKILL" in found.reason


def test_a_product_that_had_ended_before_its_stop_is_unknown() -> None:
    ended = Told("stop", {"before": GONE}, "failed", "the product was not running before the stop")
    found = only(orphans(history(BELOW_INIT, ended), CHECK))
    assert found.verdict == "unknown"
    assert "was not running" in found.reason


@pytest.mark.parametrize("outcome", ["error", "interrupted", "running"])
def test_a_stop_that_the_lab_did_not_see_to_its_end_says_nothing(outcome: str) -> None:
    broken = Told("stop", stop(left_behind=["sleep 60"]).facts, outcome)
    assert orphans(history(BELOW_INIT, broken), CHECK) == []

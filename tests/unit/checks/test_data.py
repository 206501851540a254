import pytest

from lab.checks.data import data
from lab.scenario.checks import DataCheck

from .histories import Told, done, history, only, skip, told, verify

CHECK = DataCheck(check="data")
BEFORE = done("server", command=["run", "--fast"], enabled=True)


def test_data_that_reads_back_the_same_passes() -> None:
    findings = data(history(verify(BEFORE), verify(BEFORE, version="0.2.0", acknowledged=[done("answer")])), CHECK)
    assert told(findings) == [("pass", "01-verify"), ("pass", "02-verify")]
    assert findings[1].reason == "1 items and 1 acknowledged read back the same"


def test_a_seed_that_failed_fails_at_the_seed() -> None:
    seed = Told("seed", {"actions": [done("one"), done("two", "status 500 instead of 201")]}, "failed")
    found = only(data(history(seed), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-seed")
    assert found.reason == "seeding failed: two: status 500 instead of 201"


def test_what_cannot_be_read_back_fails() -> None:
    findings = data(history(verify(BEFORE), verify(done("server", "status 404 instead of 200"))), CHECK)
    assert told(findings) == [("pass", "01-verify"), ("fail", "02-verify")]
    assert "server: status 404" in findings[1].reason


def test_a_changed_value_fails_and_both_values_are_named() -> None:
    after = done("server", command=["run"], enabled=True)
    found = data(history(verify(BEFORE), verify(after)), CHECK)[-1]
    assert (found.verdict, found.step) == ("fail", "02-verify")
    assert found.reason == "server: command was ['run', '--fast'] and is ['run']"


def test_a_value_that_is_gone_fails() -> None:
    found = data(history(verify(BEFORE), verify(done("server", command=["run", "--fast"]))), CHECK)[-1]
    assert found.verdict == "fail"
    assert "enabled was True and is None" in found.reason


@pytest.mark.parametrize(("was", "now"), [(True, 1), ([False], [0]), ({"a": True}, {"a": 1}), ("1", 1), (5, "5")])
def test_a_value_of_another_type_is_another_value(was: object, now: object) -> None:
    findings = data(history(verify(done("x", value=was)), verify(done("x", value=now))), CHECK)
    assert told(findings)[-1] == ("fail", "02-verify")


def test_an_order_that_changed_is_a_change() -> None:
    findings = data(history(verify(done("x", all=[1, 2])), verify(done("x", all=[2, 1]))), CHECK)
    assert told(findings)[-1] == ("fail", "02-verify")


def test_an_acknowledged_answer_that_is_gone_fails() -> None:
    lost = [done("the answer is stored", "messages.# is 0 instead of 2")]
    findings = data(history(verify(BEFORE), verify(BEFORE, acknowledged=lost)), CHECK)
    assert told(findings) == [("pass", "01-verify"), ("fail", "02-verify")]
    assert "acknowledged before the stop and is gone" in findings[1].reason


def test_every_later_reading_is_compared_with_the_first() -> None:
    readings = [verify(done("x", n=1)), verify(done("x", n=1)), verify(done("x", n=2)), verify(done("x", n=2))]
    assert [verdict for verdict, _ in told(data(history(*readings), CHECK))] == ["pass", "pass", "fail", "fail"]


def test_what_the_new_version_is_not_asked_for_is_unknown() -> None:
    findings = data(history(verify(BEFORE), verify(done("other"), version="0.2.0")), CHECK)
    assert told(findings)[-1] == ("unknown", "02-verify")
    assert findings[-1].reason == "version 0.2.0 is not asked for 'server'"


def test_a_path_that_leads_nowhere_twice_shows_nothing() -> None:
    findings = data(history(verify(done("x", good=1, typo=None)), verify(done("x", good=1, typo=None))), CHECK)
    assert {finding.verdict for finding in findings} == {"unknown"}
    assert "nothing to compare as typo" in findings[0].reason


def test_nothing_read_is_no_pass() -> None:
    assert data(history(Told("seed", {"actions": []}), verify(), verify()), CHECK) == []


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_reading_that_was_made_and_not_recorded_is_unknown(outcome: str) -> None:
    findings = data(history(verify(BEFORE), Told("verify", {}, outcome), verify(BEFORE)), CHECK)
    assert told(findings) == [("pass", "01-verify"), ("unknown", "02-verify"), ("pass", "03-verify")]


def test_a_reading_that_is_skipped_says_nothing() -> None:
    assert told(data(history(verify(BEFORE), skip("verify", "the trial is over")), CHECK)) == [("pass", "01-verify")]


def test_a_reading_that_the_lab_could_not_make_is_no_finding() -> None:
    assert data(history(Told("verify", {"version": "0.1.4"}, "error", "the engine died")), CHECK) == []

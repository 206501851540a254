"""What a second installation may change, which is nothing, on histories made by hand."""

from typing import Any

import pytest

from lab.checks.unchanged import unchanged
from lab.scenario.checks import UnchangedCheck

from .histories import Told, done, history, inspect, ledger, only, table, told, verify

CHECK = UnchangedCheck(check="unchanged")
FILE = {"/etc/product/a": "sha256:1"}


def again(outcome: str = "done", reason: str = "", **facts: Any) -> Told:
    known: dict[str, Any] = {
        "added": [],
        "changed": [],
        "removed": [],
        "configuration_before": FILE,
        "configuration_after": FILE,
    }
    known |= {"tables_before": {"a": "1 rows"}, "tables_after": {"a": "1 rows"}, "has_database": True}
    return Told("reinstall", known | facts, outcome, reason)


def test_a_second_installation_that_changes_nothing_passes() -> None:
    assert only(unchanged(history(again()), CHECK)).verdict == "pass"


@pytest.mark.parametrize(
    "facts",
    [
        {"added": ["/opt/product/x"]},
        {"changed": ["/opt/product/x"]},
        {"removed": ["/opt/product/x"]},
        {"configuration_after": {"/etc/product/a": ""}},
        {"tables_after": {"a": "0 rows"}},
        {"tables_after": {}},
    ],
)
def test_whatever_it_changes_breaks_the_promise(facts: dict[str, Any]) -> None:
    assert only(unchanged(history(again(**facts)), CHECK)).verdict == "fail"


def test_what_was_not_recorded_is_unknown() -> None:
    assert only(unchanged(history(Told("reinstall", {})), CHECK)).verdict == "unknown"
    assert only(unchanged(history(again(truncated=True)), CHECK)).verdict == "unknown"
    assert only(unchanged(history(again(tables_after=None)), CHECK)).verdict == "unknown"
    assert only(unchanged(history(again(tables_after=None, has_database=False)), CHECK)).verdict == "pass"


def test_an_installer_that_fails_over_its_own_work_breaks_the_promise() -> None:
    assert only(unchanged(history(again("failed", "no")), CHECK)).verdict == "fail"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (verify(done("a", text="x")), verify(done("a", text="y"))),
        (verify(done("a", text="x")), verify(done("a", "404"))),
        (ledger(t=table(1, 2)), ledger(t=table(1))),
        (ledger(t=table(1, 2)), ledger()),
        (inspect(installed_content="1"), inspect(installed_content="2")),
        (inspect("0.1.4"), inspect("0.2.0")),
    ],
)
def test_what_the_first_look_afterwards_misses_breaks_the_promise(before: Told, after: Told) -> None:
    assert told(unchanged(history(before, again(), after), CHECK)) == [
        ("pass", "02-reinstall"), ("fail", f"03-{after.kind}"),
    ]  # fmt: skip
    assert told(unchanged(history(before, after, again()), CHECK)) == [("pass", "03-reinstall")]


def test_rows_that_came_later_are_no_change_by_the_installer() -> None:
    assert len(unchanged(history(ledger(t=table(1)), again(), ledger(t=table(1, 2))), CHECK)) == 1

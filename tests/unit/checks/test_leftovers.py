"""What uninstalling may leave behind, on histories made by hand."""

from typing import Any

import pytest

from lab.checks.leftovers import leftovers
from lab.records.model import Finding
from lab.scenario.checks import LeftoversCheck

from .histories import Told, history, only

CHECK = LeftoversCheck(check="leftovers")
CLEAN: dict[str, Any] = {"configuration and data": 2, "files": [], "ports": [], "processes": []}


def uninstall(outcome: str = "done", reason: str = "", **facts: Any) -> Told:
    known = {"stayed": CLEAN, "exempt": [], "purge": False, "unseen": [], "lost": [], "looked": ["the volumes"]}
    return Told("uninstall", known | facts, outcome, reason)


def judged(told: Told) -> Finding:
    return only(leftovers(history(told), CHECK))


def test_configuration_and_data_may_stay() -> None:
    found = judged(uninstall())
    assert found.verdict == "pass"
    assert found.reason == "nothing stayed but configuration and data (looked at the volumes)"


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("files", ["/opt/x"], "1 file stayed that the installation had brought: /opt/x"),
        ("accounts", ["lab"], "the account lab is still there"),
        ("units", ["/etc/systemd/system/a.service"], "the unit /etc/systemd/system/a.service is still there"),
        ("ports", ["8881"], "port 8881 is still listened on"),
        ("processes", ["sh -c x"], "'sh -c x' still runs"),
    ],
)
def test_anything_else_that_stays_breaks_the_promise(part: str, value: list[str], said: str) -> None:
    found = judged(uninstall(stayed=CLEAN | {part: value}))
    assert (found.verdict, found.reason) == ("fail", said)


def test_a_file_that_is_exempt_may_stay_and_its_reason_is_told() -> None:
    exempt = [{"path": "/opt/*.log", "reason": "the log is evidence"}]
    found = judged(uninstall(stayed=CLEAN | {"files": ["/opt/a/b.log"]}, exempt=exempt))
    assert found.verdict == "pass"
    assert found.reason.endswith("; 1 file as is allowed: /opt/*.log (the log is evidence)")


def test_files_that_the_step_found_to_be_exempt_are_told_by_their_number() -> None:
    exempt = [{"path": "/opt/*.log", "reason": "the log is evidence", "used": 100}]
    found = judged(uninstall(exempt=exempt))
    assert found.verdict == "pass"
    assert found.reason.endswith("; 100 files as is allowed: /opt/*.log (the log is evidence)")


def test_an_exemption_that_matches_nothing_is_told_and_exempts_nothing() -> None:
    exempt = [{"path": "/opt/[a].log", "reason": "r"}]
    assert "nothing that had to be allowed: /opt/[a].log" in judged(uninstall(exempt=exempt)).reason
    assert judged(uninstall(stayed=CLEAN | {"files": ["/opt/a.log"]}, exempt=exempt)).verdict == "fail"


def test_data_that_vanish_break_the_promise_unless_it_purges() -> None:
    assert judged(uninstall(lost=["/var/lib/product/a.db"])).verdict == "fail"
    emptied = CLEAN | {"configuration and data": 0}
    assert judged(uninstall(lost=["/var/lib/product/a.db"], purge=True, stayed=emptied)).verdict == "pass"
    assert judged(uninstall(purge=True)).verdict == "fail"


def test_what_nobody_saw_is_unknown() -> None:
    assert judged(uninstall(unseen=["processes"])).verdict == "unknown"
    assert judged(uninstall(truncated=True)).verdict == "unknown"
    assert judged(Told("uninstall", {"purge": False})).verdict == "unknown"


def test_accounts_and_units_that_cannot_be_seen_are_named() -> None:
    assert "not at accounts and units" in judged(uninstall(unseen=["accounts", "units"])).reason


def test_an_uninstall_that_fails_is_the_products_failure_and_one_that_is_skipped_is_none() -> None:
    assert judged(Told("uninstall", {}, "failed", "cannot be deleted")).verdict == "fail"
    assert judged(uninstall(failures=["the documented step ended with exit code 1"])).verdict == "fail"
    assert judged(Told("uninstall", {}, "skipped", "an image")).verdict == "skipped"

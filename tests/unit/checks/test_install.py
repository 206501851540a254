from lab.checks.install import install
from lab.scenario.model import InstallCheck

from .histories import Told, history, only, told, upgrade
from .histories import install as installed

CHECK = InstallCheck(check="install")


def test_an_installation_and_an_upgrade_that_ended_well_pass() -> None:
    findings = install(history(installed(), upgrade(documented_steps=[{}, {}])), CHECK)
    assert told(findings) == [("pass", "01-install"), ("pass", "02-upgrade")]
    assert [finding.reason for finding in findings] == ["0.1.4 installed", "0.2.0 installed, with 2 documented steps"]


def test_an_installer_that_failed_fails_with_its_last_words() -> None:
    found = only(install(history(Told("install", {}, "failed", "the installer failed:\nno such package")), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-install")
    assert "no such package" in found.reason


def test_a_documented_upgrade_step_that_failed_fails_at_the_upgrade() -> None:
    failures = ["the documented upgrade step 'migrate' ended with 1: boom"]
    findings = install(history(installed(), upgrade("failed", failures[0], failures=failures)), CHECK)
    assert told(findings) == [("pass", "01-install"), ("fail", "02-upgrade")]
    assert "'migrate' ended with 1" in findings[1].reason


def test_a_refusal_that_had_to_come_passes() -> None:
    refused = Told("install", {"label": "0.2.0", "expected": "refusal", "python": "3.9.2", "clean_refusal": True})
    found = only(install(history(refused), CHECK))
    assert found.verdict == "pass"
    assert "refused Python 3.9.2" in found.reason


def test_an_installer_that_accepts_an_excluded_python_fails() -> None:
    accepted = Told("install", {"expected": "refusal", "python": "3.9.2"}, "failed", "the installer accepted 3.9.2")
    assert only(install(history(accepted), CHECK)).verdict == "fail"


def test_a_refusal_that_the_lab_could_not_watch_is_no_refusal() -> None:
    for outcome in ("error", "interrupted"):
        broken = Told("install", {"expected": "refusal", "python": "3.9.2"}, outcome, "the index did not answer")
        assert install(history(broken), CHECK) == []


def test_an_error_of_the_lab_is_no_verdict_on_the_installer() -> None:
    assert install(history(Told("install", {}, "error", "no space"), Told("upgrade", {}, "running")), CHECK) == []

from lab.checks.install import install
from lab.scenario.checks import InstallCheck

from .histories import Facts, Told, history, only, skip, told, upgrade
from .histories import install as installed

CHECK = InstallCheck(check="install")


def test_an_installation_and_an_upgrade_that_ended_well_pass() -> None:
    findings = install(
        history(installed(), upgrade(extra_steps=[{"documented": "README"}, {"documented": "README"}])), CHECK
    )
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


def test_steps_before_the_first_start_are_counted_and_workarounds_are_told() -> None:
    taken = [{"documented": "README.md", "exit_code": 0}, {"undocumented": "no user can be made", "exit_code": 0}]
    findings = install(history(installed(), Told("setup", {"label": "0.1.4", "extra_steps": taken})), CHECK)
    assert told(findings) == [("pass", "01-install"), ("pass", "02-setup")]
    said = "0.1.4 set up, with 1 documented steps and an undocumented step, without which no user can be made"
    assert findings[1].reason == said


def test_a_documented_step_before_the_first_start_that_failed_fails_there() -> None:
    failure = "the documented step 'product migrate' (README.md) ended with exit code 1: boom"
    facts = {"label": "0.1.4", "extra_steps": [{"exit_code": 1}], "failures": [failure]}
    findings = install(history(installed(), Told("setup", facts, "failed", failure)), CHECK)
    assert told(findings) == [("pass", "01-install"), ("fail", "02-setup")]
    assert findings[1].reason == failure


def test_a_definition_without_such_steps_is_no_pass_for_them() -> None:
    findings = install(history(installed(), skip("setup", "the definition names no step")), CHECK)
    assert told(findings) == [("pass", "01-install")]
    assert install(history(skip("setup", "the definition names no step")), CHECK) == []


def test_steps_before_the_first_start_that_left_no_record_are_unknown() -> None:
    nothing: list[Facts] = [{}, {"extra_steps": []}]
    for facts in nothing:
        assert only(install(history(Told("setup", facts)), CHECK)).verdict == "unknown"


def test_documented_steps_that_the_lab_could_not_run_say_nothing() -> None:
    facts = {"extra_steps": [{"exit_code": 1}]}
    for outcome in ("error", "interrupted", "running"):
        assert install(history(Told("setup", facts, outcome)), CHECK) == []


def test_a_refusal_without_a_record_of_the_python_does_not_break_the_check() -> None:
    assert only(install(history(Told("install", {"expected": "refusal"})), CHECK)).verdict == "pass"


def test_an_installation_says_what_was_not_as_usual_about_it() -> None:
    facts = {"label": "0.2.0", "as_of": "2026-06-01", "lock_left_out": "pip leaves out its uv.lock"}
    found = only(install(history(Told("install", facts)), CHECK))
    assert found.reason == "0.2.0 installed (as of 2026-06-01, pip leaves out its uv.lock)"

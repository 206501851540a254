from typing import Any

from lab.checks.configuration import configuration
from lab.scenario.checks import ConfigurationCheck

from .histories import Facts, Told, done, history, only, told

CHECK = ConfigurationCheck(check="configuration")
FILES = {"/etc/app.env": "sha256:1"}


def inspected(*proofs: Facts, now: dict[str, str] | None = None, version: str = "0.1.4", **facts: Any) -> Told:
    seen = {"configuration": list(proofs), "configuration_files": FILES if now is None else now}
    return Told("inspect", {"version": version, "configuration_written": FILES} | seen | facts)


PROOF = done("name", environment="acceptance")


def test_untouched_files_and_proofs_in_force_pass() -> None:
    findings = configuration(history(inspected(PROOF), inspected(PROOF)), CHECK)
    assert told(findings) == [("pass", "01-inspect"), ("pass", "02-inspect")]
    assert findings[0].reason == "1 files untouched, 1 settings seen in force"


def test_a_changed_file_fails_where_it_was_seen() -> None:
    findings = configuration(history(inspected(PROOF), inspected(PROOF, now={"/etc/app.env": "sha256:2"})), CHECK)
    assert told(findings) == [("pass", "01-inspect"), ("fail", "02-inspect")]
    assert findings[1].reason == "/etc/app.env was changed"


def test_a_file_that_is_gone_fails() -> None:
    for now in ({"/etc/app.env": ""}, {}):
        assert only(configuration(history(inspected(PROOF, now=now)), CHECK)).reason == "/etc/app.env is gone"


def test_a_setting_that_is_not_in_force_fails() -> None:
    found = only(configuration(history(inspected(done("name", "environment is 'development'"))), CHECK))
    assert (found.verdict, found.reason) == ("fail", "not in force: name: environment is 'development'")


def test_a_setting_that_reads_differently_later_fails() -> None:
    findings = configuration(history(inspected(PROOF), inspected(done("name", environment="production"))), CHECK)
    assert told(findings)[-1] == ("fail", "02-inspect")
    assert "was {'environment': 'acceptance'} and is {'environment': 'production'}" in findings[-1].reason


def test_a_setting_of_another_type_reads_differently() -> None:
    findings = configuration(history(inspected(done("d", on=True)), inspected(done("d", on=1))), CHECK)
    assert told(findings)[-1] == ("fail", "02-inspect")


def test_a_proof_that_failed_at_first_is_not_compared_again() -> None:
    findings = configuration(history(inspected(done("name", "status 500")), inspected(PROOF)), CHECK)
    assert told(findings) == [("fail", "01-inspect"), ("pass", "02-inspect")]


def test_without_a_proof_nothing_is_known() -> None:
    found = only(configuration(history(inspected()), CHECK))
    assert (found.verdict, found.reason) == (
        "unknown",
        "the definition names no proof that the configuration is in force",
    )


def test_a_file_that_is_gone_is_said_even_without_a_proof() -> None:
    assert "fail" in {finding.verdict for finding in configuration(history(inspected(now={})), CHECK)}


def test_a_proof_that_the_new_version_lacks_is_unknown() -> None:
    findings = configuration(history(inspected(PROOF, done("key")), inspected(PROOF, version="0.2.0")), CHECK)
    assert told(findings) == [("pass", "01-inspect"), ("unknown", "02-inspect")]
    assert findings[1].reason == "version 0.2.0 is not asked for 'key'"


def test_a_proof_that_reads_nothing_proves_nothing() -> None:
    findings = configuration(history(inspected(done("name", environment=None))), CHECK)
    assert told(findings) == [("unknown", "01-inspect")]


def test_an_inspection_that_broke_off_is_left_out() -> None:
    broken = Told("inspect", {"configuration": [PROOF]}, "error", "the engine died")
    assert told(configuration(history(inspected(PROOF), broken), CHECK)) == [("pass", "01-inspect")]
    assert configuration(history(Told("inspect", {})), CHECK) == []

import pytest

from lab.checks.version import version
from lab.scenario.checks import VersionCheck

from .histories import OLD, Facts, Told, history, inspect, only, told, upgrade

CHECK = VersionCheck(check="version")
THREE = VersionCheck(check="version", proofs=3)


def proofs(**places: Facts) -> Told:
    return Told("inspect", {"version": "0.2.0", "proofs": places})


def test_three_proofs_of_the_expected_version_pass() -> None:
    found = only(version(history(inspect("0.1.4")), THREE))
    assert (found.verdict, found.step, found.reason) == ("pass", "01-inspect", "0.1.4 by command, http, metadata")


def test_one_proof_of_another_version_fails_and_is_named() -> None:
    told_wrong = proofs(http={"version": "0.1.4"}, metadata={"version": "0.2.0"})
    found = only(version(history(told_wrong), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-inspect")
    assert found.reason == "version 0.2.0 is installed, but http says 0.1.4 (right: metadata)"


def test_a_place_that_does_not_say_its_version_fails() -> None:
    silent = proofs(http={"version": "0.2.0"}, command={"problem": "'app --version' ended with 1"})
    found = only(version(history(silent), CHECK))
    assert found.verdict == "fail"
    assert "command: 'app --version' ended with 1" in found.reason


def test_a_version_that_only_begins_alike_is_another_one() -> None:
    assert only(version(history(proofs(http={"version": "0.2.0.dev1"})), CHECK)).verdict == "fail"


@pytest.mark.parametrize(
    ("places", "check"), [({}, CHECK), ({"http": {"version": "0.2.0"}}, THREE)], ids=["none", "too few"]
)
def test_fewer_proofs_than_wanted_are_unknown(places: dict[str, Facts], check: VersionCheck) -> None:
    found = only(version(history(proofs(**places)), check))
    assert found.verdict == "unknown"
    assert f"{len(places)} proofs of the version, {check.proofs} wanted" in found.reason


def test_an_upgrade_to_the_same_artifact_fails_at_the_upgrade() -> None:
    findings = version(history(inspect(), upgrade(digest=OLD), inspect("0.2.0")), CHECK)
    assert told(findings) == [("pass", "01-inspect"), ("pass", "03-inspect"), ("fail", "02-upgrade")]
    assert "same artifact" in findings[-1].reason


def test_an_upgrade_that_leaves_the_installed_files_as_they_were_fails() -> None:
    findings = version(
        history(inspect(installed_content="x"), upgrade(), inspect("0.2.0", installed_content="x")), CHECK
    )
    assert told(findings)[-1] == ("fail", "03-inspect")
    assert "the same before and after" in findings[-1].reason


def test_other_files_after_the_upgrade_pass() -> None:
    findings = version(
        history(inspect(installed_content="x"), upgrade(), inspect("0.2.0", installed_content="y")), CHECK
    )
    assert {finding.verdict for finding in findings} == {"pass"}


def test_two_looks_at_the_old_version_are_not_an_upgrade_that_changed_nothing() -> None:
    steps = [inspect(installed_content="x"), inspect(installed_content="x"), upgrade("error", "the index is down")]
    assert told(version(history(*steps), CHECK)) == [("pass", "01-inspect"), ("pass", "02-inspect")]


def test_a_way_back_to_the_old_version_is_compared_with_the_version_before_it() -> None:
    steps = [inspect(installed_content="x"), upgrade(), inspect("0.2.0", installed_content="y")]
    steps += [upgrade(to="from", from_digest="b", digest="a"), inspect("0.1.4", installed_content="x")]
    assert {finding.verdict for finding in version(history(*steps), CHECK)} == {"pass"}


@pytest.mark.parametrize("digests", [{"from_digest": "", "digest": ""}, {"digest": ""}, {"from_digest": None}])
def test_artifacts_that_nothing_tells_apart_are_unknown(digests: Facts) -> None:
    findings = version(history(inspect(), upgrade(**digests), inspect("0.2.0")), CHECK)
    assert told(findings)[-1] == ("unknown", "02-upgrade")


def test_installed_files_tell_artifacts_without_a_digest_apart() -> None:
    steps = [
        inspect(installed_content="x"),
        upgrade(from_digest="", digest=""),
        inspect("0.2.0", installed_content="y"),
    ]
    assert {finding.verdict for finding in version(history(*steps), CHECK)} == {"pass"}


def test_without_an_inspection_there_is_no_finding() -> None:
    assert version(history(Told("install", {})), CHECK) == []

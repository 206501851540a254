from typing import Any

from lab.checks.private import private
from lab.scenario.checks import PrivateCheck

from .histories import Facts, history, inspect, only

CHECK = PrivateCheck(check="private")
ENVIRONMENT, CONFIGURATION = "/etc/lab/product.env", "/etc/product/reference.env"


def seen(**changed: Any) -> Facts:
    files = {ENVIRONMENT: False, CONFIGURATION: False}
    return {"user": "nobody", "files": files, "secrets": [], "readable": [], "read": 12, "meant": []} | changed


def test_what_nobody_else_can_read_passes() -> None:
    found = only(private(history(inspect(exposed=seen())), CHECK))
    assert found.verdict == "pass"
    assert found.reason == "the user nobody can read none of 2 files, and no secret anywhere"


def test_a_secret_in_a_file_or_a_command_line_fails_with_its_place() -> None:
    secrets = [["api-key", "/var/lib/product/client.env"], ["api-key", "the process's command line"]]
    findings = private(history(inspect(exposed=seen(secrets=secrets))), CHECK)
    assert [finding.verdict for finding in findings] == ["fail", "fail"]
    assert findings[0].reason == "the user nobody finds the secret 'api-key' in /var/lib/product/client.env"


def test_a_configuration_file_that_others_can_read_fails_unless_it_is_meant_for_them() -> None:
    files = {ENVIRONMENT: False, CONFIGURATION: True}
    found = only(private(history(inspect(exposed=seen(files=files))), CHECK))
    assert (found.verdict, found.reason) == ("fail", f"the user nobody can read {CONFIGURATION}")
    meant = seen(files=files, meant=[CONFIGURATION])
    assert only(private(history(inspect(exposed=meant)), CHECK)).verdict == "pass"


def test_without_anybody_who_looked_nothing_is_known() -> None:
    assert only(private(history(inspect(exposed=None)), CHECK)).verdict == "unknown"
    assert only(private(history(inspect(exposed=seen(files={}))), CHECK)).verdict == "unknown"


def test_an_inspection_that_did_not_come_that_far_says_nothing() -> None:
    assert private(history(inspect()), CHECK) == []

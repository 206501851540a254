from typing import Any

from lab.checks.leaks import leaks
from lab.scenario.checks import LeaksCheck

from .histories import Facts, Told, history, only, told

CHECK = LeaksCheck(check="leaks")


def search(*found: dict[str, str], **facts: Any) -> Told:
    known = {"sought": ["LAB_INSTALL_MARK", "PIP_INDEX_URL"], "files": 1858, "unread": [], "found": list(found),
             "looked_at": ["the product's variables"]}  # fmt: skip
    return Told("search", known | facts)


def test_settings_that_stand_nowhere_pass_with_what_was_looked_through() -> None:
    found = only(leaks(history(search()), CHECK))
    assert (found.verdict, found.step) == ("pass", "01-search")
    assert found.reason == ("LAB_INSTALL_MARK, PIP_INDEX_URL: nowhere in 1858 files, nor in the product's variables")


def test_a_setting_that_stayed_fails_with_its_name_and_every_place() -> None:
    hits = [{"setting": "PIP_INDEX_URL", "where": f"/opt/product/{number}"} for number in range(5)]
    found = only(leaks(history(search(*hits)), CHECK))
    assert found.verdict == "fail"
    assert "PIP_INDEX_URL" in found.reason
    assert found.reason.endswith("/opt/product/0, /opt/product/1, /opt/product/2 and 2 more")


def test_a_setting_in_the_labs_own_evidence_is_the_labs_error() -> None:
    both = [{"setting": "PIP_INDEX_URL", "where": "/etc/product/x"}]
    both.append({"setting": "PIP_INDEX_URL", "where": "steps/01-install/stdout", "whose": "lab"})
    found = leaks(history(search(*both)), CHECK)
    assert [finding.verdict for finding in found] == ["fail", "error"]


def test_a_search_that_saw_nothing_is_unknown() -> None:
    ways: list[Facts] = [
        {"files": 0},
        {"sought": []},
        {"looked_at": []},
        {"unread": ["/etc/product/x: Permission denied"]},
    ]
    for blind in ways:
        assert only(leaks(history(search(**blind)), CHECK)).verdict == "unknown"
    failed = Told("search", {}, "failed", "the product's files could not be searched")
    assert told(leaks(history(failed), CHECK)) == [("unknown", "01-search")]


def test_what_could_not_be_read_hides_nothing_that_was_found() -> None:
    hit = {"setting": "PIP_INDEX_URL", "where": "/etc/product/x"}
    found = leaks(history(search(hit, unread=["/y: Permission denied"])), CHECK)
    assert [finding.verdict for finding in found] == ["fail", "unknown"]

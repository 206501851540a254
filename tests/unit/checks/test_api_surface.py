import pytest

from lab.checks.api_surface import api_surface
from lab.scenario.checks import ApiSurfaceCheck

from .histories import Told, history, inspect, only, told, upgrade

CHECK = ApiSurfaceCheck(check="api-surface")
GIVEN = {"from": {}, "to": {"removes": [{"operation": "GET /old/{name}", "reason": "CHANGES.md"}]}}


def served(*operations: str) -> Told:
    return inspect(operations=list(operations))


def test_what_was_served_before_is_served_after() -> None:
    steps = [served("GET /a", "GET /old/{name}"), upgrade(), served("GET /a", "GET /new")]
    found = only(api_surface(history(*steps, given=GIVEN), CHECK))
    assert (found.verdict, found.step) == ("pass", "03-inspect")
    assert found.reason == "2 operations before, 2 after, 1 removals all announced"


def test_a_removal_that_nobody_announced_fails_and_is_named() -> None:
    steps = [served("GET /a", "POST /a"), upgrade(), served("GET /a")]
    found = only(api_surface(history(*steps, given=GIVEN), CHECK))
    assert (found.verdict, found.step) == ("fail", "03-inspect")
    assert found.reason == "1 operations removed without announcement: POST /a"


def test_an_announced_removal_that_is_still_served_fails() -> None:
    steps = [served("GET /old/{name}"), upgrade(), served("GET /old/{id}")]
    found = only(api_surface(history(*steps, given=GIVEN), CHECK))
    assert (found.verdict, found.reason) == ("fail", "announced as removed, but still served: GET /old/{}")


def test_a_renamed_path_parameter_is_the_same_operation() -> None:
    steps = [served("GET /a/{name}/b"), upgrade(), served("GET /a/{id}/b")]
    assert only(api_surface(history(*steps, given=GIVEN), CHECK)).verdict == "pass"


def test_another_method_is_another_operation() -> None:
    steps = [served("GET /a"), upgrade(), served("POST /a")]
    assert only(api_surface(history(*steps, given=GIVEN), CHECK)).verdict == "fail"


@pytest.mark.parametrize(("old", "new", "step"), [(None, ["GET /a"], "01"), (["GET /a"], None, "03"), ([], [], "01")])
def test_without_an_openapi_document_nothing_is_known(old: list[str], new: list[str], step: str) -> None:
    steps = [inspect(operations=old), upgrade(), inspect(operations=new)]
    found = only(api_surface(history(*steps, given=GIVEN), CHECK))
    assert (found.verdict, found.step) == ("unknown", f"{step}-inspect")


def test_a_new_version_that_serves_nothing_fails() -> None:
    steps = [served("GET /a"), upgrade(), served()]
    assert only(api_surface(history(*steps, given=GIVEN), CHECK)).verdict == "fail"


def test_two_looks_at_the_old_version_are_no_comparison() -> None:
    steps = [served("GET /old/{name}"), served("GET /old/{name}"), upgrade("error", "the index is down")]
    assert api_surface(history(*steps, given=GIVEN), CHECK) == []


def test_a_way_back_announces_nothing_and_is_not_judged() -> None:
    steps = [served("GET /a"), upgrade(), served("GET /a", "GET /b"), upgrade(to="from"), served("GET /a")]
    assert told(api_surface(history(*steps, given=GIVEN), CHECK)) == [("pass", "03-inspect")]


def test_one_look_is_no_comparison() -> None:
    assert api_surface(history(served("GET /a"), upgrade(), given=GIVEN), CHECK) == []
    assert api_surface(history(upgrade(), served("GET /a"), given=GIVEN), CHECK) == []

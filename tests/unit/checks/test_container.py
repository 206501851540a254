import pytest

from lab.checks.container import container
from lab.scenario.checks import ContainerCheck

from .histories import GONE, STATE, Told, history, only, ready, start, told

CHECK = ContainerCheck(check="container")
HEALTHY = STATE | {"healthcheck": True, "health": "healthy"}


def test_an_image_with_a_health_check_that_turns_healthy_and_a_user_passes() -> None:
    findings = container(history(start(healthcheck=True), ready(state=HEALTHY)), CHECK)
    assert told(findings) == [("pass", "01-start"), ("pass", "02-ready")]
    assert findings[0].reason == "the image declares a HEALTHCHECK and runs as 1000"


def test_an_image_without_a_health_check_fails_at_the_start() -> None:
    found = only(container(history(start(), ready()), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-start")
    assert "no HEALTHCHECK" in found.reason


@pytest.mark.parametrize("user", ["", "0", "root", "0:0", "root:root", "0:1000", "root:users", ":1000"])
def test_an_image_that_runs_as_root_fails_whatever_the_group(user: str) -> None:
    found = container(history(start(healthcheck=True, user=user), ready(state=HEALTHY)), CHECK)[0]
    assert (found.verdict, found.reason) == ("fail", "the image runs its product as root")


@pytest.mark.parametrize("user", ["1000", "app", "1000:0", "nobody:root"])
def test_a_user_of_its_own_may_be_in_any_group(user: str) -> None:
    findings = container(history(start(healthcheck=True, user=user), ready(state=HEALTHY)), CHECK)
    assert {finding.verdict for finding in findings} == {"pass"}


@pytest.mark.parametrize("health", ["unhealthy", ""])
def test_a_health_check_that_does_not_turn_healthy_fails_when_the_product_was_ready(health: str) -> None:
    state = HEALTHY | {"health": health}
    findings = container(history(start(healthcheck=True), ready(state=state)), CHECK)
    assert told(findings) == [("pass", "01-start"), ("fail", "02-ready")]
    assert (health or "nothing") in findings[1].reason


def test_a_health_check_with_a_long_interval_that_has_not_answered_yet_is_unknown() -> None:
    state = HEALTHY | {"health": "starting"}
    findings = container(history(start(healthcheck=True), ready(state=state, window=60.0)), CHECK)
    assert told(findings) == [("pass", "01-start"), ("unknown", "02-ready")]
    assert findings[1].reason == "the image's own HEALTHCHECK had not answered when the wait of 60 s ended"


def test_a_health_check_that_was_never_seen_to_answer_is_unknown() -> None:
    for steps in ([start(healthcheck=True)], [start(healthcheck=True), ready(state=GONE)]):
        findings = container(history(*steps), CHECK)
        assert [finding.verdict for finding in findings] == ["pass", "unknown"]


def test_the_second_image_is_judged_as_the_first_one() -> None:
    steps = [start(healthcheck=True), ready(state=HEALTHY), start(), ready()]
    assert told(container(history(*steps), CHECK))[-1] == ("fail", "03-start")


def test_a_product_without_an_image_of_its_own_is_unknown() -> None:
    found = only(container(history(Told("start", {"image": "", "state": STATE})), CHECK))
    assert (found.verdict, found.reason) == ("unknown", "the product does not run from an image of its own")


@pytest.mark.parametrize("lacking", ["user", "healthcheck"])
def test_a_state_that_does_not_tell_the_declaration_is_unknown(lacking: str) -> None:
    state = {name: value for name, value in HEALTHY.items() if name != lacking}
    assert only(container(history(Told("start", {"image": "product:1", "state": state})), CHECK)).verdict == "unknown"


def test_an_engine_that_could_not_start_the_container_says_nothing_of_the_image() -> None:
    assert container(history(Told("start", {"image": "product:1"}, "error", "the engine died")), CHECK) == []

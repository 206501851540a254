"""The product's process: started, asked, stopped, killed; the same in every environment."""

import json
from functools import partial
from pathlib import Path

import pytest

from lab.environment.base import NotStartedError, Service
from lab.errors import InfrastructureError
from tests.contract.places import STOP_SECONDS, Place, Places
from tests.contract.waiting import answer, eventually


def answers(place: Place, name: str) -> bool:
    return answer(place.environment.product.base_url()) == name


def test_facts_can_be_written_down(place: Place) -> None:
    assert place.facts["kind"] == place.environment.kind
    assert json.loads(json.dumps(place.facts))["platform"] == place.environment.platform


def test_a_service_runs_and_answers_on_loopback(place: Place) -> None:
    state = place.start(name="Ada")
    assert state.running
    assert state.pid > 0
    assert state.exit_code is None
    url = place.environment.product.base_url()
    assert url.startswith("http://127.0.0.1:")
    eventually(lambda: answer(url) == "Ada", "the service answers")


def test_its_command_line_is_seen(place: Place) -> None:
    place.start()
    eventually(lambda: any("service.py" in words for words in place.environment.product.processes()), "it is listed")


def test_its_memory_is_seen(place: Place) -> None:
    place.start("memory")
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    found = place.environment.product.memory()
    if not place.can("memory"):
        assert found == {}
        return
    assert 32_000_000 < found["current"] < 200_000_000
    assert found.get("peak", found["current"]) >= 32_000_000


def test_how_long_it_waited_for_a_processor_is_seen_or_not_known(place: Place) -> None:
    place.start()
    waited = place.environment.product.waited()
    assert waited is None or 0 <= waited < 60


def test_what_it_wrote_is_read(place: Place) -> None:
    place.start()
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.stop(10)
    log = place.environment.product.logs()
    said = log.stdout + log.stderr
    for text in (b"to standard output", b"to standard error", b"it ended as it was asked to"):
        assert text in said
    kept = b"".join(place.environment.collect().values())
    assert b"it ended as it was asked to" in kept


def test_a_signal_that_is_heard_ends_it_well(place: Place) -> None:
    place.start()
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.signal("SIGTERM")
    eventually(lambda: not place.environment.product.state().running, "it ended")
    assert place.environment.product.state().exit_code == 0
    assert answer(place.environment.product.base_url()) == ""


def test_an_exit_of_its_own_has_its_code(place: Place) -> None:
    place.start("exit=3")
    eventually(lambda: not place.environment.product.state().running, "it ended")
    assert place.environment.product.state().exit_code == 3


def test_what_hears_nothing_is_killed_by_a_stop(place: Place) -> None:
    place.start("deaf")
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.stop(1)
    eventually(lambda: not place.environment.product.state().running, "it was killed")
    assert place.environment.product.state().exit_code == 137


def test_a_kill_is_final(place: Place) -> None:
    place.start("deaf")
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.signal("SIGKILL")
    eventually(lambda: not place.environment.product.state().running, "it was killed")
    place.environment.product.signal("SIGTERM")  # to one that has ended: nothing happens
    assert not place.environment.product.state().running
    assert answer(place.environment.product.base_url()) == ""


def test_it_can_be_started_again_and_only_the_last_start_is_told(place: Place) -> None:
    for name in ("first", "second"):
        place.start(name=name)
        eventually(partial(answers, place, name), f"the {name} start answers")
        place.environment.product.stop(10)
        assert not place.environment.product.state().running
    log = place.environment.product.logs()
    assert (log.stdout + log.stderr).count(b"to standard output") == 1
    assert log.missing == ""


def test_what_cannot_be_executed_is_told_as_such(place: Place) -> None:
    data = place.environment.bindings.places.data
    with pytest.raises(NotStartedError):
        place.environment.product.start(Service((f"{data}/no-such-program",), {}, data, place.port))


def test_a_port_can_be_held_by_another_and_is_free_again(place: Place) -> None:
    service = place.service()
    place.environment.neighbours.occupy(place.port)
    place.environment.product.start(service)
    eventually(lambda: not place.environment.product.state().running, "it could not listen")
    assert place.environment.product.state().exit_code == 1
    place.environment.neighbours.vacate()
    place.start(name="free")
    eventually(lambda: answer(place.environment.product.base_url()) == "free", "the port is free again")


def test_who_is_left_behind_is_seen(place: Place) -> None:
    place.environment.neighbours.watch_processes()
    place.start("child")
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.signal("SIGTERM")
    eventually(lambda: not place.environment.product.state().running, "it ended")
    left = place.environment.neighbours.left_behind()
    if left is not None:  # None is for what the environment cannot see; its verdict is `unknown`
        assert any("left-behind" in words for words in left)
    assert left is not None or not place.can("orphans")


def test_one_that_leaves_nobody_is_seen_to(place: Place) -> None:
    place.environment.neighbours.watch_processes()
    place.start()
    eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")
    place.environment.product.signal("SIGTERM")
    eventually(lambda: not place.environment.product.state().running, "it ended")
    assert place.environment.neighbours.left_behind() in ([], None)


def test_two_services_side_by_side_do_not_meet(places: Places) -> None:
    with places.open("one") as one, places.open("two") as two:
        for place, name in ((one, "Ada"), (two, "Bob")):
            place.start(name=name)
        for place, name in ((one, "Ada"), (two, "Bob")):
            eventually(partial(answers, place, name), f"{name} answers")
        one.environment.product.stop(10)
        assert answer(two.environment.product.base_url()) == "Bob"


def test_what_the_lab_put_beside_it_is_looked_after(place: Place) -> None:
    place.environment.services.ready()
    place.environment.check_own(closely=True)


def test_cleanup_after_a_provision_alone(places: Places) -> None:
    with places.open():
        pass


def test_cleanup_of_what_was_never_provisioned(places: Places) -> None:
    place = places.new()
    assert place.environment.destroy() == []
    assert place.left_over() == []


def test_cleanup_under_a_running_service_with_children(places: Places) -> None:
    with places.open() as place:
        place.start("deaf", "child")
        eventually(lambda: answer(place.environment.product.base_url()) != "", "the service answers")


def test_cleanup_under_a_service_that_has_cleared_its_environment(places: Places) -> None:
    with places.open() as place:
        argv = ("/usr/bin/env", "-i", "/bin/sleep", "300")
        state = place.environment.product.start(
            Service(argv, {}, place.environment.bindings.places.data, place.port, stop_seconds=STOP_SECONDS)
        )
    assert place.environment.kind != "local" or not Path(f"/proc/{state.pid}").exists()


def test_cleanup_after_a_start_that_failed(places: Places) -> None:
    with places.open() as place:
        service = Service(("/no/such/program",), {}, place.environment.bindings.places.data, place.port)
        with pytest.raises(NotStartedError):
            place.environment.product.start(service)


def test_cleanup_after_an_abort_and_twice(places: Places) -> None:
    with places.open() as place:
        place.start()
        place.environment.abort()
        assert place.environment.destroy() == []


def test_cleanup_after_a_provision_that_failed_half_way(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    place = places.new()

    def broken(*_words: object, **_named: object) -> None:
        raise InfrastructureError("planted: the services cannot begin")

    monkeypatch.setattr(place.environment.services, "begin", broken)
    with pytest.raises(InfrastructureError, match="planted"):
        place.environment.provision()
    assert place.environment.destroy() == []
    assert place.left_over() == []


def test_cleanup_after_a_failure_at_each_point_of_the_provision(places: Places) -> None:
    whole = places.new("whole")
    whole.environment.provision()
    points = len(whole.events)
    assert whole.environment.destroy() == []
    raised = 0
    for point in range(points):
        place = places.new(f"broken-{point}", fails_after=point)
        try:
            place.environment.provision()  # what begins beside it is waited for later
        except InfrastructureError:
            raised += 1
        assert place.environment.destroy() == []
        assert place.left_over() == []
    assert 0 < raised <= points

"""How long a unit's start is waited for, and whose failure it is when it does not come."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.environment.base import NotStartedError, Service
from lab.environment.places import Places
from lab.environment.units import unit as units
from lab.environment.units.machine import Machine
from lab.environment.units.unit import Unit
from lab.errors import InfrastructureError
from lab.process import CommandResult

STAMP = b"1700000000.5\n"
NOTIFY = "[Service]\nType=notify\nExecStart=/opt/serve\n"
DEFAULT_START_TIMEOUT = 90.0
"""TimeoutStartSec of systemd, where a unit names none."""


class Clock:
    """Goes on only while the machine works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class FakeMachine:
    """A machine on which a start takes a while, and the unit is then as told."""

    def __init__(self, clock: Clock, takes: float, exit_code: int, **shown: str) -> None:
        self.clock, self.takes, self.exit_code = clock, takes, exit_code
        self.shown = {"LoadState": "loaded", "ActiveState": "active", "MainPID": "77"} | shown
        self.allowed = 0.0
        self.asked: list[list[str]] = []

    def run(self, argv: list[str], *, timeout: float, **_named: Any) -> CommandResult:
        self.asked.append(argv)
        code: int | None = 0
        out = b""
        if any("systemctl start" in word for word in argv):
            self.allowed = timeout
            self.clock.now += min(self.takes, timeout)
            out, code = STAMP, None if self.takes > timeout else self.exit_code
        elif "show" in argv:
            out = "".join(f"{name}={value}\n" for name, value in self.shown.items()).encode()
        return CommandResult(tuple(argv), code, out, b"", 0.0)

    def put(self, content: bytes, path: str, *, mode: int, owner: str) -> None:
        pass

    def get(self, path: str) -> bytes | None:
        raise AssertionError(path)


class SomeUnit(Unit):
    def base_url(self) -> str:
        raise AssertionError

    def waited(self) -> float | None:
        raise AssertionError

    def reboot(self, *, timeout: float) -> dict[str, Any]:
        raise AssertionError(timeout)


Machines = Callable[..., tuple[SomeUnit, FakeMachine]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Machines:
    clock = Clock()
    monkeypatch.setattr(units, "time", SimpleNamespace(monotonic=clock.monotonic))

    def make(takes: float, exit_code: int = 0, **shown: str) -> tuple[SomeUnit, FakeMachine]:
        machine = FakeMachine(clock, takes, exit_code, **shown)
        return SomeUnit(cast("Machine", machine), "product", user="product", places=Places()), machine

    return make


def service(unit: str = "") -> Service:
    return Service(("/opt/serve",), {}, "/var/lib/product", 8881, unit=unit)


def test_the_time_in_which_systemd_waits_for_the_product_is_told(made: Machines) -> None:
    unit, _ = made(42.0)
    assert unit.start(service(NOTIFY)).extra["start_seconds"] == 42.0


def test_a_unit_of_the_products_may_take_longer_than_systemd_lets_it_by_default(made: Machines) -> None:
    unit, machine = made(DEFAULT_START_TIMEOUT + 30, exit_code=1, ActiveState="failed", MainPID="0", Result="timeout",
                         ExecMainCode="2", ExecMainStatus="15")  # fmt: skip
    state = unit.start(service(NOTIFY))
    assert (state.running, state.exit_code) == (False, 143)
    assert machine.allowed > DEFAULT_START_TIMEOUT


def test_a_product_that_runs_and_never_says_that_it_is_ready_is_for_the_next_step_to_judge(made: Machines) -> None:
    unit, _ = made(9999.0, ActiveState="activating", SubState="start")
    assert unit.start(service(NOTIFY)).running


def test_a_product_that_never_gets_as_far_as_its_process_was_not_started(made: Machines) -> None:
    unit, machine = made(9999.0, ActiveState="activating", SubState="start-pre", MainPID="0")
    with pytest.raises(NotStartedError, match="no end"):
        unit.start(service(NOTIFY))
    assert machine.asked[-1][:2] == ["systemctl", "stop"]


@pytest.mark.parametrize("own", ["", NOTIFY], ids=["the lab's unit", "the product's"])
def test_a_systemd_that_starts_nothing_is_not_the_products_failure(made: Machines, own: str) -> None:
    unit, _ = made(9999.0, ActiveState="inactive", MainPID="0")
    with pytest.raises(InfrastructureError, match="did not start"):
        unit.start(service(own))


def test_a_unit_of_the_labs_that_hangs_is_the_labs_error(made: Machines) -> None:
    unit, _ = made(9999.0, ActiveState="activating", SubState="start", MainPID="0")
    with pytest.raises(InfrastructureError):
        unit.start(service())

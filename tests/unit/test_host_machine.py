"""What a command on a machine came to, where the connection may have been lost under it."""

import shlex
import threading
from collections.abc import Sequence

import pytest

from lab.environment.remote.inventory import Host
from lab.environment.remote.machine import HostMachine
from lab.environment.remote.ssh import LocalConnection
from lab.errors import InfrastructureError

SECONDS = 20.0
BEGUN = r"printf '\006'; "


class Dying(LocalConnection):
    """A connection whose command ends in a given way, and over which nothing comes any more, or still does."""

    def __init__(self, script: str, *, stands: bool) -> None:
        super().__init__(Host("box", address="box.example", user="root"))
        self._script = script
        self._stands = stands

    def words(self, command: Sequence[str]) -> list[str]:
        return ["sh", "-c", f"cat > /dev/null; {self._script}", shlex.join(command)]

    def stands(self) -> bool:
        return self._stands


def ran(script: str, *, stands: bool) -> tuple[int | None, bytes]:
    ended = HostMachine(Dying(script, stands=stands), threading.Event()).run(["product", "check"], timeout=SECONDS)
    return ended.exit_code, ended.stdout


@pytest.mark.parametrize(
    "script",
    ["exit 255", "echo mux_client: gone >&2; exit 255", "exit 1", f"{BEGUN}exit 255", f"{BEGUN}echo half; exit 255"],
)
def test_a_command_that_lost_its_connection_is_the_labs_error_though_ssh_has_not_ended_yet(script: str) -> None:
    with pytest.raises(InfrastructureError, match="the connection broke while 'product' ran"):
        ran(script, stands=False)


def test_a_command_that_ends_as_ssh_does_when_it_fails_is_the_products_own_while_the_connection_stands() -> None:
    assert ran(f"{BEGUN}echo whole; exit 255", stands=True) == (255, b"whole\n")


def test_a_command_that_never_began_over_a_connection_that_stands_is_told_as_that() -> None:
    with pytest.raises(InfrastructureError, match="ran nothing for the lab: no room"):
        ran("echo no room; exit 1", stands=True)


def test_nobody_is_asked_about_the_connection_of_a_command_that_ended_otherwise() -> None:
    assert ran(f"{BEGUN}echo whole; exit 3", stands=False) == (3, b"whole\n")

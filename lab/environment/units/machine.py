"""A machine with systemd, as all that happens to a unit on it needs it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lab.errors import InfrastructureError
from lab.process import CommandResult


class Machine(Protocol):
    """Something that has systemd, and runs commands as any of its users."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        user: str = "root",
    ) -> CommandResult:
        """Run a command. Raises InfrastructureError, not for an exit code."""

    def put(self, content: bytes, path: str, *, mode: int, owner: str) -> None:
        """Write one file, its folders included."""

    def get(self, path: str) -> bytes | None:
        """Read one file as root, None if there is none."""


def wait_until_up(machine: Machine, *, timeout: float) -> dict[str, Any]:
    """Wait until systemd says that the machine is up; return its word, the units that failed, and the seconds it took.

    Raises InfrastructureError where it does not come up in time; failed units are for the caller to judge.
    """
    script = (
        'until said=$(systemctl is-system-running --wait 2>/dev/null); test -n "$said" && test "$said" != offline; '
        'do sleep 0.02; done; echo "$said"; systemctl list-units --failed --no-legend --plain --no-pager'
    )
    began = time.monotonic()
    asked = machine.run(["sh", "-c", script], timeout=timeout)
    told = asked.stdout.decode("utf8", "replace").split("\n", 1)
    if not asked.ok or not told[0]:
        raise InfrastructureError(f"systemd did not come up within {timeout:g} s: {asked.tail(3) or 'it was silent'}")
    failed = [line.split()[0] for line in told[1].splitlines() if line.strip()] if len(told) > 1 else []
    return {"running": told[0], "failed_units": failed, "seconds": round(time.monotonic() - began, 4)}

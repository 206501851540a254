"""The product's unit on a machine of an inventory: reached over the connection, measured by that machine's kernel."""

from typing import Any

from lab.environment.places import Places
from lab.environment.remote.machine import HostMachine
from lab.environment.units.unit import Unit
from lab.errors import InfrastructureError

WAITED_SCRIPT = """
for file in $(grep -lsE "/$1(/|\\$)" /proc/[0-9]*/cgroup); do cat "${file%/cgroup}"/task/*/schedstat 2>/dev/null; done |
  awk '$2 > most { most = $2 } END { if (NR) printf "%.0f\\n", most }'
"""
"""The second figure is the time for which a task was ready and had no processor, in nanoseconds."""
COLLECT_SCRIPT = """
journalctl --sync 2>/dev/null
journalctl --quiet --no-pager --all --output=short-iso-precise --unit="$1"
printf '\\036\\n'; systemctl status --no-pager --full --lines=0 "$1"
printf '\\036\\n'; systemctl cat --no-pager "$1"
"""
"""Of the trial's own unit alone: what else the machine's journal holds is nobody's business."""
ASK_SECONDS = 30.0


class HostUnit(Unit):
    """The product of one trial on such a machine."""

    collected = {COLLECT_SCRIPT: ("journal.txt", "unit.status.txt", "unit.txt")}

    def __init__(
        self, machine: HostMachine, account: str, places: Places, port: int, where: str, memory_mb: int
    ) -> None:
        super().__init__(machine, account, user=account, places=places, memory_mb=memory_mb)
        self._port = port
        self._where = where

    def base_url(self) -> str:
        """Return the address of the product on this machine's loopback."""
        return f"http://127.0.0.1:{self._port}"

    def waited(self) -> float | None:
        """Ask the machine's kernel how long the unit's tasks have waited for a processor."""
        asked = self._machine.run(["sh", "-c", WAITED_SCRIPT, "sh", self.name], timeout=ASK_SECONDS)
        told = asked.stdout.split()
        return int(told[0]) / 1e9 if asked.ok and told else None

    def reboot(self, *, timeout: float) -> dict[str, Any]:  # noqa: ARG002 - it is never tried
        """Raise InfrastructureError: a machine of an inventory is somebody's, and is not rebooted."""
        raise InfrastructureError(f"{self._where} is not rebooted: it may be of use to others")

    def collect(self) -> dict[str, bytes]:
        """Gather the unit's journal, status and text, if there is a unit."""
        return super().collect() if self._started else {}

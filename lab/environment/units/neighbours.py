"""What stands beside a product that runs as a unit: another unit that holds its port, and systemd, which sees all."""

from lab.environment.containers.neighbours import LISTENING_SCRIPT, OCCUPANT_SCRIPT, OCCUPY_SECONDS
from lab.environment.units.machine import Machine
from lab.environment.units.unit import Unit
from lab.errors import InfrastructureError

OCCUPANT = "lab-occupant"


class UnitNeighbours:
    """What may stand beside the product on one machine."""

    def __init__(self, machine: Machine, unit: Unit, occupant: str = OCCUPANT) -> None:
        self._machine = machine
        self._unit = unit
        self._occupant = occupant
        self._occupied = False
        self._watched = False

    def occupy(self, port: int) -> None:
        """Let another process of the machine listen on the port.

        Raises InfrastructureError where it cannot.
        """
        self._occupied = True
        words = ["systemd-run", "--quiet", "--collect", f"--unit={self._occupant}"]
        asked = self._machine.run([*words, "python3", "-c", OCCUPANT_SCRIPT, str(port)], timeout=OCCUPY_SECONDS)
        if asked.ok:
            asked = self._machine.run(["python3", "-c", LISTENING_SCRIPT, str(port)], timeout=OCCUPY_SECONDS)
        if not asked.ok:
            raise InfrastructureError(f"port {port} could not be occupied: {asked.tail(2)}")

    def vacate(self) -> None:
        """Take the other process away."""
        if self._occupied:
            self._machine.run(["systemctl", "stop", self._occupant], timeout=OCCUPY_SECONDS)
            self._occupied = False

    def watch_processes(self) -> None:
        """Let the next stop be asked for what was left behind: systemd stands above every start anyway."""
        self._watched = True

    def left_behind(self) -> list[str] | None:
        """Return the command lines of processes that outlived the product; None where nobody watched."""
        if not self._watched:
            return None
        self._watched = False
        return self._unit.left_behind()

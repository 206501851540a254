"""The product's unit on a machine in a container: reached through published ports, measured by this host's kernel."""

import math
import time
from typing import Any

from lab.environment.base import Service, ServiceState
from lab.environment.containers.engine import Door
from lab.environment.containers.machine import ContainerMachine, await_systemd, held
from lab.environment.containers.network import Network
from lab.environment.containers.objects import mounts
from lab.environment.containers.recipe import Recipe
from lab.environment.processes.table import waited_of
from lab.environment.units.unit import Unit
from lab.errors import InfrastructureError

USER = "product"


class MachineUnit(Unit):
    """The product of one trial on such a machine."""

    def __init__(self, door: Door, machine: ContainerMachine, recipe: Recipe, network: Network) -> None:
        super().__init__(
            machine,
            "product",
            user=USER,
            places=recipe.bindings.places,
            memory_mb=recipe.limits.memory_mb,
            homes=bool(recipe.interpreter),
        )
        self._door = door
        self._container = machine
        self._recipe = recipe
        self._network = network
        self._port = 0
        """Where the product listens, on the machine."""
        self._reached = 0
        """Where it is reached, on this host; another place after a reboot."""

    def start(self, service: Service) -> ServiceState:
        """Start the product as a unit.

        Raises InfrastructureError where nothing was published that could reach its port, and as every unit's start.
        """
        self._network.lead_to(service.port)
        self._port = service.port
        self._look_up_port()
        return super().start(service)

    def base_url(self) -> str:
        """Return the address of the product on this host's loopback."""
        return f"http://127.0.0.1:{self._reached}"

    def waited(self) -> float | None:
        """Read from this host's kernel how long the unit's tasks have waited for a processor."""
        with self._door("listing the machine's processes"):
            top = self._door.client.api.top(self._container.container)
        column = top["Titles"].index("PID")
        return waited_of((int(row[column]) for row in top["Processes"]), self.name)

    def reboot(self, *, timeout: float) -> dict[str, Any]:
        """Stop the machine as `docker stop` does, start it again, and wait until it is up.

        Raises InfrastructureError.
        """
        self.keep_journal()
        owned, name, api = self._recipe.owned, self._container.container, self._door.client.api
        tree = mounts(owned, self._recipe.bindings.places, ["home"])
        with held(self._door, owned, self._recipe.platform_image, tree):
            began = time.monotonic()
            with self._door("stopping the machine"):
                api.stop(name, timeout=math.ceil(timeout))
                down = round(time.monotonic() - began, 4)
                code = api.inspect_container(name)["State"]["ExitCode"]
            with self._door("starting the machine again"):
                api.start(name)
            if self._port:
                self._look_up_port()
            up = await_systemd(self._door, self._container)
        self._container.link_shared()
        return {"down_seconds": down, "exit_code": code, **up, "words": self.rebooted()}

    def _look_up_port(self) -> None:
        """Ask where the product's port is published."""
        with self._door("asking for the machine's ports"):
            container = self._door.client.containers.get(self._container.container)
        self._reached = self._network.published(container, self._port)
        if not self._reached:
            raise InfrastructureError(f"port {self._port} was not published when the machine was made")

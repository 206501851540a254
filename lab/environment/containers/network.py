"""The network of one trial: how containers are put on it, and how the lab reaches the product from outside."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lab.environment.containers.engine import Door, Ownership

if TYPE_CHECKING:
    from docker.models.containers import Container


class Network(Protocol):
    """A trial's network, open or sealed."""

    name: str

    def make(self, known: Sequence[str], host_port: int | None) -> dict[str, Any]:
        """Make the network; return facts about it. `known` are the names of what will stand on it."""

    def joined(self, role: str) -> dict[str, Any]:
        """Return how a container is placed on the network, as `installer` or as `product`."""

    def housing(self, ports: Sequence[int], host_port: int | None) -> dict[str, Any]:
        """Return how a machine is placed that installs and runs the product, which may listen on any of the ports."""

    def lead_to(self, port: int) -> None:
        """Let the way in lead to this port of the machine that the product is on."""

    def placed(self, port: int, host_port: int | None) -> dict[str, Any]:
        """Return how the product's container is placed, so that its port can be reached from this host."""

    def beside(self, occupant: str) -> dict[str, Any]:
        """Return how the product's container is placed where another one holds its port."""

    def published(self, container: "Container", port: int) -> int:
        """Return the product's port on this host's loopback, 0 if it has none."""

    def control_port(self) -> int | None:
        """Return the port of the LLM mock's control plane on this host's loopback, None if the mock publishes it."""

    def standing(self) -> list[str]:
        """Return the names of the lab's own containers that make the network what it is."""

    def asked(self) -> list[dict[str, Any]] | None:
        """Return what was asked for outside since the last call; None where nobody watches."""

    def collect(self) -> dict[str, bytes]:
        """Return the evidence, by file name."""


class OpenNetwork:
    """A network from which everything can be reached; nobody watches what is."""

    def __init__(self, door: Door, owned: Ownership) -> None:
        self._door = door
        self._owned = owned
        self.name = owned.name("net")

    def make(self, known: Sequence[str], host_port: int | None) -> dict[str, Any]:  # noqa: ARG002 - the engine answers
        """Make the network."""
        with self._door("making the trial's network"):
            self._door.register("network", self.name)
            labels = self._owned.labels("net")
            self._door.client.networks.create(self.name, driver="bridge", labels=labels, check_duplicate=True)
        return {"kind": "open"}

    def joined(self, role: str) -> dict[str, Any]:  # noqa: ARG002 - all are alike here
        """Return how a container is placed on the network."""
        return {"network": self.name}

    def housing(self, ports: Sequence[int], host_port: int | None) -> dict[str, Any]:
        """Return how a machine is placed: all ports published on the loopback."""
        published = {f"{port}/tcp": ("127.0.0.1", host_port or 0) for port in ports}
        return {"network": self.name, "hostname": "machine", "ports": published}

    def lead_to(self, port: int) -> None:
        """Do nothing: every port that was published leads there."""

    def placed(self, port: int, host_port: int | None) -> dict[str, Any]:
        """Return how the product's container is placed: its port published on the loopback."""
        return {"network": self.name, "ports": {f"{port}/tcp": ("127.0.0.1", host_port or 0)}}

    def beside(self, occupant: str) -> dict[str, Any]:
        """Return how the product's container is placed where another one holds its port."""
        return {"network_mode": f"container:{occupant}"}

    def published(self, container: "Container", port: int) -> int:
        """Return the product's port on this host's loopback, 0 if it has none."""
        bound = (container.ports or {}).get(f"{port}/tcp")
        return int(bound[0]["HostPort"]) if bound else 0

    def control_port(self) -> int | None:
        """Return None: the LLM mock publishes its control plane itself."""
        return None

    def standing(self) -> list[str]:
        """Return nothing: no container is needed."""
        return []

    def asked(self) -> list[dict[str, Any]] | None:
        """Return None: nobody watches."""
        return None

    def collect(self) -> dict[str, bytes]:
        """Return nothing."""
        return {}

"""The product of a trial on a container engine: the first process of a container of its own."""

import math
from collections.abc import Callable
from typing import Any

from lab.environment.base import Log, NotStartedError, Service, ServiceState
from lab.environment.containers.engine import Door
from lab.environment.containers.neighbours import Neighbours
from lab.environment.containers.network import Network
from lab.environment.containers.objects import read_logs, traces
from lab.environment.containers.recipe import Recipe
from lab.environment.containers.state import cannot_execute, memory_of, state_of
from lab.environment.containers.toolbox import NOT_RUNNING
from lab.environment.processes.table import waited_of

LOG_FILE_BYTES = 32_000_000
"""The engine keeps a product's log in two files of this size; of a longer one it drops the older file."""
LINE_BYTES = 80
"""What the engine writes round each line of a log, which is JSON to it."""


class ContainerProduct:
    """The starts of one product, each a container, and the state of the last."""

    def __init__(
        self,
        door: Door,
        recipe: Recipe,
        network: Network,
        neighbours: Neighbours,
        volumes: Callable[[bool], dict[str, dict[str, str]]],
    ) -> None:
        self.recipe = recipe
        self._door = door
        self._api = door.client.api
        self._network = network
        self._neighbours = neighbours
        self._volumes = volumes
        """The mounts, of a product that is an image or of one that is installed."""
        self.containers: list[str] = []
        """By name, in the order of their starts."""
        self.is_image = False
        """Whether the product started last is its own image."""
        self._id = ""
        self._port = 0

    def start(self, service: Service) -> ServiceState:
        """Create and start the product's container."""
        from docker.errors import APIError
        from docker.types import LogConfig

        role = f"product-{len(self.containers) + 1}"
        name = self._door.register("container", self.recipe.owned.name(role))
        self.is_image = bool(service.image)
        limits = self.recipe.limits
        hardening: dict[str, Any] = {"cap_drop": ["ALL"], "user": self.recipe.product_user}
        hardening["working_dir"] = service.directory
        with self._door("starting the product's container"):
            container = self._door.client.containers.create(
                service.image or self.recipe.platform_image,
                list(service.argv) or None,
                name=name,
                labels=self.recipe.owned.labels(role),
                environment=dict(service.environment),
                **self._neighbours.placed(self._network.placed(service.port, self.recipe.host_port)),
                volumes=self._volumes(bool(service.image)) | self.recipe.borrowed,
                tmpfs=self.recipe.opened,
                mem_limit=f"{limits.memory_mb}m",
                nano_cpus=int(limits.cpus * 1e9),
                pids_limit=1024,
                log_config=LogConfig(type="json-file", config={"max-size": f"{LOG_FILE_BYTES}", "max-file": "2"}),
                security_opt=["no-new-privileges:true"],
                **({} if service.image else hardening),
            )
            self.containers.append(name)
            try:
                container.start()
            except APIError as error:
                if cannot_execute(str(error.explanation), container.attrs["Path"]):
                    raise NotStartedError(str(error.explanation)) from error
                raise
            container.reload()
        self._id = str(container.id)
        self._port = self._network.published(container, service.port)
        return state_of(container.attrs)

    def base_url(self) -> str:
        """Return the address of the product on this host's loopback."""
        return f"http://127.0.0.1:{self._port}"

    def state(self) -> ServiceState:
        """Ask the engine for the product's state."""
        with self._door("asking for the product's state"):
            return state_of(self._api.inspect_container(self.containers[-1]))

    def signal(self, name: str) -> None:
        """Send a signal to PID 1 of the product's container; one that has ended needs none."""
        from docker.errors import APIError

        with self._door(f"sending {name}"):
            try:
                self._api.kill(self.containers[-1], name)
            except APIError as error:
                if error.status_code != NOT_RUNNING:
                    raise

    def stop(self, grace: float) -> None:
        """Do as `docker stop --time GRACE` does."""
        with self._door("docker stop"):
            self._api.stop(self.containers[-1], timeout=math.ceil(grace))

    def processes(self) -> list[str]:
        """List the processes in the product's container, if there is one."""
        return [row[-1] for row in self._top()["Processes"]] if self.containers else []

    def _top(self) -> dict[str, Any]:
        """Ask who runs in the product's container; nobody if it has just ended, which is for other facts to tell."""
        from docker.errors import APIError

        with self._door("listing the product's processes"):
            try:
                return dict(self._api.top(self.containers[-1]))
            except APIError:
                if self.state().running:
                    raise
                return {"Titles": ["PID"], "Processes": []}

    def waited(self) -> float | None:
        """Read from the kernel how long the product's tasks, those that live, have waited for a processor."""
        top = self._top()
        processes = (int(row[top["Titles"].index("PID")]) for row in top["Processes"])
        return waited_of(processes, self._id)  # not by `stats`: asked twice, the engine lets a second pass

    def memory(self) -> dict[str, int]:
        """Read the cgroup's figures; `current` is what `docker stats` shows, without reclaimable file cache."""
        with self._door("reading the product's memory"):
            stats = self._api.stats(self.containers[-1], stream=False, one_shot=True)
        return memory_of(stats)

    def traces(self) -> dict[str, bytes]:
        """Ask the engine for the product's variables, and for the history of the image that it runs from."""
        return traces(self._door, self.containers[-1])

    def logs(self) -> Log:
        """Read what the product wrote."""
        if not self.containers:
            return Log(b"", b"", "the product was not started")
        out, err = read_logs(self._door, self.containers[-1])
        return Log(
            out, err, "" if _is_whole(out, err) else "the engine may have dropped the beginning of so long a log"
        )


def _is_whole(*streams: bytes) -> bool:
    """Whether a log is so short that nothing of it was dropped: after that one full file would be left.

    Escapes take room in that file; a text of which they double the length is hardly ever written.
    """
    kept = sum(2 * len(each) + LINE_BYTES * each.count(b"\n") for each in streams)
    return kept < LOG_FILE_BYTES

"""The environment `docker`: a network a trial, the installer in a toolbox container, the product as PID 1 of its own.

The toolbox holds the trial's volumes, so that a product tree on tmpfs outlives the product's containers.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from lab.environment import engine
from lab.environment.base import Llm, NotStartedError, Service, ServiceState
from lab.environment.container import CANNOT_EXECUTE, memory_of, state_of
from lab.environment.engine import Door
from lab.environment.hostnet import CA_FILE, host_network
from lab.environment.recipe import Recipe
from lab.environment.sweep import remove_all
from lab.environment.toolbox import NOT_RUNNING, PRODUCT_UID, Commands, Toolbox
from lab.errors import InfrastructureError
from lab.process import CommandResult

UV_CACHE = "/cache/uv"
LOG_SIZE = "64m"
"""What is kept of a product's log; of a longer one the engine drops the beginning."""


class DockerEnvironment:
    """One trial on a container engine."""

    kind = "docker"
    capabilities = frozenset({"exit-code", "memory", "processes", "signals", "logs", "network"})

    def __init__(self, recipe: Recipe, note: Callable[..., None]) -> None:
        self.recipe = recipe
        self.platform = recipe.platform
        self.places = recipe.places
        self._door = Door(engine.connect(), note)
        self._api = self._door.client.api
        self._toolbox = Toolbox(self._door, recipe.owned.name("toolbox"))
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="env")
        self._llm: Future[Llm] | None = None
        self._products: list[str] = []
        self._port = 0
        self._uses_image = False
        self._written_to: set[str] = set()

    # -- the place itself ------------------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Make network, volumes and toolbox; the LLM mock comes up meanwhile."""
        owned, recipe = self.recipe.owned, self.recipe
        with self._door("making the trial's network"):
            name = self._door.register("network", owned.name("net"))
            self._door.client.networks.create(name, driver="bridge", labels=owned.labels("net"), check_duplicate=True)
        self._llm = self._pool.submit(self._start_llm, name)
        with self._door("making the trial's volumes"):
            size = f"size={recipe.limits.tree_mb}m,uid={PRODUCT_UID},gid={PRODUCT_UID},mode=0755"
            tmpfs = {"type": "tmpfs", "device": "tmpfs", "o": size}
            for role, options in (("home", tmpfs), ("data", {}), ("config", {})):
                volume = self._door.register("volume", owned.name(role))
                self._door.client.volumes.create(volume, driver="local", driver_opts=options, labels=owned.labels(role))
        with self._door("starting the installer's container"):
            box = self._door.register("container", owned.name("toolbox"))
            self._door.client.containers.run(
                recipe.platform_image,
                ["sleep", "infinity"],
                name=box,
                labels=owned.labels("toolbox"),
                detach=True,
                network=name,
                volumes={**self._volumes(), recipe.cache_volume: {"bind": UV_CACHE, "mode": "rw"}},
                cap_drop=["ALL"],
                cap_add=["CHOWN", "DAC_OVERRIDE", "FOWNER"],
                security_opt=["no-new-privileges:true"],
                pids_limit=4096,
            )
        network = host_network()
        if network.ca is not None:
            self._toolbox.put(network.ca, CA_FILE, folder_by="root")
        image = self._door.client.images.get(recipe.platform_image)
        return {
            "kind": self.kind,
            "platform": self.platform,
            "platform_image": recipe.platform_image,
            "platform_image_id": image.id,
            "left_out_of_host_settings": list(network.left_out),
        }

    def llm(self) -> Llm:
        """Wait for the mock and return its addresses."""
        if self._llm is None:
            raise InfrastructureError("the environment was not provisioned")
        return self._llm.result()

    def _start_llm(self, network: str) -> Llm:
        from lab.environment.services import start_llm

        self._door.register("container", self.recipe.owned.name("llm"))
        with self._door("starting the LLM mock"):
            where = engine.address() or ""
            limits = {"mem_limit": "256m", "pids_limit": 64}
            return start_llm(self.recipe.llm_image, network, self.recipe.owned, where, limits).addresses

    def _volumes(self, *, image: bool = False) -> dict[str, dict[str, str]]:
        """Return the mounts; an image brings its own program, and its own configuration unless one was written."""
        targets = {"home": self.places.home, "data": self.places.data, "config": self.places.config}
        if image:
            targets = {role: path for role, path in targets.items() if role == "data" or role in self._written_to}
        return {self.recipe.owned.name(role): {"bind": path, "mode": "rw"} for role, path in targets.items()}

    # -- commands and files ----------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        network: bool = False,
        installed: bool = False,
    ) -> CommandResult:
        """Run a command in the toolbox, or in the product's container where the product is an image."""
        variables = {**(host_network().variables if network else {}), **(environment or {})}
        if not (installed and self._uses_image):
            return self._toolbox.run(argv, timeout=timeout, environment=variables, directory=directory)
        inside = Commands(self._door, self._products[-1], own_clock=True)
        try:
            return inside.run(argv, timeout=timeout, environment=variables, directory=directory)
        finally:
            inside.close()

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file into the trial's volumes."""
        if PurePosixPath(path).is_relative_to(self.places.config):
            self._written_to.add("config")
        self._toolbox.put(content, path, mode=mode)

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive into a folder."""
        self._toolbox.unpack(tar, folder)

    def get(self, path: str) -> bytes | None:
        """Read one file out of the trial's volumes."""
        return self._toolbox.get(path)

    # -- the product -----------------------------------------------------------------------------------------------

    def start(self, service: Service) -> ServiceState:
        """Create and start the product's container."""
        from docker.errors import APIError
        from docker.types import LogConfig

        name = self._door.register("container", self.recipe.owned.name(f"product-{len(self._products) + 1}"))
        self._uses_image = bool(service.image)
        limits = self.recipe.limits
        hardening: dict[str, Any] = {
            "cap_drop": ["ALL"],
            "user": self.recipe.product_user,
            "working_dir": service.directory,
        }
        with self._door("starting the product's container"):
            container = self._door.client.containers.create(
                service.image or self.recipe.platform_image,
                list(service.argv) or None,
                name=name,
                labels=self.recipe.owned.labels("product"),
                environment=dict(service.environment),
                network=self.recipe.owned.name("net"),
                ports={f"{service.port}/tcp": ("127.0.0.1", self.recipe.host_port or 0)},
                volumes=self._volumes(image=bool(service.image)),
                mem_limit=f"{limits.memory_mb}m",
                nano_cpus=int(limits.cpus * 1e9),
                pids_limit=1024,
                log_config=LogConfig(type="json-file", config={"max-size": LOG_SIZE, "max-file": "1"}),
                security_opt=["no-new-privileges:true"],
                **({} if service.image else hardening),
            )
            self._products.append(name)
            try:
                container.start()
            except APIError as error:
                if CANNOT_EXECUTE.search(str(error.explanation)):
                    raise NotStartedError(str(error.explanation)) from error
                raise
            container.reload()
        published = container.ports.get(f"{service.port}/tcp")
        self._port = int(published[0]["HostPort"]) if published else 0
        return state_of(container.attrs)

    def base_url(self) -> str:
        """Return the address of the product on this host's loopback."""
        return f"http://127.0.0.1:{self._port}"

    def state(self) -> ServiceState:
        """Ask the engine for the product's state."""
        with self._door("asking for the product's state"):
            return state_of(self._api.inspect_container(self._products[-1]))

    def signal(self, name: str) -> None:
        """Send a signal to PID 1 of the product's container; one that has ended needs none."""
        from docker.errors import APIError

        with self._door(f"sending {name}"):
            try:
                self._api.kill(self._products[-1], name)
            except APIError as error:
                if error.status_code != NOT_RUNNING:
                    raise

    def stop(self, grace: float) -> None:
        """Do as `docker stop --time GRACE` does."""
        with self._door("docker stop"):
            self._api.stop(self._products[-1], timeout=math.ceil(grace))

    def processes(self) -> list[str]:
        """List the processes in the product's container."""
        from docker.errors import APIError

        with self._door("listing the product's processes"):
            try:
                top = self._api.top(self._products[-1])
            except APIError:
                if self.state().running:
                    raise
                return []  # it has just ended; that is for other facts to tell
        return [row[-1] for row in top["Processes"]]

    def memory(self) -> dict[str, int]:
        """Read the cgroup's figures; `current` is what `docker stats` shows, without reclaimable file cache."""
        with self._door("reading the product's memory"):
            stats = self._api.stats(self._products[-1], stream=False, one_shot=True)
        return memory_of(stats)

    def logs(self) -> tuple[bytes, bytes]:
        """Read what the product wrote."""
        return self._logs_of(self._products[-1]) if self._products else (b"", b"")

    def _logs_of(self, container: str) -> tuple[bytes, bytes]:
        with self._door(f"reading the logs of {container}"):
            api = self._api
            return api.logs(container, stdout=True, stderr=False), api.logs(container, stdout=False, stderr=True)

    # -- the end ---------------------------------------------------------------------------------------------------

    def collect(self) -> dict[str, bytes]:
        """Gather every container's logs and state; what cannot be read is named instead."""
        found = self._journal()
        roles = ["llm", *(f"product-{number + 1}" for number in range(len(self._products)))]
        for role in roles:
            name = self.recipe.owned.name(role)
            try:
                found[f"{role}.stdout"], found[f"{role}.stderr"] = self._logs_of(name)
                attributes = self._api.inspect_container(name)
            except Exception as error:  # noqa: BLE001 - collecting goes on whatever happens, and says so
                found[f"{role}.unreadable"] = f"{type(error).__name__}: {error}\n".encode()
                continue
            attributes["Config"].pop("Env", None)
            found[f"{role}.state.json"] = json.dumps(attributes, indent=1, sort_keys=True).encode()
        return found

    def _journal(self) -> dict[str, bytes]:
        """Read what the LLM mock was asked, if it came up and still answers."""
        import httpx

        if self._llm is None or not self._llm.done() or self._llm.cancelled() or self._llm.exception():
            return {}
        try:
            told = httpx.get(f"{self._llm.result().control_url}/journal.ndjson", timeout=5, trust_env=False)
        except httpx.HTTPError as error:
            return {"llm.journal.unreadable": f"{error}\n".encode()}
        return {"llm.journal.ndjson": told.content}

    @property
    def aborted(self) -> bool:
        """Whether the trial was told to end early."""
        return self._door.aborted.is_set()

    def abort(self) -> None:
        """Make calls under way fail by taking their containers away."""
        self._door.aborted.set()
        remove_all(self._door.client, self._own_labels(), containers_only=True)

    def keep(self) -> None:
        """Leave everything where it is; only connections are closed."""
        self._toolbox.close()
        self._pool.shutdown(wait=False)
        self._door.client.close()

    def destroy(self) -> list[str]:
        """Remove every object of the trial."""
        self._door.aborted.set()
        self._toolbox.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        left = remove_all(self._door.client, self._own_labels())
        if self._llm is not None and not self._llm.cancelled() and not self._llm.done():
            self._llm.exception()  # a mock that was still starting may have been made meanwhile
            left = remove_all(self._door.client, self._own_labels())
        self._door.client.close()
        return left

    def _own_labels(self) -> dict[str, str]:
        owned = self.recipe.owned
        return {engine.RUN: owned.run_id, engine.TRIAL: owned.trial}

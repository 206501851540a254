"""The environment `docker`: a network a trial, the installer in a toolbox container, the product as PID 1 of its own.

The toolbox holds the trial's volumes, so that a product tree on tmpfs outlives the product's containers.
"""

import io
import json
import math
import shlex
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lab.environment import engine
from lab.environment.base import Llm, Places, Service, ServiceState
from lab.environment.engine import Ownership
from lab.environment.hostnet import CA_FILE, host_network
from lab.environment.sweep import remove_all
from lab.errors import InfrastructureError, Interrupted
from lab.process import CommandResult
from lab.scenario.model import Limits

PRODUCT_UID = 1000
KILL_AFTER = 5
"""Seconds between the end of a command that ran too long and its being killed."""
UV_CACHE = "/cache/uv"


@dataclass(frozen=True)
class Recipe:
    """What a Docker environment is made of."""

    owned: Ownership
    platform: str
    platform_image: str
    llm_image: str
    cache_volume: str
    places: Places = field(default_factory=Places)
    limits: Limits = field(default_factory=Limits)
    host_port: int | None = None
    product_user: str | None = f"{PRODUCT_UID}:{PRODUCT_UID}"


def planned(platform: str, limits: Limits) -> list[str]:
    """Say what `provision` makes, for a plan; RUN stands for the names of the trial."""
    return [
        "docker network create RUN-net",
        f"docker volume create RUN-home (tmpfs, {limits.tree_mb} MB), RUN-data, RUN-config",
        f"docker run RUN-toolbox on {platform}: volumes, cap-drop ALL, sleep infinity",
        "docker run RUN-llm: the LLM mock, as `llm` on the network, control port on 127.0.0.1",
    ]


def planned_start(argv: Sequence[str], port: int, limits: Limits) -> str:
    """Say how `start` runs the product, for a plan."""
    what = shlex.join(argv) if argv else "(the image's own command)"
    bounds = f"--memory {limits.memory_mb}m --cpus {limits.cpus:g}"
    return f"docker run RUN-product -p 127.0.0.1::{port} {bounds} {what}"


class DockerEnvironment:
    """One trial on a container engine."""

    kind = "docker"
    capabilities = frozenset({"exit-code", "memory", "processes", "signals", "logs", "network"})

    def __init__(self, recipe: Recipe, note: Callable[..., None]) -> None:
        self.recipe = recipe
        self.platform = recipe.platform
        self.places = recipe.places
        self._note = note
        self._client = engine.connect()
        self._aborted = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="env")
        self._llm: Future[Llm] | None = None
        self._toolbox = ""
        self._products: list[str] = []
        self._port = 0
        self._uses_image = False
        self._written_to: set[str] = set()

    # -- the place itself ------------------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Make network, volumes and toolbox; the LLM mock comes up meanwhile."""
        owned, recipe = self.recipe.owned, self.recipe
        with self._calling("making the trial's network"):
            name = self._object("network", "net")
            self._client.networks.create(name, driver="bridge", labels=owned.labels("net"), check_duplicate=True)
        self._llm = self._pool.submit(self._start_llm, name)
        with self._calling("making the trial's volumes"):
            size = f"size={recipe.limits.tree_mb}m,uid={PRODUCT_UID},gid={PRODUCT_UID},mode=0755"
            tmpfs = {"type": "tmpfs", "device": "tmpfs", "o": size}
            for role, options in (("home", tmpfs), ("data", {}), ("config", {})):
                volume = self._object("volume", role)
                self._client.volumes.create(volume, driver="local", driver_opts=options, labels=owned.labels(role))
        with self._calling("starting the installer's container"):
            self._toolbox = self._object("container", "toolbox")
            self._client.containers.run(
                recipe.platform_image,
                ["sleep", "infinity"],
                name=self._toolbox,
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
            self._archive(self._toolbox, "/", CA_FILE.lstrip("/"), network.ca, 0o644)
        image = self._client.images.get(recipe.platform_image)
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

        self._object("container", "llm")
        with self._calling("starting the LLM mock"):
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
        inside_product = installed and self._uses_image
        variables = {**(host_network().variables if network else {}), **(environment or {})}
        words = list(argv)
        if not inside_product:
            words = ["timeout", f"--kill-after={KILL_AFTER}", f"{timeout:.3f}", *words]
        started = time.monotonic()
        with self._calling(f"running {argv[0]}"):
            call = self._pool.submit(
                self._exec,
                self._products[-1] if inside_product else self._toolbox,
                words,
                {"HOME": "/tmp", **variables},  # noqa: S108 - inside the container
                directory,
                None if inside_product else str(PRODUCT_UID),
            )
            try:
                code, stdout, stderr = call.result(timeout + 2 * KILL_AFTER)
            except TimeoutError:
                code, stdout, stderr = None, b"", b""
        seconds = time.monotonic() - started
        if code == 124 and not inside_product and seconds >= timeout:  # noqa: PLR2004 - timeout(1) says so
            code = None
        return CommandResult(tuple(argv), code, stdout, stderr, seconds)

    def _exec(
        self, container: str, argv: list[str], variables: dict[str, str], directory: str, user: str | None
    ) -> tuple[int | None, bytes, bytes]:
        api = self._client.api
        made = api.exec_create(container, argv, environment=variables, workdir=directory, user=user or "")
        stdout, stderr = api.exec_start(made["Id"], demux=True)
        return api.exec_inspect(made["Id"])["ExitCode"], stdout or b"", stderr or b""

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file into the trial's volumes."""
        if PurePosixPath(path).is_relative_to(self.places.config):
            self._written_to.add("config")
        with self._calling(f"writing {path}"):
            self._archive(self._toolbox, "/", path.lstrip("/"), content, mode)

    def _archive(self, container: str, root: str, name: str, content: bytes, mode: int) -> None:
        """Send a file; folders that exist already are not named, so that their owner stays."""
        folder = str(PurePosixPath("/", name).parent)
        self._exec(
            container,
            ["mkdir", "-p", folder],
            {},
            "/",
            "root" if folder.startswith("/run") else str(PRODUCT_UID),
        )
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            member = tarfile.TarInfo(PurePosixPath(name).name)
            member.size, member.mode, member.uid, member.gid = len(content), mode, PRODUCT_UID, PRODUCT_UID
            member.mtime = math.floor(time.time())
            tar.addfile(member, io.BytesIO(content))
        self._client.api.put_archive(container, str(PurePosixPath(root) / folder.lstrip("/")), buffer.getvalue())

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive into a folder."""
        with self._calling(f"unpacking into {folder}"):
            self._exec(self._toolbox, ["mkdir", "-p", folder], {}, "/", str(PRODUCT_UID))
            self._client.api.put_archive(self._toolbox, folder, tar)

    def get(self, path: str) -> bytes | None:
        """Read one file out of the trial's volumes."""
        with self._calling(f"reading {path}"):
            code, stdout, _ = self._exec(self._toolbox, ["cat", "--", path], {}, "/", str(PRODUCT_UID))
        return stdout if code == 0 else None

    # -- the product -----------------------------------------------------------------------------------------------

    def start(self, service: Service) -> ServiceState:
        """Create and start the product's container."""
        name = self._object("container", f"product-{len(self._products) + 1}")
        self._uses_image = bool(service.image)
        limits = self.recipe.limits
        hardening: dict[str, Any] = {
            "cap_drop": ["ALL"],
            "user": self.recipe.product_user,
            "working_dir": service.directory,
        }
        with self._calling("starting the product's container"):
            container = self._client.containers.create(
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
                security_opt=["no-new-privileges:true"],
                **({} if service.image else hardening),
            )
            self._products.append(name)
            container.start()
            container.reload()
        published = container.ports.get(f"{service.port}/tcp")
        self._port = int(published[0]["HostPort"]) if published else 0
        return self._state_of(container.attrs)

    def base_url(self) -> str:
        """Return the address of the product on this host's loopback."""
        return f"http://127.0.0.1:{self._port}"

    def state(self) -> ServiceState:
        """Ask the engine for the product's state."""
        with self._calling("asking for the product's state"):
            return self._state_of(self._client.api.inspect_container(self._products[-1]))

    def _state_of(self, attributes: Mapping[str, Any]) -> ServiceState:
        state = attributes["State"]
        running = state["Status"] in {"running", "paused", "restarting"}
        return ServiceState(
            running=running,
            pid=state["Pid"],
            started_at=state["StartedAt"],
            exit_code=None if running else state["ExitCode"],
            oom_killed=state["OOMKilled"],
            health=(state.get("Health") or {}).get("Status", ""),
            extra={
                "status": state["Status"],
                "error": state["Error"],
                "user": attributes["Config"].get("User", ""),
                "healthcheck": bool((attributes["Config"].get("Healthcheck") or {}).get("Test")),
                "path": attributes["Path"],
                "image": attributes["Image"],
            },
        )

    def signal(self, name: str) -> None:
        """Send a signal to PID 1 of the product's container; one that has ended needs none."""
        from docker.errors import APIError

        with self._calling(f"sending {name}"):
            try:
                self._client.api.kill(self._products[-1], name)
            except APIError as error:
                if error.status_code != 409:  # noqa: PLR2004 - "is not running"
                    raise

    def stop(self, grace: float) -> None:
        """Do as `docker stop --time GRACE` does."""
        with self._calling("docker stop"):
            self._client.api.stop(self._products[-1], timeout=math.ceil(grace))

    def processes(self) -> list[str]:
        """List the processes in the product's container."""
        with self._calling("listing the product's processes"):
            top = self._client.api.top(self._products[-1])
        return [row[-1] for row in top["Processes"]]

    def memory(self) -> dict[str, int]:
        """Read the cgroup's figures; `current` is what `docker stats` shows, without reclaimable file cache."""
        with self._calling("reading the product's memory"):
            stats = self._client.api.stats(self._products[-1], stream=False, one_shot=True)
        memory = stats.get("memory_stats", {})
        if "usage" not in memory:
            return {}
        detail = memory.get("stats", {})
        cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
        figures = {"current": memory["usage"] - min(cache, memory["usage"])}
        return figures | ({"peak": memory["max_usage"]} if "max_usage" in memory else {})

    def logs(self) -> tuple[bytes, bytes]:
        """Read what the product wrote."""
        return self._logs_of(self._products[-1]) if self._products else (b"", b"")

    def _logs_of(self, container: str) -> tuple[bytes, bytes]:
        with self._calling(f"reading the logs of {container}"):
            api = self._client.api
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
                attributes = self._client.api.inspect_container(name)
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
        return self._aborted.is_set()

    def abort(self) -> None:
        """Make calls under way fail by taking their containers away."""
        self._aborted.set()
        remove_all(self._client, self._own_labels(), containers_only=True)

    def keep(self) -> None:
        """Leave everything where it is; only connections are closed."""
        self._pool.shutdown(wait=False)
        self._client.close()

    def destroy(self) -> list[str]:
        """Remove every object of the trial."""
        self._aborted.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        left = remove_all(self._client, self._own_labels())
        if self._llm is not None and not self._llm.cancelled() and not self._llm.done():
            self._llm.exception()  # a mock that was still starting may have been made meanwhile
            left = remove_all(self._client, self._own_labels())
        self._client.close()
        return left

    def _own_labels(self) -> dict[str, str]:
        owned = self.recipe.owned
        return {engine.RUN: owned.run_id, engine.TRIAL: owned.trial}

    # -- shared ----------------------------------------------------------------------------------------------------

    def _object(self, kind: str, role: str) -> str:
        """Register an object that is about to be made and return its name."""
        if self._aborted.is_set():
            raise Interrupted
        name = self.recipe.owned.name(role)
        self._note("object", kind=kind, name=name)
        return name

    @contextmanager
    def _calling(self, what: str) -> Iterator[None]:
        """Turn errors of the engine into the lab's; after an abort they mean the interruption."""
        if self._aborted.is_set():
            raise Interrupted
        started = time.monotonic()
        try:
            with engine.calls(what):
                yield
        except InfrastructureError as failure:
            if self._aborted.is_set():
                raise Interrupted from failure
            raise
        finally:
            self._note("engine", what=what, seconds=round(time.monotonic() - started, 4))

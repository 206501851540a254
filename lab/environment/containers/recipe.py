"""What a Docker environment is made of, and how a plan tells it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lab.environment.containers.engine import Ownership
from lab.environment.containers.services import ServicesRecipe
from lab.environment.containers.toolbox import PRODUCT_UID
from lab.environment.images.interpreters import Interpreter
from lab.environment.places import Bindings
from lab.scenario.model import Limits


@dataclass(frozen=True)
class Recipe:
    """What a Docker environment is made of."""

    owned: Ownership
    platform: str
    platform_image: str
    services: ServicesRecipe
    cache_volume: str
    bindings: Bindings = field(default_factory=Bindings)
    limits: Limits = field(default_factory=Limits)
    host_port: int | None = None
    ports: tuple[int, ...] = ()
    """Ports that the versions listen on, where they must be known before the first start."""
    product_user: str | None = f"{PRODUCT_UID}:{PRODUCT_UID}"
    sealed: bool = False
    """Whether nothing leads out of the trial's network."""
    wheels: Mapping[str, str] = field(default_factory=dict)
    """Folder to the volume with all that an installer needs there, where it cannot fetch it."""

    platform_base: str = ""
    """The image that the platform's is made of, with its digest."""
    interpreter: Interpreter | None = None
    """A Python for the product instead of the platform's own."""

    @property
    def borrowed(self) -> dict[str, dict[str, str]]:
        """The mounts that the product itself cannot do without, and that are no trial's own."""
        if self.interpreter is None:
            return {}
        return {str(self.interpreter.folder): {"bind": str(self.interpreter.at), "mode": "ro"}}

    @property
    def opened(self) -> dict[str, str]:
        """The mounts on tmpfs that let the product's user get to a folder below /root, which images keep to root."""
        below = self.interpreter is not None and self.interpreter.at.is_relative_to("/root")
        return {"/root": f"uid={PRODUCT_UID},gid={PRODUCT_UID},mode=0755,size=1m"} if below else {}

    @property
    def caches(self) -> dict[str, dict[str, str]]:
        """The mounts that are no trial's own: they only make installing possible, or faster."""
        shelves = {volume: {"bind": folder, "mode": "ro"} for folder, volume in self.wheels.items()}
        return {self.cache_volume: {"bind": self.bindings.places.cache, "mode": "rw"}, **shelves, **self.borrowed}


def planned_seal(guarded: Sequence[str]) -> list[str]:
    """Say what `provision` makes besides where the network is sealed; `guarded` are who has a sentry."""
    sentries = ", ".join(f"RUN-sentry-{role}" for role in guarded)
    return [
        "sealed: RUN-net is internal; installers take everything from a folder of wheels that was fetched before",
        f"docker run {sentries}: refuses every way out, and writes down who asks for one",
        "docker run RUN-forwarder: 127.0.0.1 into the sealed network, nothing out of it",
    ]


def planned(platform: str, limits: Limits, *, database: bool) -> list[str]:
    """Say what `provision` makes, for a plan; RUN stands for the names of the trial."""
    more = ["docker run RUN-postgresql: a PostgreSQL server, as `postgresql` on the network"] if database else []
    return [
        "docker network create RUN-net",
        f"docker volume create RUN-home (tmpfs, {limits.tree_mb} MB), RUN-data, RUN-config",
        f"docker run RUN-toolbox on {platform}: volumes, cap-drop ALL, sleep infinity",
        "docker run RUN-llm: the LLM mock, as `llm` on the network, control port on 127.0.0.1",
        *more,
    ]


def planned_machine(platform: str, limits: Limits, *, database: bool) -> list[str]:
    """Say what `provision` makes of a machine, for a plan; RUN stands for the names of the trial."""
    lines = planned(platform, limits, database=database)
    box = next(number for number, line in enumerate(lines) if "RUN-toolbox" in line)
    machine = f"docker run RUN-machine on {platform}: systemd as PID 1, cap-add SYS_ADMIN, /run on tmpfs, volumes"
    return [*lines[:box], machine, *lines[box + 1 :]]


def planned_unit(argv: Sequence[str], port: int, _limits: Limits) -> str:
    """Say how a unit runs the product, for a plan."""
    return f"systemctl start product: {shlex.join(argv)}, port {port} of the machine on 127.0.0.1"


def planned_start(argv: Sequence[str], port: int, limits: Limits) -> str:
    """Say how `start` runs the product, for a plan."""
    what = shlex.join(argv) if argv else "(the image's own command)"
    bounds = f"--memory {limits.memory_mb}m --cpus {limits.cpus:g}"
    return f"docker run RUN-product -p 127.0.0.1::{port} {bounds} {what}"

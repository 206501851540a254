"""What every environment can do: the protocol that lifecycle steps are written against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.process import CommandResult


@dataclass(frozen=True)
class Places:
    """Absolute paths as the product sees them."""

    home: str = "/opt/product"
    data: str = "/var/lib/product"
    config: str = "/etc/product"

    @property
    def venv(self) -> str:
        """The virtual environment of an installed product."""
        return f"{self.home}/venv"

    @property
    def tree(self) -> str:
        """The source tree of a product that runs from one."""
        return f"{self.home}/tree"


@dataclass(frozen=True)
class Service:
    """How the product is to be run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    port: int
    image: str = ""
    """The product's own image, where that is what runs."""


@dataclass(frozen=True)
class ServiceState:
    """What the environment knows of the product's process."""

    running: bool
    pid: int
    started_at: str
    exit_code: int | None = None
    oom_killed: bool = False
    health: str = ""
    """What the image's own health check says, if it has one."""
    extra: Mapping[str, Any] = field(default_factory=dict)


class Environment(Protocol):
    """One trial's place, fresh when provisioned and gone when destroyed."""

    kind: str
    platform: str
    places: Places
    capabilities: frozenset[str]

    def provision(self) -> dict[str, Any]:
        """Make the place; return facts about it. Raises InfrastructureError."""

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
        """Run a command beside the product; `network` hands it the host's index settings.

        `installed` runs it where the product's programs are. Raises InfrastructureError, not for an exit code.
        """

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file, its folders included, owned by the product's user."""

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack a tar archive into a folder that is made for it."""

    def get(self, path: str) -> bytes | None:
        """Read one file, None if there is none."""

    def start(self, service: Service) -> ServiceState:
        """Start the product as a process of its own.

        Raises NotStartedError when there is no such command.
        """

    def base_url(self) -> str:
        """Address of the started product from the lab, `http://127.0.0.1:PORT`."""

    def state(self) -> ServiceState:
        """Return the state of the product started last."""

    def signal(self, name: str) -> None:
        """Send a signal to the product's process."""

    def stop(self, grace: float) -> None:
        """Stop as an operator does: ask, and kill after `grace` seconds."""

    def processes(self) -> list[str]:
        """Command lines of the product's processes."""

    def memory(self) -> dict[str, int]:
        """Memory of the product in bytes: `current` without reclaimable cache, `peak` where known."""

    def logs(self) -> tuple[bytes, bytes]:
        """Return all that the product started last wrote: standard output, standard error."""

    def llm(self) -> "Llm":
        """Return the LLM mock beside the product; waits until it answers."""

    def collect(self) -> dict[str, bytes]:
        """Gather logs and states of everything in the place, by file name."""

    @property
    def aborted(self) -> bool:
        """Whether `abort` was called: what was observed since then says nothing about the product."""

    def abort(self) -> None:
        """Make every call that is under way end soon; from any thread."""

    def keep(self) -> None:
        """Leave everything in place for a person; the environment object is of no use afterwards."""

    def destroy(self) -> list[str]:
        """Remove everything; return what could not be removed and why. Never raises."""


class NotStartedError(Exception):
    """The product's command could not be executed at all: the installation lacks it."""


@dataclass(frozen=True)
class Llm:
    """Addresses of an LLM mock: for the product, and of its control plane for the lab."""

    base_url: str
    control_url: str

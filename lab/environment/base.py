"""What every environment can do: the protocol that lifecycle steps are written against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.environment.places import Bindings
from lab.environment.survey import Survey
from lab.process import CommandResult


@dataclass(frozen=True)
class Service:
    """How the product is to be run."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    port: int
    image: str = ""
    """The product's own image, where that is what runs."""
    unit: str = ""
    """Text of the systemd unit that the product brings itself, where one is wanted; empty: the lab writes one."""
    stop_seconds: float = 30.0
    """How long a service manager waits for its end before it kills."""


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


@dataclass(frozen=True)
class Log:
    """What a product wrote, as far as it could be read."""

    stdout: bytes
    stderr: bytes
    missing: str = ""
    """Why this is not all that it wrote; empty where it is."""


class SideServices(Protocol):
    """The services beside the product: they come up in the background, and whoever needs one waits for it."""

    def ready(self) -> dict[str, Any]:
        """Wait until all services of the trial answer; return facts about them. Raises InfrastructureError."""

    def llm(self) -> "Llm":
        """Return the LLM mock beside the product; waits until it answers."""

    def run_in_database(self, argv: Sequence[str], *, timeout: float) -> CommandResult:
        """Run a command beside the database server, as its superuser.

        Raises InfrastructureError where there is no server.
        """

    def stop_database(self) -> None:
        """Stop the database server; its name and address stay. Raises InfrastructureError."""

    def start_database(self) -> None:
        """Start the database server again; it takes connections when this returns. Raises InfrastructureError."""


class Neighbours(Protocol):
    """What can be put beside the next start of the product, to see how it gets on with it."""

    def occupy(self, port: int) -> None:
        """Let another process listen on the port in the place where the product starts next, until `vacate`."""

    def vacate(self) -> None:
        """Take the other process away."""

    def watch_processes(self) -> None:
        """Let an init stand above the product's next start, which sees what is left when the product has ended."""

    def left_behind(self) -> list[str] | None:
        """Return the command lines of processes that outlived the product; None where nobody watched."""


class Product(Protocol):
    """The product in its place: started, watched, stopped."""

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

    def waited(self) -> float | None:
        """Return for how many seconds the product's tasks were ready and had no processor; None if not known."""

    def memory(self) -> dict[str, int]:
        """Memory of the product in bytes: `current` without reclaimable cache, `peak` where known."""

    def logs(self) -> Log:
        """Return what the product started last wrote; what cannot be read, or is cut, is said in it."""

    def traces(self) -> dict[str, bytes]:
        """Return what the place itself keeps of the product started last: its variables, its image's history.

        By what a person would call each; without what cannot be seen.
        """


class ServiceManager(Protocol):
    """What a service manager does with the product beyond starting and stopping it."""

    def restart(self, *, timeout: float) -> ServiceState:
        """Restart the product as an operator does; within so many seconds. Raises InfrastructureError."""

    def reboot(self, *, timeout: float) -> dict[str, Any]:
        """Restart the whole machine; return facts about it once it is up. Raises InfrastructureError."""

    def words(self) -> list[str]:
        """Return what the service manager itself has said of the product since its start."""

    def exposed(self, folders: Sequence[str], files: Sequence[str], secrets: Mapping[str, str]) -> dict[str, Any]:
        """Return what another user of the machine can read of files, and where it finds secrets, by name."""


class Environment(Protocol):
    """One trial's place, fresh when provisioned and gone when destroyed."""

    kind: str
    platform: str
    capabilities: frozenset[str]

    @property
    def bindings(self) -> Bindings:
        """What the trial is given; known before `provision`, if need be by asking the machine.

        Raises InfrastructureError where that cannot be asked.
        """

    @property
    def services(self) -> SideServices:
        """The side services of the trial."""

    @property
    def neighbours(self) -> Neighbours:
        """What may stand beside the product."""

    @property
    def product(self) -> Product:
        """The product, from its first start."""

    @property
    def manager(self) -> ServiceManager | None:
        """The service manager under which the product runs, None where there is none."""

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

    def check_own(self, *, closely: bool) -> None:
        """Make sure that what the lab itself put beside the product still stands; `closely` after something went wrong.

        Raises InfrastructureError: what was seen of the product without it says nothing of the product.
        """

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file, its folders included, owned by the product's user."""

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack a tar archive into a folder that is made for it."""

    def get(self, path: str) -> bytes | None:
        """Read one file, None if there is none."""

    def asked(self) -> list[dict[str, Any]] | None:
        """Return what was asked for outside of the place since the last call; None where nobody watches.

        Each is `by` whom (`product`, `installer`), `at` a time, and `asked`: `name` with `name`, `kind` and whether it
        is `known`, one of the trial's own; or `address` with `protocol`, `address`, `port`.
        """

    def survey(self) -> Survey:
        """Return what the place holds now, as far as it can be seen. Raises InfrastructureError."""

    def disown(self) -> None:
        """Take away what the lab itself wrote to run the product, such as a unit: the product is uninstalled."""

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
class DatabaseAccount:
    """The product's own account on the database server."""

    name: str = "product"
    user: str = "product"
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Llm:
    """Addresses of an LLM mock: for the product, and of its control plane for the lab."""

    base_url: str
    control_url: str

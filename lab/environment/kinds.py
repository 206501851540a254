"""The kinds of environment: what each can do, and how a plan tells what is done in it; nothing is made here."""

import platform as machine
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.environment.containers import recipe
from lab.environment.places import Bindings, Places
from lab.scenario.model import Limits

SEEN = frozenset({"exit-code", "memory", "processes", "signals", "logs"})
"""What every kind sees of a product."""


@dataclass(frozen=True)
class Kind:
    """A kind of environment, as a plan needs to know it."""

    title: str
    capabilities: frozenset[str]
    """What scenarios may require of it."""
    bindings: Bindings
    """Paths and addresses, or stand-ins for those that only a trial can know."""
    made: Callable[[str, Limits, bool], list[str]]
    """Platform, limits, whether there is a database server: what `provision` makes."""
    started: Callable[[Sequence[str], int, Limits], str]
    """Command, port, limits: how the product is started."""
    ended: str
    """How all of it is removed."""
    read: str
    """Where logs and states are read from."""
    measured: str
    """What memory and processes are read with."""
    guarded: tuple[str, ...] = ()
    """Who has a sentry where the network is sealed; the last is the product. Nobody where it cannot be."""
    own_platform: bool = False
    """Whether its operating system is that of this machine, whatever a matrix asks for."""

    @property
    def needs_engine(self) -> bool:
        """Whether it is made by a container engine."""
        return "engine" in self.capabilities


PLACE = "PLACE"
"""Stands in plans for the folder of a local trial."""


def local_places(folder: str, cache: str) -> Places:
    """Return the paths of a trial that keeps everything below one folder; the installers' cache is shared."""
    return Places(
        home=f"{folder}/home",
        data=f"{folder}/data",
        config=f"{folder}/config",
        artifacts=f"{folder}/artifacts",
        cache=cache,
    )


def _made_locally(_platform: str, _limits: Limits, _database: bool) -> list[str]:
    return [
        f"mkdir {PLACE}, below the run folder: home, data, config",
        "reserve free ports on 127.0.0.1 for the product and the LLM mock",
        "python -m lab.llm_mock: the LLM mock, on 127.0.0.1",
    ]


def host_places(name: str) -> Places:
    """Return the paths of a trial on a machine, by the trial's name."""
    return Places(
        home=f"/opt/lab/{name}/product",
        data=f"/var/lib/lab/{name}",
        config=f"/etc/lab/{name}",
        artifacts=f"/opt/lab/{name}/artifacts",
        cache=f"/opt/lab/{name}/cache",
    )


def _made_on_host(name: str, _limits: Limits, _database: bool) -> list[str]:
    return [
        f"ssh {name}: one connection; /etc/lab-allows-tests must allow it; reserve a free port there",
        "ansible-playbook provision.yml: the account lab-TRIAL, its folders below /opt/lab, /var/lib/lab, /etc/lab",
        "python -m lab.llm_mock: the LLM mock, on this machine's 127.0.0.1, forwarded to that of the machine",
    ]


def _started_on_host(argv: Sequence[str], port: int, _limits: Limits) -> str:
    return f"systemctl start lab-TRIAL: {' '.join(argv)}, the lab's own port instead of {port}, forwarded to 127.0.0.1"


def _started_locally(argv: Sequence[str], port: int, _limits: Limits) -> str:
    return f"{' '.join(argv)}  # in a session of its own; the lab's port instead of {port}"


KINDS: Mapping[str, Kind] = {
    "docker": Kind(
        title="containers: the product is the first process of its own",
        capabilities=SEEN | {"engine", "images", "database-server", "sealed"},
        bindings=Bindings(),
        made=lambda platform, limits, database: recipe.planned(platform, limits, database=database),
        started=recipe.planned_start,
        ended="docker rm --force, docker network rm, docker volume rm: all that carries the run's label",
        read="docker logs, docker inspect: every container",
        measured="docker stats, docker top",
        guarded=("installer", "product"),
    ),
    "systemd": Kind(
        title="a container whose first process is systemd: the product is a unit of it",
        capabilities=SEEN | {"engine", "database-server", "sealed", "orphans", "service-manager", "reboot", "users"},
        bindings=Bindings(),
        made=lambda platform, limits, database: recipe.planned_machine(platform, limits, database=database),
        started=recipe.planned_unit,
        ended="docker rm --force, docker network rm, docker volume rm: all that carries the run's label",
        read="journalctl, systemctl status, docker logs, docker inspect: every container",
        measured="/proc of the machine: every process of the unit",
        guarded=("machine",),
    ),
    "local": Kind(
        title="a process on this machine, in a virtual environment below the run folder",
        capabilities=SEEN | {"orphans"},
        bindings=Bindings(local_places(PLACE, "CACHE"), llm_url="http://127.0.0.1:PORT/v1", database_host="127.0.0.1"),
        made=_made_locally,
        started=_started_locally,
        ended=f"end every process of the run, remove {PLACE}",
        read="the files into which the product's output went",
        measured="/proc: every process of the product",
        own_platform=True,
    ),
    "host": Kind(
        title="a machine of an inventory, reached over SSH: the product is a systemd unit of it",
        capabilities=SEEN | {"orphans", "service-manager", "users"},
        bindings=Bindings(host_places("TRIAL"), llm_url="http://127.0.0.1:PORT/v1", database_host="127.0.0.1"),
        made=_made_on_host,
        started=_started_on_host,
        ended="ansible-playbook remove.yml: the unit, every process, the folders, the account; then end the connection",
        read="journalctl, systemctl status: of the product's unit alone",
        measured="/proc of the machine: every process of the unit",
        own_platform=True,
    ),
}


def own_platform() -> str:
    """Return the name of this machine's operating system, such as `debian-12`."""
    try:
        told = machine.freedesktop_os_release()
    except OSError:
        return machine.system().lower() or "unknown"
    name = f"{told.get('ID', 'linux')}-{told.get('VERSION_ID', 'rolling')}".lower()
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in name)

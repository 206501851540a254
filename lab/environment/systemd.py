"""The environment `systemd`: a container whose first process is systemd, the product a unit of it.

Installers run inside the machine as the product's user. A reboot restarts the container; its volumes outlive that.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.environment.containers import engine, objects
from lab.environment.containers.beside import check_running
from lab.environment.containers.engine import Door
from lab.environment.containers.machine import SHARED, Boot, ContainerMachine, await_systemd, boot_for
from lab.environment.containers.network import Network, OpenNetwork
from lab.environment.containers.objects import VOLUMES, collect, make_volumes, mounts, own_labels
from lab.environment.containers.recipe import Recipe
from lab.environment.containers.sealed import SealedNetwork
from lab.environment.containers.services import Services
from lab.environment.containers.toolbox import Toolbox
from lab.environment.containers.unit import USER, MachineUnit
from lab.environment.hostnet import CA_FILE, host_network
from lab.environment.kinds import KINDS
from lab.environment.survey import Survey, survey_machine
from lab.environment.units.neighbours import UnitNeighbours
from lab.process import CommandResult

LAB_OWN = (
    "/opt/lab",
    "/etc/lab",
    "/cache",
    "/etc/systemd/system/product.service*",
    "/etc/systemd/system/*.wants/product.service",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/resolv.conf",
)
"""What the lab puts on the machine, whose unit is seen among the units, and what engine or systemd write at a start."""


class SystemdEnvironment:
    """One trial on a machine with systemd."""

    kind = "systemd"
    capabilities = KINDS[kind].capabilities

    def __init__(self, recipe: Recipe, note: Callable[..., None], boot: Boot | None = None) -> None:
        self.recipe = recipe
        self.platform = recipe.platform
        self.bindings = recipe.bindings
        self._boot = boot
        self._door = Door(engine.connect(), note)
        self._name = recipe.owned.name("machine")
        self._toolbox = Toolbox(self._door, self._name)
        self._machine = ContainerMachine(self._door, self._name)
        make = (self._door, recipe.owned)
        image, guarded = recipe.platform_image, KINDS[self.kind].guarded
        self.network: Network = SealedNetwork(*make, image, guarded) if recipe.sealed else OpenNetwork(*make)
        self.services = Services(recipe.services, recipe.owned, self._door, self.network.control_port)
        self.product = self.manager = MachineUnit(self._door, self._machine, recipe, self.network)
        self.neighbours = UnitNeighbours(self._machine, self.product)

    # -- the place itself ------------------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Make network, volumes and machine, and wait until it is up; the side services come up meanwhile.

        Raises InfrastructureError where the engine cannot run systemd.
        """
        owned, recipe = self.recipe.owned, self.recipe
        connected = self.network.make(self.services.names, recipe.host_port)
        self.services.begin(self.network.name)
        make_volumes(self._door, owned, recipe.limits.tree_mb)
        with self._door("asking the engine about itself"):
            boot = self._boot or boot_for(self._door.client.api.info())
        began = time.monotonic()
        self._run_machine(boot)
        up = await_systemd(self._door, self._machine)
        up["since_its_start"] = round(time.monotonic() - began, 4)
        settings = host_network()
        if settings.ca is not None:
            self._machine.put(settings.ca, f"{SHARED}/{CA_FILE.rpartition('/')[2]}", mode=0o644, owner="root")
            self._machine.link_shared()
        with self._door("looking up the machine's image"):
            image = self._door.client.images.get(recipe.platform_image)
        return {
            "kind": self.kind,
            "platform": self.platform,
            "platform_image": recipe.platform_image,
            "platform_image_id": image.id,
            "left_out_of_host_settings": list(settings.left_out),
            "network": connected,
            "boot": {"recipe": boot.name, **up},
        }

    def _run_machine(self, boot: Boot) -> None:
        recipe, limits = self.recipe, self.recipe.limits
        volumes = mounts(recipe.owned, self.bindings.places, VOLUMES)
        with self._door("starting the machine"):
            self._door.client.containers.run(
                recipe.platform_image,
                list(boot.command),
                name=self._door.register("container", self._name),
                labels=recipe.owned.labels("machine"),
                detach=True,
                **self.network.housing(recipe.ports, recipe.host_port),
                volumes=volumes | recipe.caches,
                tmpfs={"/run": "", "/run/lock": "", **recipe.opened},
                # A machine has room for its installers and the tree on tmpfs beside what the product may use.
                mem_limit=f"{limits.memory_mb + limits.tree_mb + 512}m",
                nano_cpus=int(limits.cpus * 1e9),
                pids_limit=4096,
                **boot.options,
            )

    def check_own(self, *, closely: bool) -> None:
        """Make sure that machine and services run, and that the database server answers if it should."""
        names = [self._name, *self.network.standing(), *self.services.standing()]
        check_running(self._door, own_labels(self.recipe.owned), names, closely=closely)
        if closely:
            self.services.check_database()

    # -- commands and files ----------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        network: bool = False,
        installed: bool = False,  # noqa: ARG002 - installers and programs are on the same machine
    ) -> CommandResult:
        """Run a command on the machine as the product's user."""
        variables = {**(host_network().variables if network else {}), **(environment or {})}
        return self._toolbox.run(argv, timeout=timeout, environment=variables, directory=directory)

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file, owned by the product's user."""
        self._toolbox.put(content, path, mode=mode)

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive into a folder."""
        self._toolbox.unpack(tar, folder)

    def get(self, path: str) -> bytes | None:
        """Read one file as the product's user."""
        return self._toolbox.get(path)

    # -- the end -------------------------------------------------------------------------------------------------

    def asked(self) -> list[dict[str, Any]] | None:
        """Ask the sentry, where the network is sealed."""
        return self.network.asked()

    def survey(self) -> Survey:
        """Look at the whole machine as root."""
        return survey_machine(
            lambda words, timeout: self._machine.run(words, timeout=timeout), self.bindings.places, USER, LAB_OWN
        )

    def disown(self) -> None:
        """Remove the unit that was written for the product."""
        self.product.remove()

    def collect(self) -> dict[str, bytes]:
        """Gather the machine's journal and units, and the containers' logs and states."""
        roles, found = self.services.collect()
        found |= collect(self._door, self.recipe.owned, [*roles, "machine"])
        return found | self.network.collect() | self.product.collect()

    @property
    def aborted(self) -> bool:
        """Whether the trial was told to end early."""
        return self._door.aborted.is_set()

    def abort(self) -> None:
        """Make calls under way fail by taking their containers away."""
        objects.break_off(self._door, self.recipe.owned)

    def keep(self) -> None:
        """Leave everything where it is; only connections are closed."""
        self._close()
        self._door.client.close()

    def destroy(self) -> list[str]:
        """Remove every object of the trial."""
        self._door.aborted.set()
        self._close()
        return objects.take_down(self._door, self.recipe.owned, self.services.starting())

    def _close(self) -> None:
        for each in (self._toolbox, self._machine, self.services):
            each.close()

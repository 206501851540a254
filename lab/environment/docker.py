"""The environment `docker`: a network a trial, the installer in a toolbox container, the product as PID 1 of its own.

The toolbox holds the trial's volumes, so that a product tree on tmpfs outlives the product's containers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from lab.environment.containers import engine, objects
from lab.environment.containers.beside import check_running
from lab.environment.containers.engine import Door
from lab.environment.containers.neighbours import Neighbours
from lab.environment.containers.network import Network, OpenNetwork
from lab.environment.containers.objects import (
    VOLUMES,
    collect,
    make_volumes,
    mounts,
    outside,
    own_labels,
)
from lab.environment.containers.product import ContainerProduct
from lab.environment.containers.recipe import Recipe
from lab.environment.containers.sealed import SealedNetwork
from lab.environment.containers.services import Services
from lab.environment.containers.toolbox import Commands, Toolbox
from lab.environment.hostnet import CA_FILE, host_network
from lab.environment.kinds import KINDS
from lab.environment.survey import Request, Survey, survey_by
from lab.process import CommandResult


class DockerEnvironment:
    """One trial on a container engine."""

    kind = "docker"
    capabilities = KINDS[kind].capabilities
    manager = None

    def __init__(self, recipe: Recipe, note: Callable[..., None]) -> None:
        self.recipe = recipe
        self.platform = recipe.platform
        self.bindings = recipe.bindings
        self._door = Door(engine.connect(), note)
        self._toolbox = Toolbox(self._door, recipe.owned.name("toolbox"))
        make = (self._door, recipe.owned)
        image, guarded = recipe.platform_image, KINDS[self.kind].guarded
        self.network: Network = SealedNetwork(*make, image, guarded) if recipe.sealed else OpenNetwork(*make)
        self.services = Services(recipe.services, recipe.owned, self._door, self.network.control_port)
        self._written_to: set[str] = set()
        self.neighbours = Neighbours(self._door, recipe.owned, image, self.network)
        self.product = ContainerProduct(self._door, recipe, self.network, self.neighbours, self._volumes)

    # -- the place itself ------------------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Make network, volumes and toolbox; the side services come up meanwhile."""
        owned, recipe = self.recipe.owned, self.recipe
        connected = self.network.make(self.services.names, recipe.host_port)
        self.services.begin(self.network.name)
        make_volumes(self._door, owned, recipe.limits.tree_mb)
        with self._door("starting the installer's container"):
            box = self._door.register("container", owned.name("toolbox"))
            self._door.client.containers.run(
                recipe.platform_image,
                ["sleep", "infinity"],
                name=box,
                labels=owned.labels("toolbox"),
                detach=True,
                **self.network.joined("installer"),
                volumes=self._volumes() | recipe.caches,
                tmpfs=recipe.opened,
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
            "platform_base": recipe.platform_base,
            "left_out_of_host_settings": list(network.left_out),
            "network": connected,
        }

    def _volumes(self, image: bool = False) -> dict[str, dict[str, str]]:
        """Return the mounts; an image brings its own program, and its own configuration unless one was written."""
        roles = [role for role in VOLUMES if not image or role == "data" or role in self._written_to]
        return mounts(self.recipe.owned, self.bindings.places, roles)

    def check_own(self, *, closely: bool) -> None:
        """Make sure that toolbox, services and neighbours run, and that the database server answers if it should."""
        beside = [*self.network.standing(), *self.services.standing(), *self.neighbours.standing()]
        names = [self.recipe.owned.name("toolbox"), *beside]
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
        installed: bool = False,
    ) -> CommandResult:
        """Run a command in the toolbox, or in the product's container where the product is an image."""
        variables = {**(host_network().variables if network else {}), **(environment or {})}
        if not (installed and self.product.is_image):
            return self._toolbox.run(argv, timeout=timeout, environment=variables, directory=directory)
        inside = Commands(self._door, self.product.containers[-1], own_clock=True)
        try:
            return inside.run(argv, timeout=timeout, environment=variables, directory=directory)
        finally:
            inside.close()

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file into the trial's volumes."""
        if PurePosixPath(path).is_relative_to(self.bindings.places.config):
            self._written_to.add("config")
        self._toolbox.put(content, path, mode=mode)

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive into a folder."""
        self._toolbox.unpack(tar, folder)

    def get(self, path: str) -> bytes | None:
        """Read one file out of the trial's volumes."""
        return self._toolbox.get(path)

    # -- the end ---------------------------------------------------------------------------------------------------

    def asked(self) -> list[dict[str, Any]] | None:
        """Ask the sentries, where the network is sealed."""
        return self.network.asked()

    def survey(self) -> Survey:
        """Look at the volumes, and at what was written outside them: into the layers of the trial's containers.

        Accounts and units are those of an image, which nobody else uses.
        """
        binds = [each["bind"] for each in (self._volumes() | self.recipe.caches).values()]
        looked = ("the volumes, and what was written into the containers' own layers",)
        wanted = Request(roots := tuple(binds[: len(VOLUMES)]), roots, looked=looked)
        seen = survey_by(lambda words, timeout: self._toolbox.run(words, timeout=timeout), wanted)
        layers = outside(self._door, binds, self.recipe.owned.name("toolbox"), self.product.containers)
        words = (*(seen.processes or ()), *self.product.processes())
        return replace(seen, files={**(seen.files or {}), **layers}, processes=words)

    def disown(self) -> None:
        """Do nothing: containers of the product that have ended are the lab's evidence."""

    def collect(self) -> dict[str, bytes]:
        """Gather every container's logs and state; what cannot be read is named instead."""
        roles, found = self.services.collect()
        found |= self.network.collect()
        roles += [f"product-{number + 1}" for number in range(len(self.product.containers))]
        return found | collect(self._door, self.recipe.owned, roles)

    @property
    def aborted(self) -> bool:
        """Whether the trial was told to end early."""
        return self._door.aborted.is_set()

    def abort(self) -> None:
        """Make calls under way fail by taking their containers away."""
        objects.break_off(self._door, self.recipe.owned)

    def keep(self) -> None:
        """Leave everything where it is; only connections are closed."""
        self._toolbox.close()
        self.services.close()
        self._door.client.close()

    def destroy(self) -> list[str]:
        """Remove every object of the trial."""
        self._door.aborted.set()
        self._toolbox.close()
        self.services.close()
        return objects.take_down(self._door, self.recipe.owned, self.services.starting())

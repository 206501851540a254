"""How the environments of a run are made: what they share is prepared once, then each trial gets one of its own."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab import paths
from lab.environment.base import Environment
from lab.environment.kinds import KINDS
from lab.errors import InfrastructureError
from lab.lifecycle.setting import Setting
from lab.product.sources import Artifact
from lab.scenario.steps import Slot
from lab.trial import TrialPlan

if TYPE_CHECKING:
    import docker

    from lab.environment.containers.recipe import Recipe
    from lab.preparation import Faults, Part, Stock

Note = Callable[..., None]


@dataclass(frozen=True)
class Site:
    """What all trials of a run share, and how an environment is made of it."""

    stock: "Stock | None" = None
    """Images, where an engine makes environments."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Platform to the volume with the installers' cache."""
    mock: Path = Path()
    """Folder with what the LLM mock needs, where it runs on this machine."""
    wheels: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Platform to the volumes with what installing each version takes, where trials run on a sealed network."""
    host_port: int | None = None
    """Where the product is published, if the user says so."""
    faults: "Faults" = field(default_factory=dict)
    """What could not be made."""

    def images(self, setting: Setting) -> dict[Slot, str]:
        """Return the tags of the product's own images for a trial."""
        from lab.preparation import image_key

        keys = {slot: (setting.cell.platform, image_key(found)) for slot, found in setting.artifacts.items()}
        own = self.stock.product if self.stock else {}
        return {slot: own[key] for slot, key in keys.items() if key in own}

    def shelves(self, setting: Setting) -> dict[str, str]:
        """Return folders of a trial and the volumes that are mounted there, with what its installers need."""
        from lab.preparation import image_key

        keys = {slot: (setting.cell.platform, image_key(found)) for slot, found in setting.artifacts.items()}
        mounted = {slot: key for slot, key in keys.items() if setting.sealed and key in self.wheels}
        return {setting.places.wheels(slot): self.wheels[key] for slot, key in mounted.items()}

    def build(self, plan: TrialPlan, note: Note) -> Environment:
        """Return the environment of one trial; it is made by its `provision`.

        Raises InfrastructureError where something that the trial needs could not be made before.
        """
        if fault := self.fault(plan.setting):
            raise InfrastructureError(fault.message, hint=fault.hint)
        return BUILD[plan.setting.cell.environment](self, plan, note)

    def fault(self, setting: Setting) -> InfrastructureError | None:
        """Return why a trial cannot be made, None where nothing is known that is in its way."""
        if not self.faults or not KINDS[setting.cell.environment].needs_engine:
            return None
        from lab.preparation import image_key

        platform, keys = setting.cell.platform, [image_key(found) for found in setting.artifacts.values()]
        needed: list[Part] = [("platform", platform), *(("product", platform, key) for key in keys)]
        needed += [("machine", platform)] if setting.cell.environment == "systemd" else []
        needed += [("postgresql",)] if setting.has_database_server else []
        needed += [("wheels", platform, key) for key in keys] if setting.sealed else []
        return next((self.faults[part] for part in needed if part in self.faults), None)

    @property
    def _stock(self) -> "Stock":
        if self.stock is None:
            raise InfrastructureError("no images were prepared, since no cell asked for a container engine")
        return self.stock


def prepare_site(
    settings: Sequence[Setting],
    client: "docker.DockerClient | None",
    say: Callable[[str], None],
    host_port: int | None = None,
) -> Site:
    """Make ready what the trials of these settings share: images and volumes, or packages on this machine.

    Raises InfrastructureError where no trial can be made; one that some need is raised when those are made.
    """
    stock, volumes, wheels = None, dict[str, str](), dict[tuple[str, str], str]()
    faults: Faults = {}
    on_engine = [setting for setting in settings if KINDS[setting.cell.environment].needs_engine]
    if on_engine and client is not None:
        from lab.preparation import cache_volume, prepare_images, wheel_volumes

        server = any(setting.has_database_server for setting in on_engine)
        platforms = [setting.cell.platform for setting in on_engine]
        stock = prepare_images(
            client,
            platforms,
            _on_platforms(on_engine),
            say,
            postgresql=server,
            machines=[setting.cell.platform for setting in on_engine if setting.cell.environment == "systemd"],
            brought={setting.cell.platform: setting.platform_image for setting in on_engine},
            faults=faults,
        )
        product = next(iter(on_engine[0].definitions.values())).product
        volumes = {name: cache_volume(client, product, name) for name in stock.platform}
        sealed = _on_platforms([setting for setting in on_engine if setting.sealed])
        wheels = wheel_volumes(client, sealed, say, faults)
    if any(setting.uses_pipx for setting in settings):
        from lab.environment.images.fetched import pipx_archive

        pipx_archive(say)
    mock = Path()
    if len(on_engine) < len(settings):
        from lab.environment.images.fetched import mock_site

        mock = mock_site(f"{sys.version_info.major}.{sys.version_info.minor}", say)
    site = Site(stock, volumes, mock, wheels, host_port, faults)
    found = [site.fault(setting) for setting in settings]
    if found and found[0] and all(found):
        raise found[0]
    return site


def _on_platforms(settings: Sequence[Setting]) -> list[tuple[str, Artifact]]:
    """Return every artifact with the platform on which it is to run."""
    return [(setting.cell.platform, found) for setting in settings for found in setting.artifacts.values()]


def _docker(site: Site, plan: TrialPlan, note: Note) -> Environment:
    from lab.environment.docker import DockerEnvironment

    return DockerEnvironment(_recipe(site, plan), note)


def _systemd(site: Site, plan: TrialPlan, note: Note) -> Environment:
    from lab.environment.systemd import SystemdEnvironment

    setting = plan.setting
    image = site._stock.machine[setting.cell.platform]  # noqa: SLF001 - one module
    ports = tuple(sorted({setting.port(slot) for slot in setting.definitions}))
    return SystemdEnvironment(replace(_recipe(site, plan), platform_image=image, ports=ports), note)


def _recipe(site: Site, plan: TrialPlan) -> "Recipe":
    """Return what an environment on the engine is made of."""
    from lab.environment.containers.engine import Ownership
    from lab.environment.containers.recipe import Recipe
    from lab.environment.containers.services import ServicesRecipe

    setting, stock = plan.setting, site._stock  # noqa: SLF001 - one module
    return Recipe(
        owned=Ownership(plan.run_id, plan.key),
        platform=setting.cell.platform,
        platform_image=stock.platform[setting.cell.platform],
        platform_base=stock.bases.get(setting.cell.platform, ""),
        services=ServicesRecipe(
            llm_image=stock.llm_mock,
            database_image=stock.postgresql if setting.has_database_server else "",
            account=setting.account,
        ),
        cache_volume=site.volumes[setting.cell.platform],
        bindings=setting.bindings,
        limits=setting.scenario.limits,
        host_port=site.host_port,
        sealed=setting.sealed,
        wheels=site.shelves(setting),
        interpreter=setting.interpreter,
    )


def _local(site: Site, plan: TrialPlan, note: Note) -> Environment:
    from lab.environment.local import LocalEnvironment, LocalRecipe

    product = next(iter(plan.setting.definitions.values())).product
    recipe = LocalRecipe(
        run_id=plan.run_id,
        folder=paths.place(plan.folder.parents[3], plan.run_id, plan.key),
        platform=plan.setting.cell.platform,
        cache=paths.cache() / "installers" / product,
        mock=site.mock,
        python=str(plan.setting.interpreter.executable(here=True)) if plan.setting.interpreter else "",
        port=site.host_port,
    )
    return LocalEnvironment(recipe, note)


def _host(site: Site, plan: TrialPlan, note: Note) -> Environment:
    from lab.environment.host import HostEnvironment, HostRecipe

    if plan.setting.host is None:
        raise InfrastructureError(f"no inventory names the machine of {plan.setting.cell.id}")
    recipe = HostRecipe(
        host=plan.setting.host,
        run_id=plan.run_id,
        folder=paths.place(plan.folder.parents[3], plan.run_id, plan.key),
        mock=site.mock,
        memory_mb=plan.setting.scenario.limits.memory_mb,
        port=site.host_port,
    )
    return HostEnvironment(recipe, note)


BUILD: Mapping[str, Callable[[Site, TrialPlan, Note], Environment]] = {
    "docker": _docker,
    "systemd": _systemd,
    "local": _local,
    "host": _host,
}
"""How each kind of environment is made."""

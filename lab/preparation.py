"""What all trials of a run share: artifacts, images, cache volumes; made once, before the first trial."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from lab.environment.containers import engine
from lab.environment.images.making import Images
from lab.environment.images.platforms import platform_named
from lab.errors import InfrastructureError
from lab.product.catalog import Choice
from lab.product.sources import Artifact, resolve
from lab.scenario.steps import Slot

if TYPE_CHECKING:
    import docker

Say = Callable[[str], None]
Part = tuple[str, ...]
"""An image or a volume: its role, and what tells it from others, such as its platform."""
Faults = dict[Part, InfrastructureError]
SERVICE_PLATFORM = "debian-12"
"""Side services run on one platform, whatever the product runs on."""
BUILDERS = 3
"""Images that are built at the same time."""


@dataclass(frozen=True)
class Stock:
    """Images and volumes by platform, on one engine."""

    platform: Mapping[str, str]
    llm_mock: str
    bases: Mapping[str, str] = field(default_factory=dict)
    """Platform to the image that it is made of, with its digest."""
    postgresql: str = ""
    """Tag of the database's image, empty where no trial asked for one."""
    product: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Tags of the product's own images, by platform and `image_key` of the artifact."""
    machine: Mapping[str, str] = field(default_factory=dict)
    """Tags of the images whose first process is systemd, by platform, where a trial asked for one."""


def resolve_all(choices: Mapping[Slot, Choice]) -> dict[Slot, Artifact]:
    """Turn versions into artifacts, side by side.

    Raises VersionError or InfrastructureError, the first version's first.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        calls = {slot: pool.submit(resolve, choice) for slot, choice in choices.items()}
        return {slot: call.result() for slot, call in calls.items()}


def prepare_images(
    client: "docker.DockerClient",
    platforms: Iterable[str],
    artifacts: Sequence[tuple[str, Artifact]],
    say: Say,
    *,
    postgresql: bool = False,
    machines: Sequence[str] = (),
    brought: Mapping[str, str] = MappingProxyType({}),
    faults: Faults | None = None,
) -> Stock:
    """Make sure that every image is there, that of a PostgreSQL server and those of `machines` only where needed.

    `artifacts` are told with a platform on which each is to run; `brought` names the images of those platforms that
    are not the lab's own. What cannot be made is noted in `faults`, and left out; without them it is raised.
    """
    images = Images(client, say)
    named = {name: platform_named(name, brought.get(name, "")) for name in dict.fromkeys(platforms)}
    tags = _made(faults, {("platform", name): partial(images.platform, found) for name, found in named.items()})
    own = {(name, image_key(artifact)): artifact for name, artifact in artifacts if artifact.kind == "image"}
    service = platform_named(SERVICE_PLATFORM)
    rest: dict[Part, Callable[[], str]] = {("postgresql",): partial(images.postgresql, service)} if postgresql else {}
    there = {name: platform for name, platform in named.items() if ("platform", name) in tags}
    rest |= {("product", *pair): partial(images.product, own[pair], there[pair[0]]) for pair in own if pair[0] in there}
    rest |= {("machine", name): partial(images.machine, there[name]) for name in machines if name in there}
    with building() as pool:
        mock = pool.submit(images.llm_mock, service)
        made = _made(faults, {part: pool.submit(make).result for part, make in rest.items()})
        return Stock(
            platform={name: tag for (_, name), tag in tags.items()},
            llm_mock=mock.result(),
            bases={name: images.origin(platform) for name, platform in there.items()},
            postgresql=made.get(("postgresql",), ""),
            product={(part[1], part[2]): tag for part, tag in made.items() if part[0] == "product"},
            machine={part[1]: tag for part, tag in made.items() if part[0] == "machine"},
        )


@contextmanager
def building() -> Iterator[ThreadPoolExecutor]:
    """Build side by side; what has not begun when the block ends badly does not begin."""
    with ThreadPoolExecutor(max_workers=BUILDERS) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _made(faults: Faults | None, parts: Mapping[Part, Callable[[], str]]) -> dict[Part, str]:
    """Make each part; one that the machine cannot make costs those who need it, not the others."""
    made = {}
    for part, make in parts.items():
        try:
            made[part] = make()
        except InfrastructureError as error:
            if faults is None:
                raise
            faults[part] = error
    return made


def image_key(artifact: Artifact) -> str:
    """Return what tells one artifact from another."""
    return f"{artifact.digest} {artifact.requirement} {artifact.extra}".rstrip()


def wheel_volumes(
    client: "docker.DockerClient", artifacts: Sequence[tuple[str, Artifact]], say: Say, faults: Faults
) -> dict[tuple[str, str], str]:
    """Return volumes with all that it takes to install each artifact on its platform, by platform and `image_key`.

    What cannot be made is noted in `faults`, and left out.
    """
    images = Images(client, say)
    wanted: dict[Part, Callable[[], str]] = {}
    for name, artifact in artifacts:
        target, part = platform_named(name), ("wheels", name, image_key(artifact))
        if artifact.kind != "image" and ("platform", name) not in faults:
            wanted[part] = partial(images.wheels, artifact, target, refused=not _admits(artifact, target.python))
    return {(part[1], part[2]): volume for part, volume in _made(faults, wanted).items()}


def _admits(artifact: Artifact, python: str) -> bool:
    """Whether an artifact can be installed with a Python (major.minor); one that refuses it needs nothing."""
    try:
        return python in SpecifierSet(artifact.requires_python, prereleases=True)
    except InvalidSpecifier:
        return True


def cache_volume(client: "docker.DockerClient", product: str, platform: str) -> str:
    """Return the volume with the installer's cache: a product can poison no other's."""
    name = f"lab-cache-uv-{product}-{platform}"
    with engine.calls(f"making the volume {name}"):
        client.volumes.create(name, labels={engine.CACHE: "uv", engine.OWNER: "shared"})
    return name

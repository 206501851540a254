"""What all trials of a run share: artifacts, images, cache volumes; made once, before the first trial."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.environment import engine
from lab.environment.images import Images
from lab.environment.platforms import platform_named
from lab.product.catalog import Choice
from lab.product.sources import Artifact, resolve
from lab.scenario.model import Slot

if TYPE_CHECKING:
    import docker

Say = Callable[[str], None]
MOCK_PLATFORM = "debian-12"
BUILDERS = 3
"""Images that are built at the same time."""


@dataclass(frozen=True)
class Stock:
    """Images and volumes by platform, on one engine."""

    platform: Mapping[str, str]
    llm_mock: str
    product: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Tags of the product's own images: platform → artifact digest or name → tag."""


def resolve_all(choices: Mapping[Slot, Choice]) -> dict[Slot, Artifact]:
    """Turn versions into artifacts, side by side.

    Raises VersionError or InfrastructureError, the first version's first.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        calls = {slot: pool.submit(resolve, choice) for slot, choice in choices.items()}
        return {slot: call.result() for slot, call in calls.items()}


def prepare_images(
    client: "docker.DockerClient", platforms: Sequence[str], artifacts: Sequence[Artifact], say: Say
) -> Stock:
    """Make sure that every image is there; the LLM mock runs on one platform, whatever the product runs on."""
    images = Images(client, say)
    named = {name: platform_named(name) for name in dict.fromkeys(platforms)}
    tags = {name: images.platform(platform) for name, platform in named.items()}
    own = {image_key(artifact): artifact for artifact in artifacts if artifact.kind == "image"}
    with ThreadPoolExecutor(max_workers=BUILDERS) as pool:
        mock = pool.submit(images.llm_mock, platform_named(MOCK_PLATFORM))
        calls = {
            name: {key: pool.submit(images.product, artifact, platform) for key, artifact in own.items()}
            for name, platform in named.items()
        }
        product = {name: {key: call.result() for key, call in each.items()} for name, each in calls.items()}
        return Stock(tags, mock.result(), product)


def image_key(artifact: Artifact) -> str:
    """Return what tells one image artifact from another."""
    return f"{artifact.digest} {artifact.requirement}"


def cache_volume(client: "docker.DockerClient", product: str, platform: str) -> str:
    """Return the volume with the installer's cache: a product can poison no other's."""
    name = f"lab-cache-uv-{product}-{platform}"
    with engine.calls(f"making the volume {name}"):
        client.volumes.create(name, labels={engine.CACHE: "uv", engine.OWNER: "shared"})
    return name

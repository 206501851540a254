"""Images: a base is pulled, or bootstrapped where no registry answers; the others are built from it, by content."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment.containers import engine
from lab.environment.images.build import build
from lab.environment.images.fetched import mock_site
from lab.environment.images.named import present, pulled
from lab.environment.images.platforms import PACKAGES, Platform, bootstrap
from lab.environment.images.wheelhouse import no_wheels, shelve, wheelhouse
from lab.locks import locked
from lab.product.sources import Artifact, tree_digest

if TYPE_CHECKING:
    import docker

RECIPE = "1"
"""Goes into every tag; a change here makes everything be built anew."""
POSTGRESQL_PACKAGES = ("postgresql", "python3-psycopg2")
SYSTEMD_PACKAGES = ("systemd", "systemd-sysv", "dbus")
Say = Callable[[str], None]


class Images:
    """The images of one engine; each method returns a tag and does nothing where the image is there already."""

    def __init__(self, client: "docker.DockerClient", say: Say) -> None:
        self._client = client
        self._say = say

    def platform(self, platform: Platform) -> str:
        """Return the image in which trials on this platform run."""
        return self._built(
            "platform", paths.images() / "platform", self._base(platform), {"uv": _uv_binary()}, platform.name
        )

    def machine(self, platform: Platform) -> str:
        """Return the image of a machine: the platform with systemd as its first process."""
        base = self._base(platform, (*PACKAGES, *SYSTEMD_PACKAGES))
        return self._built("systemd", paths.images() / "systemd", base, {"uv": _uv_binary()}, platform.name)

    def llm_mock(self, platform: Platform) -> str:
        """Return the image of the LLM mock; its dependencies are fetched by this host, not in the build."""
        site = mock_site(platform.python, self._say, self.machine_type())
        extra: dict[str, Path | bytes] = {
            "site": site,
            "lab/llm_mock": paths.CHECKOUT / "lab" / "llm_mock",
            "lab/__init__.py": b"",
        }
        return self._built("llm-mock", paths.images() / "llm-mock", self.platform(platform), extra, platform.name)

    def postgresql(self, platform: Platform) -> str:
        """Return the image of a PostgreSQL server, of the version that the platform's packages have."""
        base = self._base(platform, (*PACKAGES, *POSTGRESQL_PACKAGES))
        return self._built("postgresql", paths.images() / "postgresql", base, {}, platform.name)

    def product(self, artifact: Artifact, platform: Platform) -> str:
        """Return the product's own image: pulled by name, or built from its folder with a wheelhouse beside it.

        Raises VersionError for a name that neither the engine nor a registry knows, InfrastructureError.
        """
        if artifact.path is None:
            self._present(artifact.requirement, artifact.label)
            return artifact.requirement
        base = self.platform(platform)
        extra: dict[str, Path | bytes] = {}
        if artifact.folder is not None:
            extra["wheels"] = wheelhouse(artifact, platform.python, self.machine_type(), self._say)
        return self._built("product", artifact.path, base, extra, artifact.label)

    def machine_type(self) -> str:
        """Return what the engine's machine is called, such as `x86_64`."""
        with engine.calls("asking the engine about its machine"):
            return str(self._client.info()["Architecture"])

    def wheels(self, artifact: Artifact, platform: Platform, *, refused: bool = False) -> str:
        """Return a volume with all that installing an artifact takes on this platform, nothing if it is `refused`."""
        folder = no_wheels() if refused else wheelhouse(artifact, platform.python, self.machine_type(), self._say)
        return shelve(self._client, folder, self.platform(platform))

    def identity(self, tag: str) -> str:
        """Return an image's id, `sha256:…`."""
        with engine.calls(f"looking up the image {tag}"):
            return str(self._client.images.get(tag).id)

    def origin(self, platform: Platform) -> str:
        """Return which image a platform is made of, `NAME@sha256:…`, with the registry's digest where there is one."""
        name = self._base(platform)
        with engine.calls(f"looking up the image {name}"):
            image = self._client.images.get(name)
        known = image.attrs.get("RepoDigests") or []
        return str(known[0]) if known else f"{name}@{image.id}"

    def cached(self) -> list[dict[str, Any]]:
        """List the images that the lab made: tags, size in bytes, role."""
        with engine.calls("listing images"):
            images = self._client.api.images(filters={"label": engine.CACHE})
        rows = [
            {"tag": tag, "bytes": image["Size"], "role": image["Labels"].get(engine.CACHE, "")}
            for image in images
            for tag in image["RepoTags"] or ["(untagged)"]
        ]
        return sorted(rows, key=lambda row: str(row["tag"]))

    # -- how they come to be ---------------------------------------------------------------------------------------

    def _base(self, platform: Platform, packages: Sequence[str] = PACKAGES) -> str:
        if platform.image:
            self._present(platform.image, f"the platform {platform.name}")
            return platform.image
        key = hashlib.sha256("\n".join([RECIPE, platform.suite, *packages]).encode()).hexdigest()[:12]
        tag = f"lab/base:{platform.name}-{key}"
        with locked(paths.cache() / "images" / tag.replace("/", "-")):
            if not self._has(tag) and not self._pull(platform, tag):
                self._import(platform, tag, packages)
        return tag

    def _pull(self, platform: Platform, tag: str) -> bool:
        import requests
        from docker.errors import APIError

        self._say(f"{platform.name}: asking the registry for {platform.registry_name}")
        try:
            image = pulled(self._client, platform.registry_name)
        except (APIError, requests.exceptions.RequestException):
            self._say(f"{platform.name}: no registry answers; bootstrapping the base image (about 20 s)")
            return False
        # Labels cannot be added to an image; a build of one line gives it the cache's.
        build(self._client, tag, {"Dockerfile": f"FROM {image.id}\n".encode()}, {}, "base pulled")
        self._say(f"{platform.name}: pulled {platform.registry_name}")
        return True

    def _import(self, platform: Platform, tag: str, packages: Sequence[str]) -> None:
        archive = paths.cache() / "images" / f"{tag.replace('/', '-').replace(':', '-')}-{os.getpid()}.tar"
        try:
            bootstrap(platform, archive, packages)
            with engine.calls(f"importing {tag}"):
                self._client.api.import_image_from_file(
                    str(archive),
                    repository=tag.partition(":")[0],
                    tag=tag.partition(":")[2],
                    changes=[f'LABEL {engine.CACHE}="base bootstrapped"'],
                )
        finally:
            archive.unlink(missing_ok=True)

    def _present(self, name: str, what: str) -> None:
        """Make sure that an image is there which somebody named for something."""
        present(self._client, name, what, self._say)

    def _built(
        self,
        role: str,
        folder: Path,
        base: str,
        extra: dict[str, "Path | bytes"] | dict[str, Path],
        suffix: str,
    ) -> str:
        """Build a folder's Dockerfile with additional files, unless this very content has been built."""
        parts = [RECIPE, self.identity(base), tree_digest(folder)]
        for name, content in sorted(extra.items()):
            parts.append(f"{name} {_digest(content)}")
        tag = f"lab/{role}:{suffix}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:12]}"
        with locked(paths.cache() / "images" / tag.replace("/", "-")):
            if not self._has(tag):
                self._say(f"building the image {tag}")
                build(self._client, tag, {".": folder, **extra}, {"BASE": base}, role)
        return tag

    def _has(self, tag: str) -> bool:
        from docker.errors import ImageNotFound

        with engine.calls(f"looking for the image {tag}"):
            try:
                self._client.images.get(tag)
            except ImageNotFound:
                return False
        return True


def _digest(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    if content.is_dir():
        return tree_digest(content)
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _uv_binary() -> Path:
    import uv

    return Path(uv.find_uv_bin())

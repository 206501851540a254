"""Images: a base is pulled, or bootstrapped where no registry answers; the others are built from it, by content."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment import engine
from lab.environment.build import build
from lab.environment.platforms import PACKAGES, Platform, bootstrap
from lab.errors import InfrastructureError, VersionError
from lab.locks import locked
from lab.process import run
from lab.product.sources import Artifact, tree_digest

if TYPE_CHECKING:
    import docker
    from docker.models.images import Image

RECIPE = "1"
"""Goes into every tag; a change here makes everything be built anew."""
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

    def llm_mock(self, platform: Platform) -> str:
        """Return the image of the LLM mock; its dependencies are fetched by this host, not in the build."""
        lock = paths.CHECKOUT / "requirements" / "llm-mock.txt"
        key = hashlib.sha256(lock.read_bytes() + platform.python.encode()).hexdigest()
        site = paths.cache() / "site" / key
        with locked(site):
            if not site.is_dir():
                self._say("fetching what the LLM mock needs")
                part = site.with_name(f"{key}.part")
                shutil.rmtree(part, ignore_errors=True)
                _fetch(
                    [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes", "--no-deps",
                     "--python-version", platform.python, "--only-binary", ":all:", "--target", part, "-r", lock],
                    "fetching what the LLM mock needs",
                )  # fmt: skip
                # Scripts name this host's Python, and the records hold the scripts' digests.
                shutil.rmtree(part / "bin", ignore_errors=True)
                for listed in part.glob("*.dist-info/RECORD"):
                    listed.unlink()
                part.rename(site)
        extra: dict[str, Path | bytes] = {
            "site": site,
            "lab/llm_mock": paths.CHECKOUT / "lab" / "llm_mock",
            "lab/__init__.py": b"",
        }
        return self._built("llm-mock", paths.images() / "llm-mock", self.platform(platform), extra, platform.name)

    def product(self, artifact: Artifact, platform: Platform) -> str:
        """Return the product's own image: pulled by name, or built from its folder with a wheelhouse beside it.

        Raises VersionError for a name that neither the engine nor a registry knows.
        """
        if artifact.path is None:
            self._present(artifact)
            return artifact.requirement
        base = self.platform(platform)
        extra: dict[str, Path | bytes] = {}
        if artifact.folder is not None:
            extra["wheels"] = self._wheelhouse(artifact.folder, platform)
        return self._built("product", artifact.path, base, extra, artifact.label)

    def identity(self, tag: str) -> str:
        """Return an image's id, `sha256:…`."""
        with engine.calls(f"looking up the image {tag}"):
            return str(self._client.images.get(tag).id)

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

    def _base(self, platform: Platform) -> str:
        key = hashlib.sha256("\n".join([RECIPE, platform.suite, *PACKAGES]).encode()).hexdigest()[:12]
        tag = f"lab/base:{platform.name}-{key}"
        with locked(paths.cache() / "images" / tag.replace("/", "-")):
            if not self._has(tag) and not self._pull(platform, tag):
                self._import(platform, tag)
        return tag

    def _pull(self, platform: Platform, tag: str) -> bool:
        import requests
        from docker.errors import APIError

        self._say(f"{platform.name}: asking the registry for {platform.registry_name}")
        try:
            image = self._pulled(platform.registry_name)
        except (APIError, requests.exceptions.RequestException):
            self._say(f"{platform.name}: no registry answers; bootstrapping the base image (about 20 s)")
            return False
        # Labels cannot be added to an image; a build of one line gives it the cache's.
        build(self._client, tag, {"Dockerfile": f"FROM {image.id}\n".encode()}, {}, "base pulled")
        self._say(f"{platform.name}: pulled {platform.registry_name}")
        return True

    def _import(self, platform: Platform, tag: str) -> None:
        archive = paths.cache() / "images" / f"{platform.name}-{os.getpid()}.tar"
        try:
            bootstrap(platform, archive)
            with engine.calls(f"importing {tag}"):
                self._client.api.import_image_from_file(
                    str(archive),
                    repository=tag.partition(":")[0],
                    tag=tag.partition(":")[2],
                    changes=[f'LABEL {engine.CACHE}="base bootstrapped"'],
                )
        finally:
            archive.unlink(missing_ok=True)

    def _wheelhouse(self, wheel: Path, platform: Platform) -> Path:
        """Return a folder with a wheel and the wheels of all it depends on."""
        machine = self._client.info()["Architecture"]
        key = hashlib.sha256(f"{wheel.parent} {platform.python} {machine}".encode()).hexdigest()
        place = paths.cache() / "wheelhouses" / key
        with locked(place):
            if not place.is_dir():
                self._say(f"fetching what {wheel.name} depends on")
                part = place.with_name(f"{key}.part")
                shutil.rmtree(part, ignore_errors=True)
                tags = [f"manylinux_2_{glibc}_{machine}" for glibc in (31, 28, 17)] + [
                    f"manylinux2014_{machine}",
                    "any",
                ]
                _fetch(
                    [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                     "--only-binary=:all:", f"--python-version={platform.python}",
                     *(f"--platform={name}" for name in tags), "--dest", part, wheel],
                    f"fetching what {wheel.name} depends on",
                )  # fmt: skip
                part.rename(place)
        return place

    def _present(self, artifact: Artifact) -> None:
        from docker.errors import APIError, ImageNotFound

        try:
            self._client.images.get(artifact.requirement)
        except ImageNotFound:
            self._say(f"pulling {artifact.requirement}")
            try:
                self._pulled(artifact.requirement)
            except APIError as error:
                raise VersionError(
                    f"{artifact.label}: the image {artifact.requirement} is not on the engine, and pulling it failed: "
                    f"{error.explanation or error}",
                    hint="docker load or docker build it first, or name another",
                ) from error

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

    def _pulled(self, name: str) -> "Image":
        """Pull one image, not all tags of its name."""
        from docker.utils import parse_repository_tag

        repository, tag = parse_repository_tag(name)
        return self._client.images.pull(repository, tag or "latest")

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


def _fetch(argv: list[str | Path], what: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lab-fetch-") as scratch:  # what an ended installer would leave behind
        done = run(argv, timeout=600, environment={"TMPDIR": scratch})
    if not done.ok:
        raise InfrastructureError(f"{what} failed:\n{done.tail()}", hint="does the package index answer?")


def _uv_binary() -> Path:
    import uv

    return Path(uv.find_uv_bin())

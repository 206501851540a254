"""Platforms, and how one is made out of Debian's packages where no registry has it."""

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.environment.hostnet import debian_sources
from lab.errors import InfrastructureError, UsageError
from lab.locks import locked
from lab.process import run
from lab.strict import SLUG_PATTERN
from lab.template import near

PACKAGES = ("python3", "python3-venv", "ca-certificates")
"""What every platform has."""
BOOTSTRAP_SECONDS = 900
IMAGE_OPTION = "--platform-image"


@dataclass(frozen=True)
class Platform:
    """An operating system a trial can run on."""

    name: str
    suite: str
    python: str
    """Version of its own Python, major.minor; empty if not known."""
    pip: str = ""
    """Version of the pip that its Python puts into virtual environments; empty if not known."""
    image: str = ""
    """The image that the user makes a platform of."""

    @property
    def registry_name(self) -> str:
        """What a registry calls it."""
        return self.image or f"debian:{self.suite}-slim"


PLATFORMS = {
    platform.name: platform
    for platform in (
        Platform("debian-11", "bullseye", "3.9", "20.3.4"),
        Platform("debian-12", "bookworm", "3.11", "23.0.1"),
        Platform("debian-13", "trixie", "3.13", "25.1.1"),
    )
}


def platform_named(name: str, image: str = "") -> Platform:
    """Return a platform, one of the lab's own or one that is made of an image.

    Raises UsageError for one that the lab does not know.
    """
    if image:
        return Platform(name, "", "", image=image)
    if name not in PLATFORMS:
        raise UsageError(
            f"there is no platform '{name}'{near(name, PLATFORMS)}",
            hint=f"platforms: {', '.join(PLATFORMS)}, and any image with {IMAGE_OPTION} {name}=IMAGE",
        )
    return PLATFORMS[name]


def platform_images(told: Sequence[str]) -> dict[str, str]:
    """Return the images of options NAME=IMAGE by the names of the platforms that are to be made of them.

    Raises UsageError.
    """
    found = {}
    for each in told:
        name, _, image = each.partition("=")
        if not image or not re.fullmatch(SLUG_PATTERN, name):
            raise UsageError(f"{IMAGE_OPTION} {each}: it is written NAME=IMAGE, such as ubuntu-24.04=ubuntu:24.04")
        if name in PLATFORMS:
            raise UsageError(f"{IMAGE_OPTION} {each}: {name} is a platform of the lab's own", hint="use another name")
        found[name] = image
    return found


def bootstrap(platform: Platform, archive: Path, packages: Sequence[str]) -> None:
    """Write a root file system with these packages as a tar archive, by an mmdebstrap that is unpacked, not installed.

    Raises InfrastructureError, with the command that helps where the user's own hands are needed.
    """
    if os.geteuid() != 0:
        raise InfrastructureError(
            f"no registry answers for {platform.registry_name}, and bootstrapping it here needs root",
            hint=f"sudo {sys.prefix}/bin/lab images build {platform.name}   (once; then run again as yourself)",
        )
    wanted = f"--include={','.join(packages)}"
    words: list[str | Path] = [_mmdebstrap(), "--quiet", "--variant=minbase", wanted, platform.suite, archive]
    made = run([*words, *debian_sources(platform.suite)], timeout=BOOTSTRAP_SECONDS, cwd=archive.parent)
    if not made.ok:
        raise InfrastructureError(f"bootstrapping {platform.name} failed:\n{made.tail()}")


def _mmdebstrap() -> Path:
    """Return the path of mmdebstrap: installed, or its Debian package unpacked in the cache."""
    found = shutil.which("mmdebstrap")
    if found:
        return Path(found)
    if not shutil.which("apt-get"):
        raise InfrastructureError(
            "no registry answers, and this host has no apt to bootstrap a base image with",
            hint="load a Debian image into the engine (docker load), or give this host a registry (docker login)",
        )
    place = paths.cache() / "mmdebstrap"
    with locked(place):
        if not place.is_dir():
            part = place.with_name("mmdebstrap.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", "mmdebstrap"]
            fetched = run(command, cwd=part, timeout=120)
            if not fetched.ok:
                run(["apt-get", "update", "-qq"], timeout=300)
                fetched = run(command, cwd=part, timeout=120)
            packages = sorted(part.glob("*.deb"))
            if not fetched.ok or not packages:
                raise InfrastructureError(
                    f"apt cannot fetch mmdebstrap: {fetched.tail(3)}",
                    hint="sudo apt-get update && sudo apt-get install mmdebstrap",
                )
            unpacked = run(["dpkg", "-x", packages[0], part], timeout=60)
            if not unpacked.ok:
                raise InfrastructureError(f"dpkg cannot unpack {packages[0].name}: {unpacked.tail(3)}")
            part.rename(place)
    return place / "usr" / "bin" / "mmdebstrap"

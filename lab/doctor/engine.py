"""What the container engine can do: whether it answers, whether systemd can be the first process in a container."""

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.doctor.answer import Answer
from lab.doctor.machine import GIGABYTE, PROGRAM_SECONDS, FreeBytes, enough, free_bytes
from lab.environment.containers import engine
from lab.errors import LabError
from lab.process import run

if TYPE_CHECKING:
    import docker

ABOUT = ("engine", "service manager", "podman", "images", "engine disk")
SYS_ADMIN = 21
"""Number of the capability without which systemd cannot mount; from the kernel's header `linux/capability.h`."""
OLDEST_API = (1, 40)
"""From this version on an engine gives a container a control group name space of its own (`--cgroupns`)."""
CLOCKS_APART_SECONDS = 2.0
ENGINES_OWN = ("/var/run/docker.pid", "/run/docker.pid")


@dataclass(frozen=True)
class Facts:
    """What an engine says of itself."""

    info: Mapping[str, Any]
    api: str
    images: tuple[str, ...]
    """Roles and tags of the images that the lab made."""
    seconds_apart: float
    """How far its clock is ahead of this machine's."""

    @property
    def rootless(self) -> bool:
        """Whether it runs without root, which keeps control groups and some mounts from it."""
        return any("rootless" in option for option in self.info.get("SecurityOptions") or ())

    @property
    def cgroups(self) -> str:
        """Version of the control groups: 1 or 2."""
        return str(self.info.get("CgroupVersion") or "1")


def examine_engine() -> list[Answer]:
    """Answer about the engine and all that stands on it."""
    where = engine.address()
    try:
        client = engine.connect()
    except LabError as error:
        missing = "no engine answers"
        return [
            Answer("fail", "engine", error.message, error.hint),
            Answer("fail", "service manager", f"{missing}, so systemd cannot be tried in a container", "see engine"),
            podman(answering=False),
            Answer("fail", "images", missing, "see engine"),
            Answer("fail", "engine disk", missing, "see engine"),
        ]
    try:
        facts = _facts(client)
    finally:
        client.close()
    return [
        about_engine(facts, where or ""),
        service_manager(facts, bounding_set(where or "")),
        podman(answering=True),
        base_images(facts),
        engine_disk(facts, where or ""),
    ]


def about_engine(facts: Facts, where: str) -> Answer:
    """Say which engine it is, and whether its clock is this machine's."""
    told = (
        f"{facts.info.get('ServerVersion', 'of unknown version')} at {where}, API {facts.api}, "
        f"{facts.info.get('Driver', 'unknown')} storage, cgroup v{facts.cgroups}, "
        f"{'rootless' if facts.rootless else 'as root'}"
    )
    if abs(facts.seconds_apart) > CLOCKS_APART_SECONDS:
        step = "set both clocks; restart a virtual machine that slept"
        return Answer("warn", "engine", f"{told}; its clock is {facts.seconds_apart:+.0f} s from this machine's", step)
    if facts.info.get("OSType", "linux") != "linux":
        return Answer("fail", "engine", f"{told}; it runs no Linux containers", "switch it to Linux containers")
    return Answer("pass", "engine", told)


def service_manager(facts: Facts, capabilities: int | None) -> Answer:
    """Whether systemd can be a container's first process; `capabilities` is the engine's bounding set, if known."""
    what = "service manager"
    numbers = tuple(int(part) for part in re.findall(r"\d+", facts.api))
    if numbers < OLDEST_API:
        return Answer("fail", what, f"the engine's API {facts.api} has no --cgroupns", "an engine of 2020 or later")
    if capabilities is not None and not capabilities >> SYS_ADMIN & 1:
        found = "the engine may not give CAP_SYS_ADMIN, which systemd mounts with"
        return Answer("fail", what, found, "run the engine outside of this container, or allow it that capability")
    if facts.rootless and facts.cgroups == "1":
        found = "a rootless engine cannot hand on control groups of version 1"
        return Answer("fail", what, found, "boot with systemd.unified_cgroup_hierarchy=1, or use an engine with root")
    if facts.rootless:
        step = "see whether it works: lab doctor --deep"
        return Answer("warn", what, "the engine is rootless: its control groups must be delegated to it", step)
    if capabilities is None:
        return Answer("pass", what, f"nothing speaks against systemd: cgroup v{facts.cgroups}")
    return Answer("pass", what, f"systemd can be the first process: cgroup v{facts.cgroups}, CAP_SYS_ADMIN allowed")


def podman(
    *,
    answering: bool,
    find: Callable[[str], str | None] = shutil.which,
    sockets: tuple[Path, ...] | None = None,
) -> Answer:
    """Say whether podman is here; it is only missed where nothing else answers."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    places = [Path(place.format(runtime=runtime)) for place in engine.SOCKETS if "podman" in place]
    there = next((place for place in (places if sockets is None else sockets) if place.exists()), None)
    program = find("podman")
    if there is not None:
        return Answer("pass", "podman", f"its socket is {there}")
    if program is not None:
        told = run([program, "--version"], timeout=PROGRAM_SECONDS)
        step = "systemctl --user start podman.socket"
        return Answer("pass" if answering else "warn", "podman", f"{told.tail(1)}, without a socket",
                      "" if answering else step)  # fmt: skip
    if answering:
        return Answer("pass", "podman", "not here, and not needed: an engine answers")
    step = "sudo apt-get install podman && systemctl --user start podman.socket, or install docker.io"
    return Answer("warn", "podman", "neither a socket nor the program", step)


def base_images(facts: Facts) -> Answer:
    """Say for which platforms images are on the engine already."""
    ready = sorted(
        {tag.partition(":")[2].rpartition("-")[0] for tag in facts.images if tag.startswith("lab/platform:")}
    )
    if ready:
        return Answer("pass", "images", f"ready for {', '.join(ready)}")
    step = "lab images build makes them now; a run does it, too"
    return Answer("warn", "images", "none yet: the first run pulls or bootstraps them", step)


def engine_disk(facts: Facts, where: str, free: FreeBytes = free_bytes) -> Answer:
    """Whether the engine's own folder has space, where this machine holds it."""
    root = Path(str(facts.info.get("DockerRootDir") or ""))
    if not where.startswith("unix://") or not root.is_dir():
        return Answer("pass", "engine disk", "elsewhere: it cannot be measured from here")
    try:
        left = free(root)
    except OSError as error:
        return Answer("warn", "engine disk", f"cannot be measured: {error.strerror}")
    return enough("engine disk", left, f"{left / GIGABYTE:.1f} GB free for images and volumes")


def bounding_set(where: str, pid_files: tuple[str, ...] = ENGINES_OWN) -> int | None:
    """Return the capabilities that an engine on this machine can give away; None where they cannot be seen."""
    if not where.startswith("unix://"):
        return None
    for file in pid_files:
        try:
            status = Path(f"/proc/{Path(file).read_text('ascii').strip()}/status").read_text("ascii", "replace")
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("CapBnd:"):
                return int(line.split()[1], 16)
    return None


def _facts(client: "docker.DockerClient") -> Facts:
    with engine.calls("asking the engine about itself"):
        info = client.info()
        apart = _apart(str(info.get("SystemTime") or ""))
        found = client.api.images(filters={"label": engine.CACHE})
        api = str(client.api.api_version)
    return Facts(info, api, tuple(tag for image in found for tag in image.get("RepoTags") or ()), apart)


def _apart(told: str) -> float:
    """Return by how much a time of the engine's is ahead of now; 0 where it tells none."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", told)
    if match is None:
        return 0.0
    return datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")).timestamp() - time.time()

"""What a Docker environment is made of, and how a plan tells it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.environment.base import Places
from lab.environment.engine import Ownership
from lab.environment.toolbox import PRODUCT_UID
from lab.scenario.model import Limits


@dataclass(frozen=True)
class Recipe:
    """What a Docker environment is made of."""

    owned: Ownership
    platform: str
    platform_image: str
    llm_image: str
    cache_volume: str
    places: Places = field(default_factory=Places)
    limits: Limits = field(default_factory=Limits)
    host_port: int | None = None
    product_user: str | None = f"{PRODUCT_UID}:{PRODUCT_UID}"


def planned(platform: str, limits: Limits) -> list[str]:
    """Say what `provision` makes, for a plan; RUN stands for the names of the trial."""
    return [
        "docker network create RUN-net",
        f"docker volume create RUN-home (tmpfs, {limits.tree_mb} MB), RUN-data, RUN-config",
        f"docker run RUN-toolbox on {platform}: volumes, cap-drop ALL, sleep infinity",
        "docker run RUN-llm: the LLM mock, as `llm` on the network, control port on 127.0.0.1",
    ]


def planned_start(argv: Sequence[str], port: int, limits: Limits) -> str:
    """Say how `start` runs the product, for a plan."""
    what = shlex.join(argv) if argv else "(the image's own command)"
    bounds = f"--memory {limits.memory_mb}m --cpus {limits.cpus:g}"
    return f"docker run RUN-product -p 127.0.0.1::{port} {bounds} {what}"

"""The objects of a trial on a container engine that every kind of environment there has: volumes, labels, logs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any

from lab.environment.containers import engine
from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.sweep import remove_all
from lab.environment.containers.toolbox import PRODUCT_UID
from lab.environment.places import Places
from lab.environment.survey import in_layer

VOLUMES = ("home", "data", "config")
"""Roles of a trial's volumes."""


def make_volumes(door: Door, owned: Ownership, tree_mb: int) -> None:
    """Make the volumes `home`, on tmpfs with so many megabytes, `data` and `config`."""
    with door("making the trial's volumes"):
        size = f"size={tree_mb}m,uid={PRODUCT_UID},gid={PRODUCT_UID},mode=0755"
        tmpfs = {"type": "tmpfs", "device": "tmpfs", "o": size}
        for role, options in (("home", tmpfs), ("data", {}), ("config", {})):
            volume = door.register("volume", owned.name(role))
            door.client.volumes.create(volume, driver="local", driver_opts=options, labels=owned.labels(role))


def mounts(owned: Ownership, places: Places, roles: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return how the volumes of these roles are mounted."""
    paths: Mapping[str, str] = {"home": places.home, "data": places.data, "config": places.config}
    return {owned.name(role): {"bind": paths[role], "mode": "rw"} for role in roles}


def own_labels(owned: Ownership) -> dict[str, str]:
    """Return the labels that all objects of the trial carry."""
    return {engine.RUN: owned.run_id, engine.TRIAL: owned.trial}


def break_off(door: Door, owned: Ownership) -> None:
    """Make a trial's calls that are under way fail by taking its containers away."""
    door.aborted.set()
    remove_all(door.client, own_labels(owned), containers_only=True)


def take_down(door: Door, owned: Ownership, starting: Sequence[Future[Any]]) -> list[str]:
    """Remove every object of a trial and let go of the engine; return what is left.

    `starting` are the calls that were under way before: what they made meanwhile is removed when they have ended.
    """
    left = remove_all(door.client, own_labels(owned))
    if starting:
        wait(starting)
        left = remove_all(door.client, own_labels(owned))
    door.client.close()
    return left


def outside(door: Door, mounted: Sequence[str], installer: str, products: Sequence[str]) -> dict[str, str]:
    """Return what was written outside the volumes, into the layers of the installer's and the product's containers."""
    found: dict[str, str] = {}
    with door("asking what was written outside the volumes"):
        for role, names in (("installer", [installer]), ("product", products)):
            for name in names:
                found |= in_layer(door.client.api.diff(name), mounted, role)
    return found


def read_logs(door: Door, container: str) -> tuple[bytes, bytes]:
    """Return what a container wrote to its standard output and its standard error."""
    with door(f"reading the logs of {container}"):
        api = door.client.api
        return api.logs(container, stdout=True, stderr=False), api.logs(container, stdout=False, stderr=True)


def traces(door: Door, container: str) -> dict[str, bytes]:
    """Return a container's variables, and the settings and history of its image."""
    with door(f"asking what is kept of {container}"):
        api = door.client.api
        attributes = api.inspect_container(container)
        image = api.inspect_image(attributes["Image"])["Config"]  # type: ignore[no-untyped-call]
        history = api.history(attributes["Image"])  # type: ignore[no-untyped-call]
    return {
        "the product's variables": "\n".join(attributes["Config"]["Env"] or []).encode(),
        "its image": json.dumps([image, history]).encode(),
    }


def collect(door: Door, owned: Ownership, roles: Iterable[str]) -> dict[str, bytes]:
    """Gather containers' logs and states by file name; what cannot be read is named instead."""
    found: dict[str, bytes] = {}
    for role in roles:
        name = owned.name(role)
        try:
            found[f"{role}.stdout"], found[f"{role}.stderr"] = read_logs(door, name)
            attributes = door.client.api.inspect_container(name)
        except Exception as error:  # noqa: BLE001 - collecting goes on whatever happens, and says so
            found[f"{role}.unreadable"] = f"{type(error).__name__}: {error}\n".encode()
            continue
        attributes["Config"].pop("Env", None)
        found[f"{role}.state.json"] = json.dumps(attributes, indent=1, sort_keys=True).encode()
    return found

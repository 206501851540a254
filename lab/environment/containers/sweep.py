"""Removing what carries the lab's labels, and nothing else."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.environment.containers import engine

if TYPE_CHECKING:
    import docker

CONFLICT = 409
"""The engine's status for an object that is being removed already."""
REMOVAL_SECONDS = 30
POLL_SECONDS = 0.05


def remove_all(client: "docker.DockerClient", labels: dict[str, str], *, containers_only: bool = False) -> list[str]:
    """Remove what carries all these labels: containers side by side, then networks and volumes.

    Returns what could not be removed, with the reason; never raises.
    """
    wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
    api = client.api
    left: list[str] = []
    try:
        containers = [found["Id"] for found in api.containers(all=True, filters=wanted, quiet=True)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            for identity in containers:
                pool.submit(_remove, left, "container", identity[:12], partial(_container, api, identity))
        if containers_only:
            return left
        for network in api.networks(filters=wanted):
            _remove(left, "network", network["Name"], partial(api.remove_network, network["Id"]))
        for volume in api.volumes(filters=wanted)["Volumes"] or []:
            _remove(left, "volume", volume["Name"], partial(api.remove_volume, volume["Name"], force=True))
    except Exception as error:  # noqa: BLE001 - an engine that died is reported beside the run's own outcome
        left.append(f"listing what to remove: {error}")
    return left


def _container(api: Any, identity: str) -> None:
    """Remove a container; where somebody else does already, wait for it: until then it holds on to its volumes."""
    from docker.errors import APIError, NotFound

    try:
        api.remove_container(identity, force=True, v=True)
    except APIError as error:
        if error.status_code != CONFLICT or "already in progress" not in str(error):
            raise
        deadline = time.monotonic() + REMOVAL_SECONDS
        try:
            while time.monotonic() < deadline:
                api.inspect_container(identity)
                time.sleep(POLL_SECONDS)
        except NotFound:
            return
        raise


def _remove(left: list[str], kind: str, name: str, call: Callable[[], Any]) -> None:
    try:
        engine.retrying()(_unless_gone, call)
    except Exception as error:  # noqa: BLE001 - every object gets its chance; what is left is reported
        left.append(f"{kind} {name}: {error}")


def _unless_gone(call: Callable[[], Any]) -> None:
    """Call; an object that is gone needs no removing."""
    from docker.errors import NotFound

    with suppress(NotFound):
        call()


def trials_of(client: "docker.DockerClient", labels: dict[str, str]) -> dict[str, set[str]]:
    """Return the trials that have objects with all these labels, by run."""
    wanted = {"label": [*(f"{name}={value}" for name, value in labels.items()), engine.RUN]}
    objects: list[dict[str, Any]] = [
        *client.api.containers(all=True, filters=wanted),
        *client.api.networks(filters=wanted),
        *(client.api.volumes(filters=wanted)["Volumes"] or []),
    ]
    found: dict[str, set[str]] = {}
    for each in objects:
        found.setdefault(each["Labels"][engine.RUN], set()).add(each["Labels"][engine.TRIAL])
    return found

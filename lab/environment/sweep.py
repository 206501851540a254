"""Removing what carries the lab's labels, and nothing else."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.environment import engine

if TYPE_CHECKING:
    import docker

CONFLICT = 409
"""The engine's status for an object that is being removed already."""


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
    api.remove_container(identity, force=True, v=True)


def _remove(left: list[str], kind: str, name: str, call: Callable[[], Any]) -> None:
    try:
        engine.retrying()(_unless_gone, call)
    except Exception as error:  # noqa: BLE001 - every object gets its chance; what is left is reported
        left.append(f"{kind} {name}: {error}")


def _unless_gone(call: Callable[[], Any]) -> None:
    """Call; an object that is gone, or whose removal is under way, needs no removing."""
    from docker.errors import APIError, NotFound

    try:
        call()
    except NotFound:
        return
    except APIError as error:
        if error.status_code != CONFLICT or "already in progress" not in str(error):
            raise


def count(client: "docker.DockerClient", labels: dict[str, str]) -> int:
    """Count the objects that carry all these labels."""
    wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
    api = client.api
    volumes = api.volumes(filters=wanted)["Volumes"] or []
    return len(api.containers(all=True, filters=wanted, quiet=True)) + len(api.networks(filters=wanted)) + len(volumes)

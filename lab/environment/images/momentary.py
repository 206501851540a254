"""Containers that the cache needs for a moment: to fill a volume, to ask an image or to copy something out of it.

They belong to no run. Each has a lock that the kernel lets go of when its process dies: by that `lab clean` tells the
ones that nobody waits for any more.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import paths
from lab.environment.containers import engine
from lab.environment.containers.sweep import remove_all
from lab.errors import InfrastructureError
from lab.locks import held, is_held

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

MARK = "lab.momentary"
"""Label with what names such a container's lock; it is unlike any other's."""


@contextmanager
def momentary(
    client: "docker.DockerClient", image: str, command: list[str], role: str, **options: Any
) -> "Iterator[Container]":
    """Make a container, which is not started; it is gone at the end of the block, however that ends.

    Raises InfrastructureError where it cannot be removed and nothing else went wrong.
    """
    mark = secrets.token_hex(16)
    lock = _lock(mark)
    lock.parent.mkdir(parents=True, exist_ok=True)
    labels = {engine.CACHE: role, engine.OWNER: paths.owner(), MARK: mark}
    with held(lock):
        try:
            yield client.containers.create(image, command, labels=labels, **options)
        except BaseException:
            # The first error is the one to tell; what stays is swept, once the lock is let go.
            _remove(client, mark)
            raise
        if left := _remove(client, mark):
            raise InfrastructureError(f"a container of the lab's own stays: {'; '.join(left)}", hint="lab clean")


def remove_abandoned(client: "docker.DockerClient") -> list[str]:
    """Remove such containers of this results folder whose process is dead; return what could not be removed."""
    wanted = {"label": [f"{engine.OWNER}={paths.owner()}", MARK]}
    with engine.calls("looking for what was needed for a moment"):
        marks = {found["Labels"][MARK] for found in client.api.containers(all=True, filters=wanted)}
    return [left for mark in sorted(marks) if not is_held(_lock(mark)) for left in _remove(client, mark)]


def _remove(client: "docker.DockerClient", mark: str) -> list[str]:
    left = remove_all(client, {engine.OWNER: paths.owner(), MARK: mark}, containers_only=True)
    if not left:
        _lock(mark).unlink(missing_ok=True)
    return left


def _lock(mark: str) -> Path:
    return paths.lab_home() / "momentary" / f"{mark}.lock"

"""Ports of this machine that one trial alone may use, however many labs run."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.errors import InfrastructureError

LOWEST, HIGHEST = 20000, 29999
"""Below the range from which kernels give out ports by themselves (net.ipv4.ip_local_port_range)."""


class Ports:
    """Ports that are reserved until `close`, by a lock on a file for each."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}

    def reserve(self, wanted: int | None = None) -> int:
        """Return a port on which nobody listens and that no other lab of this user has reserved.

        Raises InfrastructureError where there is none, or where the wanted one is taken.
        """
        for port in [wanted] if wanted is not None else _shuffled():
            lock = _lock(port)
            if lock is None:
                continue
            if _free(port):
                self._held[port] = lock
                return port
            os.close(lock)
        if wanted is not None:
            raise InfrastructureError(
                f"the port {wanted} is in use by another process",
                hint="choose another with --port, or none: the lab then takes a free one",
            )
        raise InfrastructureError(f"no port between {LOWEST} and {HIGHEST} is free")

    def close(self) -> None:
        """Give all of them back."""
        for lock in self._held.values():
            with suppress(OSError):
                os.close(lock)
        self._held.clear()


def _shuffled() -> Iterator[int]:
    ports = list(range(LOWEST, HIGHEST + 1))
    random.shuffle(ports)  # which one it is means nothing; two labs that start together should not try the same
    return iter(ports)


def _lock(port: int) -> int | None:
    """Return an open, locked file, None where somebody else holds it."""
    folder = Path(tempfile.gettempdir()) / f"lab-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _free(port: int) -> bool:
    """Whether somebody could listen on all addresses of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - a look, nothing is served
        except OSError:
            return False
    return True

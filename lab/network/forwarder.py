"""The one door of a sealed network: what knocks from outside is led in, to fixed places; nothing is led out.

This folder runs inside containers, on Python 3.8 and later, with nothing but the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
from pathlib import Path
from typing import NamedTuple

CONNECT_SECONDS = 10.0
CHUNK = 65536


class Way(NamedTuple):
    """A port that is led to a place inside."""

    listen: int
    host: str
    port: str
    """A number, or `@FILE` for a port that is known only later, and may change: the file holds it."""

    @classmethod
    def parse(cls, text: str) -> Way:
        """Read `LISTEN=HOST:PORT`; raises ValueError."""
        listen, equals, target = text.partition("=")
        host, colon, port = target.rpartition(":")
        if not (equals and colon and host and (port.startswith("@") or port.isdecimal())):
            raise ValueError(f"'{text}' is not LISTEN=HOST:PORT")
        return cls(int(listen), host, port)

    def target(self) -> tuple[str, int]:
        """Return where it leads now; raises OSError or ValueError while nobody has said so."""
        told = Path(self.port[1:]).read_text("ascii") if self.port.startswith("@") else self.port
        return self.host, int(told)


def listen(way: Way, address: str = "") -> socket.socket:
    """Lead what comes in by this port inwards, in threads of their own; return the socket that listens."""
    door = socket.create_server((address, way.listen), backlog=128)

    def admit() -> None:
        while True:
            try:
                caller, _ = door.accept()
            except OSError:
                return  # it was closed
            threading.Thread(target=_lead, args=(caller, way), daemon=True).start()

    threading.Thread(target=admit, daemon=True).start()
    return door


def _lead(caller: socket.socket, way: Way) -> None:
    """Connect a caller with the place inside; where nobody is there, it is hung up on."""
    with caller:
        try:
            inside = socket.create_connection(way.target(), CONNECT_SECONDS)
        except (OSError, ValueError):
            return
        with inside:
            inside.settimeout(None)
            back = threading.Thread(target=_carry, args=(inside, caller), daemon=True)
            back.start()
            _carry(caller, inside)
            back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until one side ends; the other is told that there will be no more."""
    try:
        while True:
            data = source.recv(CHUNK)
            if not data:
                break
            sink.sendall(data)
    except OSError:  # one of them hung up: so does this side, both ways
        with contextlib.suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        return
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def main() -> None:
    """Open every way, and keep them open."""
    parser = argparse.ArgumentParser(description="lead ports into a sealed network")
    parser.add_argument("ways", nargs="+", type=Way.parse, metavar="LISTEN=HOST:PORT")
    for way in parser.parse_args().ways:
        listen(way)
    threading.Event().wait()


if __name__ == "__main__":
    main()

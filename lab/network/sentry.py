"""The guard of a sealed place: nothing leads out of it, and whoever asks for a way out is written down.

It shares the network of those whom it guards. It makes every address but those of the trial's own network lead back to
the loopback, where packets to them are seen and refused, and answers all names itself: those of the trial by asking
the engine, all others with "no such name". Each line on its standard output is one thing that was asked for.

This folder runs inside containers, on Python 3.8 and later, with nothing but the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import ipaddress
import json
import secrets
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from lab.network.dns import IPV4, NO_ERROR, NO_SUCH_NAME, SERVER_FAILURE, answer, read_question
from lab.network.packets import Attempt, read_attempt

OWN_ADDRESS, ENGINE_ADDRESS, PORT = "127.0.0.12", "127.0.0.11", 53
"""Where this server answers names, and where the engine answers those of the trial's own network."""
CONTROL_DOMAIN, CONTROL_ADDRESS = "lab.invalid", "192.0.2.1"
"""Asked for by the sentry itself, by a name and port of its own: what it does not see, it cannot vouch for later."""
CONTROL_SECONDS = 5.0
MARK_PORT, MARK_BYTES = 9, 16
"""Where the packet of a mark is sent, and how much chance is in it: whoever is watched must not be able to make one."""
ENGINE_SECONDS = 3.0
QUIET_SECONDS = 1.0
"""The same thing is written down once in this time, unless a mark is between."""
MOST_LINES = 10_000
EVERYWHERE = ("0.0.0.0/1", "128.0.0.0/1")
"""All addresses, each half more specific than a default route."""


class Record:
    """Lines on standard output, one a thing that was asked for."""

    def __init__(self, write: Callable[[str], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._known: set[tuple[Any, ...]] = set()
        self._last: dict[tuple[Any, ...], float] = {}
        self._lines = 0
        self._lock = threading.Lock()
        self._promised: dict[bytes, int] = {}
        self.control_name = f"control-{secrets.token_hex(8)}.{CONTROL_DOMAIN}"
        self.control = Attempt("tcp", CONTROL_ADDRESS, 1024 + secrets.randbelow(64000))
        self.controls: set[str] = set()
        """Which of the sentry's own questions were seen: `names`, `addresses`."""

    def name(self, name: str, kind: str, *, known: bool) -> None:
        """Note that a name was asked for; `known` ones once."""
        if name == self.control_name:
            self.controls.add("names")
        else:
            self._note(("name", name), {"asked": "name", "name": name, "kind": kind, "known": known}, once=known)

    def address(self, attempt: Attempt, packet: bytes) -> None:
        """Note that somebody tried to reach an address outside, by this packet."""
        if (number := self._promised.pop(packet[-MARK_BYTES:], None)) is not None:
            self.mark(number)
        elif attempt == self.control:
            self.controls.add("addresses")
        else:
            self._note(("address", *attempt), {"asked": "address", **attempt._asdict()})

    def promise(self, number: int) -> bytes:
        """Return what makes one packet that ends so a mark, which nobody can send before, and afterwards in vain."""
        content = secrets.token_bytes(MARK_BYTES)
        self._promised[content] = number
        return content

    def mark(self, number: int) -> None:
        """Note that all that was asked for before has been written down."""
        with self._lock:
            self._last.clear()  # whoever is told what came after the mark must be told all of it
            self.tell({"mark": number})

    def tell(self, line: dict[str, Any]) -> None:
        """Write a line."""
        now = datetime.now(timezone.utc)  # noqa: UP017 - Python 3.8 knows no other
        self._write(json.dumps({"at": now.isoformat(timespec="milliseconds"), **line}) + "\n")

    def _note(self, key: tuple[Any, ...], line: dict[str, Any], *, once: bool = False) -> None:
        now = self._clock()
        with self._lock:
            last = self._last.get(key)
            if key in self._known or (last is not None and now < last + QUIET_SECONDS):
                return
            if self._lines > MOST_LINES:
                return
            if once:
                self._known.add(key)
            else:
                self._last[key] = now
            self._lines += 1
            self.tell(line if self._lines <= MOST_LINES else {"asked": "too-much"})


class Names:
    """Answers names: the trial's own by asking the engine, all others with "no such name"."""

    def __init__(self, known: list[str], record: Record, engine: tuple[str, int] = (ENGINE_ADDRESS, PORT)) -> None:
        self._known = {name.lower() for name in known}
        self._record = record
        self._engine = engine

    def reply(self, query: bytes) -> bytes | None:
        """Return the answer to a query; None for what is none, to which silence is the answer."""
        question = read_question(query)
        if question is None:
            return None
        known = question.name in self._known
        if not _is_private_reverse(question.name):  # libraries ask whose address theirs is, and mean nobody outside
            self._record.name(question.name, question.kind_name, known=known)
        if not known:
            return answer(query, question, NO_SUCH_NAME)
        if question.kind != IPV4:
            return answer(query, question, NO_ERROR)
        return self._ask_engine(query) or answer(query, question, SERVER_FAILURE)

    def _ask_engine(self, query: bytes) -> bytes | None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.settimeout(ENGINE_SECONDS)
            try:
                wire.sendto(query, self._engine)
                return wire.recv(4096)
            except OSError:
                return None


def serve(names: Names, address: tuple[str, int]) -> list[socketserver.BaseServer]:
    """Answer over UDP and TCP in threads of their own; return the two servers.

    Raises OSError where the address is taken.
    """

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query, wire = self.request
            reply = names.reply(query)
            if reply is not None:
                wire.sendto(reply, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        timeout = ENGINE_SECONDS

        def handle(self) -> None:
            try:
                head = self.rfile.read(2)
                reply = names.reply(self.rfile.read(int.from_bytes(head, "big"))) if len(head) == 2 else None  # noqa: PLR2004
                if reply is not None:
                    self.wfile.write(len(reply).to_bytes(2, "big") + reply)
            except OSError:
                return  # whoever asked has gone

    class Streams(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    class Datagrams(socketserver.ThreadingUDPServer):
        daemon_threads = True

    datagrams = Datagrams(address, Datagram)
    try:
        servers: list[socketserver.BaseServer] = [datagrams, Streams(datagrams.server_address, Stream)]
    except OSError:  # what is free for the one protocol need not be for the other
        datagrams.server_close()
        raise
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return servers


def _is_private_reverse(name: str) -> bool:
    """Whether a name asks for the name of an address that is nobody's outside."""
    suffix = ".in-addr.arpa"
    if not name.endswith(suffix):
        return False
    try:
        return ipaddress.ip_address(".".join(reversed(name[: -len(suffix)].split(".")))).is_private
    except ValueError:
        return False


def lead_back(target: str) -> None:
    """Make a range of addresses lead to the loopback.

    Raises OSError where that is not allowed.
    """
    network = ipaddress.ip_network(target)
    make, wanted, create, replace = 24, 1 | 4, 0x400, 0x100
    main_table, by_boot, on_host, local = 254, 3, 254, 2
    body = struct.pack("BBBBBBBBI", socket.AF_INET, network.prefixlen, 0, 0, main_table, by_boot, on_host, local, 0)
    body += struct.pack("HH", 8, 1) + network.network_address.packed  # destination
    body += struct.pack("HHI", 8, 4, socket.if_nametoindex("lo"))  # by this interface
    head = struct.pack("IHHII", 16 + len(body), make, wanted | create | replace, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as wire:
        wire.send(head + body)
        (error,) = struct.unpack("i", wire.recv(4096)[16:20])
    if error:
        raise OSError(-error, f"the route to {target} was refused")


def own_addresses() -> set[str]:
    """Return the IPv4 addresses of this place."""
    ask, found = 0x8915, set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        for _, name in socket.if_nameindex():
            try:
                told = fcntl.ioctl(wire, ask, struct.pack("256s", name.encode()))
            except OSError:
                continue  # it has none
            found.add(socket.inet_ntoa(told[20:24]))
    return found


def watch_packets(record: Record) -> None:
    """Note every packet on the loopback that is meant for somebody else, in a thread of its own.

    Raises OSError where that is not allowed.
    """
    every_protocol = 3
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(every_protocol))
    wire.bind(("lo", every_protocol))
    own = own_addresses()

    def watch() -> None:
        while True:
            packet, (_, _, direction, *_) = wire.recvfrom(2048)
            attempt = read_attempt(packet) if direction == socket.PACKET_OUTGOING else None
            if attempt is not None and attempt.address not in own and not attempt.address.startswith("127."):
                record.address(attempt, packet)

    threading.Thread(target=watch, daemon=True).start()


def control(record: Record) -> list[str]:
    """Ask for what must be seen, and return what was: `names`, `addresses`."""
    wanted = {"names", "addresses"}
    with contextlib.suppress(OSError):  # as it should be: what counts is whether it was asked here
        socket.getaddrinfo(record.control_name, PORT)
    with contextlib.suppress(OSError):
        socket.create_connection((record.control.address, record.control.port), 1).close()
    deadline = time.monotonic() + CONTROL_SECONDS
    while record.controls != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return sorted(record.controls)


def mark_when_told(record: Record, *, packets: bool) -> None:
    """At each SIGUSR1 write a mark behind all that was asked for until then.

    Names are written down before they are answered. Packets are seen in their order, so the mark is one itself.
    """
    number = 0

    def told(_signal: int, _frame: object) -> None:
        nonlocal number
        number += 1
        if not packets:
            record.mark(number)
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire, contextlib.suppress(OSError):
            wire.sendto(record.promise(number), (CONTROL_ADDRESS, MARK_PORT))

    signal.signal(signal.SIGUSR1, told)


def main() -> None:
    """Close the place, say what is seen from now on, and stand guard."""
    parser = argparse.ArgumentParser(description="stand guard in a sealed network")
    parser.add_argument("--known", action="append", default=[], help="a name of the trial's own network")
    parser.add_argument("--closed", action="append", default=[], help="an address of that network that leads out of it")
    arguments = parser.parse_args()

    def write(line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    record = Record(write)
    serve(Names(arguments.known, record), (OWN_ADDRESS, PORT))
    with open("/etc/resolv.conf", "w", encoding="ascii") as file:  # noqa: PTH123 - the engine mounts this very file
        file.write(f"nameserver {OWN_ADDRESS}\noptions ndots:0\n")
    problem = ""
    try:
        watch_packets(record)
        for target in (*EVERYWHERE, *arguments.closed):
            lead_back(target)
    except OSError as error:
        problem = str(error)
    observed = control(record)
    mark_when_told(record, packets="addresses" in observed)
    record.tell({"ready": True, "observed": observed, "problem": problem})
    threading.Event().wait()


if __name__ == "__main__":
    main()

"""What a packet that leaves a network tells: whom somebody tried to reach.

This folder runs inside containers, on Python 3.8 and later, with nothing but the standard library.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

ICMP, TCP, UDP = 1, 6, 17
PROTOCOLS = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}
ECHO_REQUEST = 8
IP_HEADER, PORTS = 20, 4
SYN, ACK, FLAGS_AT = 0x02, 0x10, 13
MORE_THAN_FIRST = 0x1FFF
"""Of the fragment field: a later part of a packet has no ports in it."""


class Attempt(NamedTuple):
    """Somebody tried to reach an address."""

    protocol: str
    address: str
    port: int
    """0 where the protocol has no ports."""


def read_attempt(packet: bytes) -> Attempt | None:
    """Return whom an IPv4 packet is meant to reach; None for answers, later fragments, and what is no such packet."""
    if len(packet) < IP_HEADER or packet[0] >> 4 != 4:  # noqa: PLR2004 - the version of the protocol
        return None
    header = 4 * (packet[0] & 0x0F)
    if header < IP_HEADER or len(packet) < header or int.from_bytes(packet[6:8], "big") & MORE_THAN_FIRST:
        return None
    number, address = packet[9], socket.inet_ntoa(packet[16:20])
    name = PROTOCOLS.get(number, f"protocol-{number}")
    inner = packet[header:]
    if number not in (TCP, UDP):
        asks = number != ICMP or inner[:1] == bytes([ECHO_REQUEST])  # other messages answer something
        return Attempt(name, address, 0) if asks else None
    if len(inner) < (FLAGS_AT + 1 if number == TCP else PORTS):
        return None
    if number == TCP and inner[FLAGS_AT] & (SYN | ACK) != SYN:
        return None
    return Attempt(name, address, int.from_bytes(inner[2:4], "big"))

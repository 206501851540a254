"""Queries as they come over the wire."""

import struct

from lab.network.dns import HEADER

RECURSION, ANSWER = 0x0100, 0x8000


def query(*labels: bytes, kind: int = 1, number: int = 7, flags: int = RECURSION, questions: int = 1) -> bytes:
    name = b"".join(bytes([len(label)]) + label for label in labels)
    return HEADER.pack(number, flags, questions, 0, 0, 0) + name + b"\0" + struct.pack("!HH", kind, 1)

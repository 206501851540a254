"""Just enough of DNS to hear what is asked and to say that there is no such name.

This folder runs inside containers, on Python 3.8 and later, with nothing but the standard library.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEADER = struct.Struct("!HHHHHH")
NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME = 0, 2, 3
IPV4 = 1
KINDS = {IPV4: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 65: "HTTPS"}
IS_ANSWER, OPERATION, RECURSION_WANTED = 0x8000, 0x7800, 0x0100
AUTHORITATIVE, RECURSION_OFFERED = 0x0400, 0x0080
LONGEST_LABEL, LONGEST_NAME = 63, 255
PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b".\\")
"""Bytes of a label that are shown as they are."""


class Question(NamedTuple):
    """What one query asks."""

    name: str
    """In lower case, without the last dot; bytes that are no printable ASCII as `\\ddd`."""
    kind: int
    wire: bytes
    """The question as it came, to be repeated in the answer."""

    @property
    def kind_name(self) -> str:
        """What the kind of record is called."""
        return KINDS.get(self.kind, f"TYPE{self.kind}")


def read_question(query: bytes) -> Question | None:
    """Return what a query asks, None for anything that is not a query of one question."""
    if len(query) < HEADER.size:
        return None
    _, flags, questions, *_ = HEADER.unpack_from(query)
    if flags & (IS_ANSWER | OPERATION) or questions != 1:
        return None
    labels: list[str] = []
    at = HEADER.size
    while at < len(query):
        length = query[at]
        if length > LONGEST_LABEL or at - HEADER.size > LONGEST_NAME:  # a question points to no other place
            return None
        at += 1
        if length == 0:
            break
        labels.append(_printable(query[at : at + length]))
        at += length
    if at + 4 > len(query):
        return None
    kind = int.from_bytes(query[at : at + 2], "big")
    return Question(".".join(labels).lower(), kind, query[HEADER.size : at + 4])


def answer(query: bytes, question: Question, code: int) -> bytes:
    """Return an answer that holds no record: `NO_ERROR` means that the name has none of this kind."""
    number, flags, *_ = HEADER.unpack_from(query)
    flags = IS_ANSWER | AUTHORITATIVE | RECURSION_OFFERED | (flags & RECURSION_WANTED) | code
    return HEADER.pack(number, flags, 1, 0, 0, 0) + question.wire


def _printable(label: bytes) -> str:
    return "".join(chr(byte) if byte in PLAIN else f"\\{byte:03d}" for byte in label)

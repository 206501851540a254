"""Messages of AWS's binary event stream (application/vnd.amazon.eventstream)."""

import struct
import zlib
from collections.abc import Mapping

from lab.llm_mock.wire.base import JSON

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7  # the type of a header's value; there are nine others, which nobody needs here
_AROUND = 16  # bytes of lengths and checksums


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Write one message: lengths, their checksum, headers, payload, and the checksum of it all.

    Names of headers have at most 255 bytes, their values 65 535.
    """
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", _AROUND + len(written) + len(payload), len(written))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind: str, payload: bytes) -> bytes:
    """Write an event with a JSON payload."""
    return encode({":event-type": kind, ":content-type": JSON, ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """Write an error with a JSON payload, after which no event follows."""
    return encode({":exception-type": kind, ":content-type": JSON, ":message-type": "exception"}, payload)


def spoilt(message: bytes) -> bytes:
    """Return a message whose last checksum is wrong."""
    return message[:-1] + bytes([message[-1] ^ 0xFF])


def _header(name: str, value: str) -> bytes:
    named, said = name.encode("utf-8"), value.encode("utf-8")
    return struct.pack(">B", len(named)) + named + struct.pack(">BH", _STRING, len(said)) + said

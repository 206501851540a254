"""What a command in a container writes, whole.

docker-py reads it past the buffer into which its HTTP library may have read the beginning already, together with the
headers of the answer: on a loaded machine the output of a short command is lost (docker-py issue 425). Here it is read
through that buffer.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import APIClient

HEADER = struct.Struct(">BxxxL")
"""Before each piece: the stream, 1 or 2, and the number of bytes (the engine's API, "Stream format" of attach)."""
STDOUT = 1
MOST_BYTES = 20_000_000
"""Of a command's output, of each stream: the rest is read and dropped."""


class Stream:
    """What one command writes, as it comes: whoever waits for it no longer can break it off, from another thread."""

    def __init__(self) -> None:
        self._wires: tuple[Any, ...] = ()
        self.broken_off = False

    def begin(self, *wires: Any) -> None:
        """Say by which wires it comes; one that was broken off already ends here."""
        self._wires = wires
        if self.broken_off:
            self.break_off()

    def break_off(self) -> None:
        """Let whoever reads it come to its end, however long the engine keeps silent."""
        self.broken_off = True
        for each in self._wires:
            with contextlib.suppress(OSError):  # it has ended by itself
                each.shutdown(socket.SHUT_RDWR)


def executed(
    api: "APIClient",
    container: str,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    directory: str = "/",
    user: str = "",
    stream: Stream | None = None,
) -> tuple[int, bytes, bytes]:
    """Run a command to its end; return exit code, standard output, standard error.

    Raises docker's APIError, and requests' where the engine does not answer; ConnectionAbortedError where somebody
    broke its stream off.
    """
    stream = stream or Stream()
    made = api.exec_create(container, list(argv), environment=dict(environment or {}), workdir=directory, user=user)
    wire: Any = api.exec_start(made["Id"], socket=True)
    out: tuple[bytearray, bytearray] = (bytearray(), bytearray())
    try:
        for number, piece in _pieces(wire, stream):
            kept = out[number != STDOUT]
            kept.extend(piece[: max(0, MOST_BYTES - len(kept))])
    finally:  # the client itself leaves the connection open until it is collected as garbage
        wire._response.close()  # noqa: SLF001
    if stream.broken_off:  # an engine that stalls would not tell the exit code either
        raise ConnectionAbortedError("nobody waits for the command's output any longer")
    return api.exec_inspect(made["Id"])["ExitCode"], bytes(out[0]), bytes(out[1])


def _pieces(wire: Any, stream: Stream) -> Iterator[tuple[int, bytes]]:
    """Read piece by piece, however long the command is silent, until its end or until it is broken off."""
    held: list[Any] = [each for each in (wire, getattr(wire, "_sock", None)) if hasattr(each, "settimeout")]
    for each in held:
        each.settimeout(None)
    stream.begin(*held)
    reader = wire._response.raw._fp.fp  # noqa: SLF001 - the buffer that the headers were read through
    while len(header := reader.read(HEADER.size)) == HEADER.size:
        number, size = HEADER.unpack(header)
        yield number, reader.read(size)

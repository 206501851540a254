"""One client's connection: writes are gathered, slowness is bounded, and it can be broken on purpose."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

GATHERED = 64 * 1024  # bytes: more are not kept for one write
WRITE_SECONDS = 300.0  # for which a client may read nothing of what waits for it
_LINGER_NOT = struct.pack("ii", 1, 0)


class Gathered(asyncio.Transport):
    """A transport that joins what one step of the loop writes: an answer's head, body and end become one packet."""

    __slots__ = ("_loop", "_parts", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, at the latest when the loop is next free."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size > GATHERED:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._parts:
            parts, self._parts, self._size = self._parts, [], 0
            if not self._transport.is_closing():
                self._transport.write(b"".join(parts))

    def close(self) -> None:
        """Close once everything was sent."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._parts = []
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket knows."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Stop reading."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()


class Line:
    """What an application may do to the connection beneath it; it lies in the scope's state as `line`."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Gathered) -> None:
        self._transport = transport

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads any more."""
        return self._transport.is_closing()

    def cut(self) -> None:
        """Close after what was written, in the middle of an answer or before it."""
        self._transport.close()

    def reset(self) -> None:
        """Send what was written if the socket takes it, then a reset (RST) instead of an end."""
        self._transport.flush()
        peer: socket.socket | None = self._transport.get_extra_info("socket")
        if peer is not None and not self._transport.is_closing():
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()


class Connection(H11Protocol):
    """Uvicorn's own protocol, with bounds.

    `reading_since` is when the request began that is still arriving, on the loop's clock, and `stuck_since` when the
    client stopped reading its answer.
    """

    reading_since: float | None = None
    stuck_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; a client that says nothing is as slow as one that says half a request."""
        gathered = Gathered(transport, self.loop)
        super().connection_made(gathered)
        # Only what the transport forgets when it is closed: a reference back to here would be a cycle.
        self.app_state = {"line": Line(gathered)}
        self.reading_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Read on; what cannot be read and cannot be answered any more ends the connection."""
        if self.reading_since is None:
            self.reading_since = self.loop.time()
        try:
            super().data_received(data)
        except (h11.ProtocolError, UnicodeDecodeError):
            self.transport.abort()
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self.reading_since = None

    def on_response_complete(self) -> None:
        """Go on to the next request; the beginning of one may be here already."""
        super().on_response_complete()
        if self.reading_since is None and self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.reading_since = self.loop.time()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Let a client that has stopped sending have its answer, unless it has to be waited for.

        Nobody can tell it from one that has gone: whoever waits is woken, and takes it for that.
        """
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            if isinstance(self.transport, Gathered):
                self.transport.flush()
            return False
        self.cycle.keep_alive = False
        self.cycle.message_event.set()
        return True

    def give_up_reading(self) -> None:
        """Let a request that takes too long be answered as it is, as `late` in its state; without a head, close."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.more_body:
            self.transport.abort()
            return
        self.reading_since = None
        cycle.scope["state"]["late"] = True
        cycle.more_body = cycle.keep_alive = False
        cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and leave nothing behind that refers to this connection."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.reading_since = self.stuck_since = None

    def pause_writing(self) -> None:
        """Note since when the client does not read."""
        super().pause_writing()
        self.stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        super().resume_writing()
        self.stuck_since = None


async def end_the_slow(connections: Iterable[Any], read_seconds: float) -> None:
    """Keep ending connections whose request takes longer than `read_seconds`, or whose client does not read."""
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(min(1.0, read_seconds / 4))
        for connection in list(connections):
            if not isinstance(connection, Connection):
                continue
            if connection.stuck_since is not None and clock() - connection.stuck_since > WRITE_SECONDS:
                connection.transport.abort()
            elif connection.reading_since is not None and clock() - connection.reading_since > read_seconds:
                connection.give_up_reading()

"""The providers' listening socket, which can be closed and opened again on the same port."""

import socket

import uvicorn


class Entrance:
    """A server and the socket that it listens on.

    While it is closed, clients are refused, and another socket holds the port without listening: otherwise a client
    that keeps trying could be given the port for its own end, and would talk to itself.
    """

    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._server = server
        self._socket = listener
        self._family, self._address = listener.family, listener.getsockname()

    async def switch(self, is_open: bool) -> None:
        """Listen or refuse; what is open is answered, and what is idle is closed. Raises OSError without the port."""
        if not is_open:
            for server in self._server.servers:
                server.close()
            self._socket.close()
            self._socket = bound(self._family, self._address)
            for connection in list(self._server.server_state.connections):
                connection.shutdown()
        else:
            if self._socket.fileno() < 0:  # it could not be had when the gate was closed
                self._socket = bound(self._family, self._address)
            await self._server.startup([self._socket])

    async def shutdown(self) -> None:
        """Stop: what is open may finish, for as long as the server's patience lasts."""
        await self._server.shutdown([self._socket])


def bound(family: int, address: tuple[object, ...]) -> socket.socket:
    """Return a socket that has this address and does not listen yet; raises OSError."""
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        # What is left of connections to the port does not keep it.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # asyncio sets this only on sockets that were made with a protocol number; without it an answer of two
        # writes waits 40 ms for the client's acknowledgement. Connections inherit it.
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held.bind(address)
    except OSError:
        held.close()
        raise
    return held

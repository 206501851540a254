"""Both ports in one process: start, say where, stop gracefully."""

import asyncio
import json
import signal
import socket
import time

import uvicorn
from starlette.types import ASGIApp

from lab.llm_mock.control_plane import control_plane
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.delay import Delay
from lab.llm_mock.journal import Journal
from lab.llm_mock.state import State

PATIENCE = 1.0  # seconds that answers may go on being delayed after the request to stop
LAST_RESORT = 2  # seconds after which a client that neither sends nor reads is given up
KEEP_ALIVE = 75  # seconds; shorter than the clients' own, a connection could close under a new request


async def serve(*, host: str, port: int, control_port: int, delay_seconds: float, journal_limit: int) -> None:
    """Serve until SIGTERM or SIGINT, having printed one line of JSON with the ports that were taken.

    Raises OSError if a port cannot be had.
    """
    loop = asyncio.get_running_loop()
    started = time.monotonic()
    state = State(
        journal=Journal(lambda: time.monotonic() - started, journal_limit),
        delay=Delay(delay_seconds),
        stopping=loop.create_future(),
        out_of_patience=loop.create_future(),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _settle, state.stopping)
    with _bound(host, port) as data_socket, _bound(host, control_port) as control_socket:
        data_port, actual_control_port = data_socket.getsockname()[1], control_socket.getsockname()[1]
        data = await _start(data_plane(state), data_socket)
        control = await _start(control_plane(state), control_socket)
        print(json.dumps({"host": host, "port": data_port, "control_port": actual_control_port}), flush=True)
        await state.stopping
        loop.call_later(PATIENCE, _settle, state.out_of_patience)
        await asyncio.gather(data.shutdown([data_socket]), control.shutdown([control_socket]))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # asyncio sets this only on sockets that were made with a protocol number; without it an answer of two
    # writes waits 40 ms for the client's acknowledgement. Connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def _start(app: ASGIApp, listener: socket.socket) -> uvicorn.Server:
    """Start a server without its own main loop, which takes the signals and looks for its end by polling."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LAST_RESORT,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    return server

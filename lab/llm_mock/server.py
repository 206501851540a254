"""Both ports in one process: start, say where, stop gracefully."""

import asyncio
import gc
import json
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from lab.llm_mock.connection import Connection, end_the_slow
from lab.llm_mock.control_plane import control_plane
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.gate import Entrance, bound
from lab.llm_mock.journal import DEFAULT_LIMIT
from lab.llm_mock.quota import Limits, Quotas
from lab.llm_mock.rules.model import Rules
from lab.llm_mock.state import State

PATIENCE = 1.0  # seconds that answers may go on being delayed after the request to stop
LAST_RESORT = 2  # seconds after which a client that neither sends nor reads is given up
KEEP_ALIVE = 75  # seconds; shorter than the clients' own, a connection could close under a new request
READ_SECONDS = 60.0  # for which a request may take to arrive


@dataclass(frozen=True)
class Settings:
    """How a mock is started; port 0 takes a free one, and durations are in seconds."""

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    delay_seconds: float = 0.0
    journal_limit: int = DEFAULT_LIMIT
    read_seconds: float = READ_SECONDS
    limits: Limits | None = None
    rules: Rules | None = None
    strict: bool = False


def announce_ports(host: str, port: int, control_port: int) -> None:
    """Print one line of JSON with the ports that were taken."""
    print(json.dumps({"host": host, "port": port, "control_port": control_port}), flush=True)


def say_nothing(_told: Mapping[str, Any]) -> None:
    """Keep the rules' counts to oneself."""


async def serve(
    settings: Settings,
    announce: Callable[[str, int, int], None] = announce_ports,
    conclude: Callable[[Mapping[str, Any]], None] = say_nothing,
) -> int:
    """Serve until SIGTERM or SIGINT and return its number.

    `announce` gets host and ports once they listen, `conclude` the rules' counts at the end, as `Rulebook.told` has
    them. Raises OSError if a port cannot be had.
    """
    loop = asyncio.get_running_loop()
    _allow_connections()
    quotas = Quotas(settings.limits, loop.time) if settings.limits is not None else None
    state = State.new(
        journal_limit=settings.journal_limit,
        delay_seconds=settings.delay_seconds,
        rules=settings.rules,
        strict=settings.strict,
        quotas=quotas,
    )
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        _settle(state.stopping)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    host = settings.host
    with _listener(host, settings.port) as data_socket, _listener(host, settings.control_port) as control_socket:
        data_port, control_port = data_socket.getsockname()[1], control_socket.getsockname()[1]
        data = await start(data_plane(state), data_socket)
        control = await start(control_plane(state), control_socket)
        entrance = Entrance(data, data_socket)
        state.gate.switch = entrance.switch
        sweeps = [
            loop.create_task(end_the_slow(server.server_state.connections, settings.read_seconds))
            for server in (data, control)
        ]
        # What was made so far stays: looking through it again for garbage would only take time.
        gc.freeze()
        announce(host, data_port, control_port)
        await state.stopping
        loop.call_later(PATIENCE, _settle, state.out_of_patience)
        await asyncio.gather(entrance.shutdown(), control.shutdown([control_socket]))
        for sweep in sweeps:
            sweep.cancel()
    conclude(state.rulebook.told())
    return received[0]


def _allow_connections() -> None:
    """Take as many open files as the system gives: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket of this address; raises OSError that names host and port as its file."""
    try:
        listener = _listening(host, port)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), f"{host} port {port}") from error
    with listener:
        yield listener


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The name is looked up here, for a socket wants an address; without a name it is every address.
    address = socket.getaddrinfo(host or None, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][4]
    listener = bound(family, address)
    try:
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


async def start(app: ASGIApp, listener: socket.socket) -> uvicorn.Server:
    """Start a server without its own main loop, which takes the signals and looks for its end by polling."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        proxy_headers=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=LAST_RESORT,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listener])
    return server

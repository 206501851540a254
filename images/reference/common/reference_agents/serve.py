"""How the service runs, from start to exit."""

import gc
import signal
import socket

import uvicorn

from reference_agents.app import build_app
from reference_agents.database.engine import Database
from reference_agents.database.migrate import migrate
from reference_agents.errors import StartError
from reference_agents.settings import Settings
from reference_agents.shutdown import StoppableServer


def serve(settings: Settings) -> int:
    """Serve until asked to stop and return the exit code, or raise StartError."""
    # The port is taken first: a second instance must fail before it touches the database. Until the
    # server listens on it, after the migrations, connections are refused.
    with _bound(settings.host, settings.port) as listener:
        database = Database(settings.database_url)
        try:
            migrate(database)
            return _run(settings, database, listener)
        finally:
            database.close()


def _run(settings: Settings, database: Database, listener: socket.socket) -> int:
    app = build_app(settings, database)
    server = StoppableServer(uvicorn.Config(app, timeout_graceful_shutdown=settings.shutdown_grace))
    app.state.server = server
    # Uvicorn raises the signals it was stopped by once more when it is done. They end up here, harmlessly:
    # a stop that was asked for is a success, with exit code 0.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, server.handle_exit)
    try:
        server.run(sockets=[listener])
    except OSError as error:  # Two instances can be bound to a port at the same moment; one of them can listen.
        raise _cannot_listen(settings.host, settings.port, error) from error
    gc.freeze()  # Saves a third of the time to exit: the interpreter need not search all modules for garbage.
    return 0 if server.started else 1


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> StartError:
    return StartError(f"cannot listen on {host} port {port}: {error.strerror or error}")

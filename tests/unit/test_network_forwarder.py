import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.network.forwarder import Way, listen

SECONDS = 10


@contextmanager
def inside() -> Iterator[int]:
    """A place inside that says everything it hears backwards, once it has heard all of it."""

    class Backwards(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.read()[::-1])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Backwards) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def door(target: str) -> Iterator[tuple[str, int]]:
    opened = listen(Way.parse(f"0={target}"), "127.0.0.1")
    try:
        yield opened.getsockname()
    finally:
        opened.shutdown(socket.SHUT_RDWR)
        opened.close()


def say(address: tuple[str, int], words: bytes) -> bytes:
    with socket.create_connection(address, SECONDS) as caller:
        caller.sendall(words)
        caller.shutdown(socket.SHUT_WR)
        heard = b""
        while chunk := caller.recv(65536):
            heard += chunk
        return heard


def test_what_comes_in_reaches_the_place_inside_and_the_answer_comes_back() -> None:
    with inside() as port, door(f"127.0.0.1:{port}") as address:
        assert say(address, b"hello") == b"olleh"
        large = bytes(range(256)) * 4000
        assert say(address, large) == large[::-1]


def test_callers_do_not_wait_for_each_other() -> None:
    with inside() as port, door(f"127.0.0.1:{port}") as address, socket.create_connection(address, SECONDS) as slow:
        slow.sendall(b"not done")
        assert say(address, b"quick") == b"kciuq"
        slow.shutdown(socket.SHUT_WR)
        assert slow.recv(100) == b"enod ton"


def test_where_nobody_is_there_a_caller_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    with door(f"127.0.0.1:{nobody}") as address, socket.create_connection(address, SECONDS) as caller:
        assert caller.recv(1) == b""


def test_a_port_that_stands_in_a_file_is_looked_up_each_time(tmp_path: Path) -> None:
    told = tmp_path / "port"
    with inside() as port, door(f"127.0.0.1:@{told}") as address:
        with socket.create_connection(address, SECONDS) as early:
            assert early.recv(1) == b""
        told.write_text(f"{port}\n")
        assert say(address, b"now") == b"won"


@pytest.mark.parametrize("text", ["", "80", "80=llm", "=llm:80", "x=llm:80", "80=:80", "80=llm:", "80=llm:http"])
def test_a_way_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"LISTEN=HOST:PORT|invalid literal"):
        Way.parse(text)

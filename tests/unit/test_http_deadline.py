"""Neither a trickle of bytes nor an answer cut short passes for an answer."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.history import Recorder
from lab.lifecycle.http import Door
from lab.product.actions import Answer, Request
from lab.redact import Redactor

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"


class Trickle:
    """A server that begins with some bytes and then sends one more every twentieth of a second."""

    def __init__(self, first: bytes, drop: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._first, self._drop = first, drop
        self._over = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._server.close()

    def _serve(self) -> None:
        try:
            near, _ = self._server.accept()
            with near:
                near.recv(65536)
                near.sendall(self._first)
                while not self._over.wait(0.05):
                    near.sendall(self._drop)
        except OSError:
            return


@pytest.fixture(params=[(HEAD, b" "), (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), (b"", b"HTTP/1.1 103 Early\r\n\r\n")])
def trickle(request: pytest.FixtureRequest) -> Iterator[Trickle]:
    made = Trickle(*request.param)
    yield made
    made.close()


def test_an_exchange_that_never_ends_is_given_up_at_its_deadline(trickle: Trickle, tmp_path: Path) -> None:
    record = Recorder(tmp_path / "events.ndjson", Redactor())
    door = Door(trickle.url, record)
    started = time.monotonic()

    result = door.send(Request(path="/"), 0.6)

    assert time.monotonic() - started < 5
    assert result.problem(Answer()) == "no complete answer within 0.6 s"
    trickle.close()
    record.close()


def test_an_answer_cut_short_by_its_sender_is_no_answer(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        near, _ = server.accept()
        with near:
            near.recv(65536)
            near.sendall(HEAD + b'{"status": "healthy"}')

    threading.Thread(target=serve, daemon=True).start()
    record = Recorder(tmp_path / "events.ndjson", Redactor())

    result = Door(f"http://127.0.0.1:{server.getsockname()[1]}", record).send(Request(path="/"), 5)

    assert "RemoteProtocolError" in result.problem(Answer())
    record.close()
    server.close()

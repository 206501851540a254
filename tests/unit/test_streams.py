"""The output of a command is read whole, and an engine that stalls in the middle of it holds nobody up."""

import json
import queue
import socket
import socketserver
import struct
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import docker
import pytest

from lab.environment.containers.engine import Door
from lab.environment.containers.streams import MOST_BYTES, Stream, executed
from lab.environment.containers.toolbox import Toolbox
from lab.errors import EngineError

SECONDS = 10.0


def piece(stream: int, content: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(content)) + content


class Engine(socketserver.StreamRequestHandler):
    """Answers as the engine does; pieces of output go out as they are given, the first with the headers."""

    pieces: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            self.rfile.read(length)
            if b"/start" in line:
                self._stream()
                return
            told = {"ExitCode": 3} if line.startswith(b"GET") else {"Id": "42"}
            body = json.dumps(told).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

    def _stream(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
        first, *rest = self.pieces
        self.connection.sendall(head + first)
        for each in rest:
            self.connection.sendall(each)
        self._end()

    def _end(self) -> None:
        self.connection.shutdown(socket.SHUT_WR)


class Stalling(Engine):
    """Begins to answer, and then neither says anything more nor hangs up."""

    told: ClassVar["queue.Queue[str]"]

    def _end(self) -> None:
        self.told.put("streaming")
        self.connection.settimeout(SECONDS)
        try:
            self.connection.recv(1)
        except TimeoutError:
            self.told.put("nobody hung up")
        else:
            self.told.put("hung up")


@contextmanager
def engine(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch, how: type[Engine] = Engine
) -> Iterator[docker.APIClient]:
    monkeypatch.setattr(Engine, "pieces", pieces)
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has to be short
        place = str(Path(folder) / "s")
        with socketserver.ThreadingUnixStreamServer(place, how) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            api = docker.APIClient(base_url=f"unix://{place}", version="1.41")
            try:
                yield api
            finally:
                api.close()
                server.shutdown()


def test_what_comes_with_the_headers_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine([piece(1, b"hello\n") + piece(2, b"oh\n")], monkeypatch) as api:
        assert executed(api, "box", ["echo"]) == (3, b"hello\n", b"oh\n")


def test_pieces_are_put_together_wherever_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"".join(piece(1 + number % 2, bytes([number]) * 100 * number) for number in range(60))
    with engine([whole[at : at + 97] for at in range(0, len(whole), 97)], monkeypatch) as api:
        code, out, err = executed(api, "box", ["echo"])
    assert code == 3
    assert out == b"".join(bytes([number]) * 100 * number for number in range(0, 60, 2))
    assert err == b"".join(bytes([number]) * 100 * number for number in range(1, 60, 2))


def test_a_command_without_output_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine([b""], monkeypatch) as api:
        assert executed(api, "box", ["true"]) == (3, b"", b"")


def test_of_endless_output_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine([piece(1, b"x" * 1_000_000)] * 21, monkeypatch) as api:
        assert len(executed(api, "box", ["yes"])[1]) == MOST_BYTES


@contextmanager
def stalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    """Commands of an engine that stalls; at the end their threads must have ended, for which Python waits at exit."""
    monkeypatch.setattr(Stalling, "told", queue.Queue(), raising=False)
    before = set(threading.enumerate())
    with engine([piece(1, b"hello\n")], monkeypatch, Stalling) as api:
        client: Any = SimpleNamespace(api=api)
        commands = Toolbox(Door(client, lambda *_, **__: None), "box")
        try:
            yield commands
        finally:
            commands.close()
        readers = [each for each in set(threading.enumerate()) - before if each.name.startswith("exec")]
        for each in readers:
            each.join(SECONDS / 2)
        assert not any(each.is_alive() for each in readers)


def test_a_command_that_the_engine_never_ends_is_given_up_and_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.environment.containers.toolbox.KILL_AFTER", 0.1)
    with stalling(monkeypatch) as commands:
        assert commands.run(["pip"], timeout=0.1).exit_code is None
        assert Stalling.told.get(timeout=SECONDS) == "streaming"
        assert Stalling.told.get(timeout=2 * SECONDS) == "hung up"


def test_whoever_waits_for_a_command_is_told_when_its_threads_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    with stalling(monkeypatch) as commands, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(commands.run, ["pip"], timeout=SECONDS)
        assert Stalling.told.get(timeout=SECONDS) == "streaming"
        commands.close()
        with pytest.raises(EngineError, match="nobody waits"):
            waiting.result(SECONDS)


def test_a_file_that_the_engine_never_takes_is_an_error_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.environment.containers.toolbox.FOLDER_SECONDS", 0.2)
    with (
        stalling(monkeypatch) as commands,
        pytest.raises(EngineError, match="writing into /srv: the engine does not answer"),
    ):
        commands.put(b"", "/srv/file")


@pytest.mark.parametrize("begun", [False, True])
def test_a_stream_that_is_broken_off_ends(begun: bool) -> None:
    near, far = socket.socketpair()
    with near, far, ThreadPoolExecutor(1) as pool:
        near.settimeout(SECONDS)
        stream = Stream()
        if not begun:
            stream.break_off()
        stream.begin(near)
        if begun:
            stream.break_off()
        assert pool.submit(near.recv, 1).result() == b""
        stream.break_off()

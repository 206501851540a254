"""What only a connection shows: how an answer breaks, what a client that leaves or dawdles meets, and the gate."""

import asyncio
import gc
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.llm_mock.connection import Connection
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.gate import Entrance, bound
from lab.llm_mock.server import start
from lab.llm_mock.state import State

from .running import DEADLINE, RunningMock, chat_request, running_mock

RULES = """
schema: 1
rules:
  - {match: {user: short hang}, reply: {fault: {kind: hang, seconds: 0}}}
  - {match: {user: hang}, reply: {fault: hang}}
  - {match: {user: reset}, reply: {fault: reset}}
  - {match: {user: disconnect}, reply: {fault: {kind: disconnect, after: 2}}}
  - {match: {user: stall}, reply: {fault: {kind: stall, after: 2}}}
  - {match: {user: paced}, reply: {text: a b c d e f, fault: {kind: pace, rate: 20}}}
  - {match: {user: huge}, reply: {fault: {kind: huge-body, size: 50000000}}}
"""
BODY = json.dumps(chat_request()).encode()
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMock]:
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES, "utf8")
    with running_mock("--rules", str(rules)) as mock:
        yield mock


@pytest.fixture(scope="module")
def impatient() -> Iterator[RunningMock]:
    """A mock that may give up even a client which is only kept waiting by a busy machine."""
    with running_mock("--read-seconds", "0.2") as mock:
        yield mock


def connected(mock: RunningMock) -> socket.socket:
    return socket.create_connection(("127.0.0.1", mock.port), timeout=DEADLINE)


def everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def request(user: str, *, stream: bool = False) -> bytes:
    body = json.dumps(chat_request(user, stream=stream)).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def newest(mock: RunningMock) -> dict[str, Any]:
    return mock.finished(mock.journal()["next"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_reset_comes_instead_of_an_answer(faulty: RunningMock, *, stream: bool) -> None:
    with connected(faulty) as client:
        client.sendall(request("reset", stream=stream))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    entry = newest(faulty)
    assert (entry["status"], entry["outcome"], entry["faults"]) == (None, "faulted", ["reset"])


def test_a_short_hang_ends_in_a_closed_connection(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(request("short hang"))
        assert everything(client) == b""
    assert newest(faulty)["faults"] == ["hang"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_disconnect_leaves_an_answer_without_its_end(faulty: RunningMock, *, stream: bool) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        faulty.chat(chat_request("disconnect", stream=stream))
    with connected(faulty) as client:
        client.sendall(request("disconnect", stream=True))
        assert everything(client).count(b'"content":') == 3  # what opens the stream, and two pieces
    entry = newest(faulty)
    assert (entry["status"], entry["pieces"], entry["faults"]) == (200, 2, ["disconnect"])


def test_what_came_before_a_stall_has_arrived(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(request("stall", stream=True))
        said = b""
        while said.count(b'"content":') < 3:
            said += client.recv(65536)
        assert faulty.entries()[-1]["outcome"] == "in-flight"
    assert newest(faulty)["outcome"] == "client-disconnected"


def test_each_paced_piece_is_sent_when_it_is_due(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(request("paced", stream=True))
        parts: list[bytes] = []
        while not parts or b"[DONE]" not in parts[-1]:
            parts.append(client.recv(65536))
    assert len(parts) >= 4  # on a busy machine a read may find two


@pytest.mark.parametrize("user", ["hang", "stall"])
def test_a_client_that_leaves_a_fault_has_left(faulty: RunningMock, user: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        faulty.chat(chat_request(user), timeout=0.1)
    entry = newest(faulty)
    assert (entry["outcome"], entry["faults"]) == ("client-disconnected", [user])


def test_a_huge_body_waits_for_its_reader_and_is_not_kept(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(request("huge"))
        assert client.recv(100)
        assert faulty.chat(chat_request()).status_code == 200
        resident = Path(f"/proc/{faulty.process.pid}/status").read_text("utf8").split("VmRSS:")[1].split()[0]
        assert int(resident) < 90 * 1024
    with_client_gone = faulty.finished(faulty.journal()["next"] - 1)
    assert (with_client_gone["outcome"], with_client_gone["faults"]) == ("client-disconnected", ["huge-body"])


def test_a_client_that_only_stops_sending_has_its_answer(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(REQUEST)
        client.shutdown(socket.SHUT_WR)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"}")


def test_requests_may_come_before_the_last_was_answered(faulty: RunningMock) -> None:
    with connected(faulty) as client:
        client.sendall(REQUEST * 20 + request("disconnect"))
        assert everything(client).count(b"HTTP/1.1 200 ") == 21


@pytest.mark.parametrize("garbage", [b"\0\1\2\r\n\r\n", b"\x16\x03\x01\x02\0", b"GET / HTTP/1.1\r\nhost mock\r\n\r\n",
                                     b"POST / HTTP/1.1\r\nhost: m\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
                                     REQUEST + b"\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000])  # fmt: skip
def test_garbage_ends_a_connection_and_nothing_else(impatient: RunningMock, garbage: bytes) -> None:
    with connected(impatient) as client:
        client.sendall(garbage)
        try:
            answer = everything(client)
        except ConnectionResetError:
            answer = b""
    assert b" 500 " not in answer
    assert impatient.process.poll() is None


@pytest.mark.parametrize("part", [b"", REQUEST[:30], REQUEST[:-5], REQUEST + REQUEST[:30]],
                         ids=["nothing", "head", "body", "second"])  # fmt: skip
def test_a_request_that_does_not_come_to_its_end_is_given_up(impatient: RunningMock, part: bytes) -> None:
    with connected(impatient) as client:
        client.sendall(part)
        try:
            everything(client)
        except ConnectionResetError:
            return


PATHS = {
    "openai": "/v1/chat/completions",
    "azure": "/azure/openai/deployments/m/chat/completions",
    "groq": "/groq/openai/v1/chat/completions",
    "mistral": "/mistral/v1/chat/completions",
    "anthropic": "/v1/messages",
    "bedrock": "/model/m/converse",
    "gemini": "/v1beta/models/m:generateContent",
    "ollama": "/api/chat",
    "cohere": "/v2/chat",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize("part", [b"", b'{"model":'], ids=["no body", "half a body"])
def test_a_body_that_does_not_come_is_told_in_the_provider_s_shape(
    impatient: RunningMock, path: str, part: bytes
) -> None:
    with connected(impatient) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: 1000\r\n\r\n".encode() + part)
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"took too long" in body
    assert isinstance(json.loads(body), dict)
    entry = newest(impatient)
    assert (entry["path"], entry["status"], entry["outcome"], entry["error"]) == (path, 408, "rejected", None)


@pytest.mark.parametrize("order", ["PUT /gate", "PUT /rules", "PUT /delay", "POST /verify"])
def test_half_an_order_is_not_obeyed(impatient: RunningMock, order: str) -> None:
    with socket.create_connection(("127.0.0.1", impatient.control_port), timeout=DEADLINE) as client:
        head = f"{order} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n"
        client.sendall(head.encode() + b'{"open": false}')
        assert everything(client).startswith(b"HTTP/1.1 408 ")
    assert impatient.chat(chat_request()).status_code == 200


def test_the_gate_refuses_and_opens_again_on_the_same_port() -> None:
    asyncio.run(_gate())


async def _gate() -> None:
    listener = bound(socket.AF_INET, ("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    server = await start(data_plane(State.new()), listener)
    entrance = Entrance(server, listener)
    # Without a pool: whether a client has already seen that an idle connection was closed is a matter of luck.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits) as client:
        for _ in range(2):
            assert (await client.post("/v1/chat/completions", json=chat_request())).status_code == 200
            await entrance.switch(False)
            with pytest.raises(httpx.ConnectError):
                await client.post("/v1/chat/completions", json=chat_request())
            await entrance.switch(True)
        assert (await client.post("/v1/chat/completions", json=chat_request())).status_code == 200
    await entrance.shutdown()


def test_a_closed_connection_is_forgotten_at_once() -> None:
    asyncio.run(_closed())


async def _closed() -> None:
    listener = bound(socket.AF_INET, ("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    server = await start(data_plane(State.new()), listener)
    gc.collect()
    gc.disable()
    try:
        for sent in (REQUEST, REQUEST[:50], b"") * 5:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            if sent == REQUEST:
                assert await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
        for _ in range(1000):
            await asyncio.sleep(0)
        # Without the collector only what nothing refers to is gone.
        assert [each for each in gc.get_objects() if isinstance(each, Connection)] == []
    finally:
        gc.enable()
    await server.shutdown([listener])

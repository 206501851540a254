"""Clients that stop sending, stop reading or send no HTTP: what each of them gets, and that others are served."""

import asyncio
import gzip
import json
import select
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.llm_mock import connection
from lab.llm_mock.connection import end_the_slow
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.gate import bound
from lab.llm_mock.rules.reading import read_rules
from lab.llm_mock.server import start
from lab.llm_mock.state import State

from .running import DEADLINE, RunningMock, chat_request, running_mock

HUGE = 30_000_000
RULES = f"""
schema: 1
rules:
  - {{match: {{user: paced}}, reply: {{text: a b c d, fault: {{kind: pace, rate: 0.01}}}}}}
  - {{match: {{user: stalled}}, reply: {{text: a b c d, fault: {{kind: stall, after: 2}}}}}}
  - {{match: {{user: late}}, reply: {{fault: {{kind: slow-first-token, seconds: 3600}}}}}}
  - {{match: {{user: hanging}}, reply: {{fault: hang}}}}
  - {{match: {{user: huge}}, reply: {{fault: {{kind: huge-body, size: {HUGE}}}}}}}
"""
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\n"


def request(user: str, *, stream: bool = True) -> bytes:
    body = json.dumps(chat_request(user, stream=stream)).encode()
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


REQUEST = request("hello")


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMock]:
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES, "utf8")
    with running_mock("--rules", str(rules)) as mock:
        yield mock


def packed(user: str) -> bytes:
    """A request of some kilobytes that unpacked has nearly ten megabytes."""
    body = gzip.compress(json.dumps({**chat_request(user), "padding": " " * 9_900_000}).encode())
    return HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def connected(mock: RunningMock) -> socket.socket:
    return socket.create_connection(("127.0.0.1", mock.port), timeout=DEADLINE)


def everything(client: socket.socket) -> bytes:
    """Read to the end, which may be a reset."""
    parts: list[bytes] = []
    with suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def half_closed(mock: RunningMock, sent: bytes) -> bytes:
    """Send a request, say that nothing follows, and read what comes."""
    with connected(mock) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return everything(client)


def newest(mock: RunningMock) -> dict[str, Any]:
    return mock.finished(mock.journal()["next"])


def is_alive(mock: RunningMock) -> bool:
    # Without a pool: an impatient mock may have ended a connection that is kept.
    url = f"http://127.0.0.1:{mock.port}/v1/chat/completions"
    return httpx.post(url, json=chat_request("are you there"), timeout=DEADLINE).status_code == 200


def resident(mock: RunningMock) -> int:
    """Return how many MiB of memory the mock holds."""
    told = Path(f"/proc/{mock.process.pid}/status").read_text("utf8")
    return int(told.split("VmRSS:")[1].split()[0]) // 1024


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_stops_sending_gets_an_answer_that_need_not_be_waited_for(ruled: RunningMock, *, stream: bool) -> None:
    answer = half_closed(ruled, request("hello", stream=stream))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n" if stream else b"}")
    assert newest(ruled)["outcome"] == "answered"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_stops_sending_gets_even_what_does_not_fit_into_the_connection(ruled: RunningMock, *, stream: bool) -> None:
    answer = half_closed(ruled, request("huge", stream=stream))
    assert len(answer) > HUGE
    assert answer.endswith(b"\r\n0\r\n\r\n" if stream else b"}")
    assert newest(ruled)["outcome"] == "faulted"


@pytest.mark.parametrize(("user", "told"), [("paced", 1), ("stalled", 2), ("late", 0), ("hanging", 0)])
def test_who_stops_sending_and_has_to_wait_is_taken_for_gone(ruled: RunningMock, user: str, told: int) -> None:
    answer = half_closed(ruled, request(user))
    entry = newest(ruled)
    assert (entry["outcome"], entry["pieces"], entry["last_user"]) == ("client-disconnected", told, user)
    assert [word for word in (b'"a"', b'" b"', b'" c"') if word in answer] == [b'"a"', b'" b"'][:told]
    assert b"[DONE]" not in answer
    assert is_alive(ruled)


def test_who_stops_sending_while_an_answer_is_delayed_is_taken_for_gone(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": 3600, "times": 1}).raise_for_status()
    assert half_closed(mock, REQUEST) == b""
    assert newest(mock)["outcome"] == "client-disconnected"
    assert is_alive(mock)


@pytest.mark.parametrize("sent", [b"", HEAD, REQUEST[:-1]], ids=["nothing", "head", "body"])
def test_who_stops_sending_in_the_middle_has_asked_nothing(mock: RunningMock, sent: bytes) -> None:
    assert half_closed(mock, sent) == b""
    assert mock.entries() == []
    assert is_alive(mock)


def test_clients_that_do_not_read_keep_nobody_waiting_and_fill_no_memory(ruled: RunningMock) -> None:
    with ExitStack() as opened:
        before = ruled.journal()["next"]
        for _ in range(20):
            client = opened.enter_context(connected(ruled))
            client.sendall(request("huge"))
            assert client.recv(1) == b"H"
        assert is_alive(ruled)
        assert [entry["outcome"] for entry in ruled.journal(after=before)["entries"]] == ["in-flight"] * 20 + [
            "answered"
        ]
        assert resident(ruled) < 120
    gone = [ruled.finished(number)["outcome"] for number in range(before + 1, before + 21)]
    assert gone == ["client-disconnected"] * 20


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Any, State, uvicorn.Server]]:
    """Give the address of the providers' port in this process."""
    listener = bound(socket.AF_INET, ("127.0.0.1", 0))
    listener.listen()
    state = State.new(rules=read_rules(RULES))
    server = await start(data_plane(state), listener)
    sweep = asyncio.create_task(end_the_slow(server.server_state.connections, 0.2))
    try:
        yield listener.getsockname(), state, server
    finally:
        sweep.cancel()
        for each in list(server.server_state.connections):
            each.transport.abort()
        await server.shutdown([listener])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110, nothing rings here
            await asyncio.sleep(0)


def test_a_client_that_reads_nothing_for_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_SECONDS", 0.05)
    asyncio.run(_unread())


async def _unread() -> None:
    async with serving() as (address, state, _server):
        with socket.create_connection(address, timeout=DEADLINE) as stuck:
            stuck.sendall(request("huge"))
            reader, writer = await asyncio.open_connection(*address)
            writer.write(request("stalled"))
            await reader.readuntil(b'" b"')
            await until(lambda: state.journal.after(0)[0].outcome != "in-flight")
            # Who has nothing to read is not one that does not read.
            assert [(each.last_user, each.outcome) for each in state.journal.after(0)] == [
                ("huge", "client-disconnected"), ("stalled", "in-flight"),
            ]  # fmt: skip
            assert len(everything(stuck)) < HUGE
            writer.close()


def test_a_client_that_reads_again_is_stuck_no_longer() -> None:
    asyncio.run(_read_late())


async def _read_late() -> None:
    async with serving() as (address, _state, server):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request("huge"))
        await reader.readexactly(1)

        def stuck() -> list[bool]:
            return [each.stuck_since is not None for each in server.server_state.connections]  # type: ignore[union-attr]

        await until(lambda: stuck() == [True])
        while not (await reader.read(1 << 20)).endswith(b"\r\n0\r\n\r\n"):
            pass
        assert stuck() == [False]
        writer.close()


@pytest.fixture(scope="module")
def impatient() -> Iterator[RunningMock]:
    with running_mock("--read-seconds", "1") as mock:  # less, and a busy machine is slow, too
        yield mock


@pytest.mark.parametrize(
    "sent", [REQUEST[:-1], HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{"], ids=["length", "chunks"]
)
def test_a_body_that_stops_half_way_is_told_so_and_ended(impatient: RunningMock, sent: bytes) -> None:
    with connected(impatient) as client:
        client.sendall(sent)
        assert everything(client).startswith(b"HTTP/1.1 408 ")
    entry = newest(impatient)
    assert (entry["status"], entry["outcome"], entry["last_user"]) == (408, "rejected", None)
    assert is_alive(impatient)


def test_a_body_that_trickles_for_ever_is_ended_too(impatient: RunningMock) -> None:
    with connected(impatient) as client:
        client.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        client.settimeout(0.01)
        for _ in range(2000):
            try:
                client.sendall(b"1\r\n \r\n")
                answer = client.recv(100)
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                answer = b""
            break
        else:
            pytest.fail("the body trickles on")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert is_alive(impatient)


def test_a_body_in_small_parts_is_read(mock: RunningMock) -> None:
    with connected(mock) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(REQUEST)):
            client.sendall(REQUEST[at : at + 1])
        client.shutdown(socket.SHUT_WR)
        assert everything(client).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def _damaged(cuts: list[tuple[int, int, bytes]]) -> bytes:
    sent = REQUEST
    for at, length, instead in cuts:
        sent = sent[: at % len(sent)] + instead + sent[at % len(sent) + length :]
    return sent


GARBAGE = st.binary(max_size=200) | st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 30), st.binary(max_size=8)), min_size=1, max_size=3
).map(_damaged)


def test_whatever_bytes_come_end_in_an_answer_or_in_an_end_and_the_next_client_is_served(own_mock: RunningMock) -> None:
    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(sent=GARBAGE)
    def holds(sent: bytes) -> None:
        answer = half_closed(own_mock, sent)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
        assert b"HTTP/1.1 5" not in answer
        assert half_closed(own_mock, REQUEST).startswith(b"HTTP/1.1 200 ")

    holds()
    assert [entry for entry in own_mock.entries() if entry["error"] is not None] == []
    own_mock.process.send_signal(signal.SIGTERM)
    assert own_mock.process.wait(DEADLINE) == 0
    assert own_mock.process.stdout is not None
    assert own_mock.process.stdout.read() == ""  # nor did anything go wrong that it could only complain of


def test_packed_bodies_of_those_who_wait_take_their_room_unpacked(tmp_path: Path) -> None:
    hanging, rules = packed("hanging"), tmp_path / "rules.yaml"
    rules.write_text(RULES, "utf8")
    with running_mock("--rules", str(rules)) as mock, ExitStack() as stack:
        clients = [stack.enter_context(connected(mock)) for _ in range(12)]
        for client in clients:
            client.sendall(hanging)
        refused: set[socket.socket] = set()
        while len(refused) < 6:  # the others hang
            told = select.select([each for each in clients if each not in refused], [], [], DEADLINE)[0]
            assert told, f"{len(refused)} were refused"
            refused |= set(told)
        assert all(each.recv(65536).startswith(b"HTTP/1.1 503 ") for each in refused)
        for each in clients:
            each.close()
        deadline = time.monotonic() + DEADLINE
        while True:  # what the others took is there again once the mock has seen them go
            with connected(mock) as client:
                client.sendall(packed("hello"))
                if client.recv(65536).startswith(b"HTTP/1.1 200 "):
                    return
            assert time.monotonic() < deadline

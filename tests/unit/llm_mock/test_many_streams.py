"""A thousand streams that stand open at once: none is refused, none keeps others waiting, and all of them end."""

import json
import resource
import selectors
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .running import DEADLINE, RunningMock, chat_request, running_mock

STREAMS = 1000
RULES = "schema: 1\nrules: [{match: {user: stay}, reply: {text: a b c d, fault: {kind: stall, after: 2}}}]"
BODY = json.dumps(chat_request("stay", stream=True)).encode()
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


@contextmanager
def open_files(soft: int) -> Iterator[None]:
    """Let this process, and those that it starts, open so many files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < soft:
        pytest.skip(f"this machine gives a process {before[1]} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def resident(mock: RunningMock) -> int:
    """Return how many MiB of memory the mock holds."""
    told = Path(f"/proc/{mock.process.pid}/status").read_text("utf8")
    return int(told.split("VmRSS:")[1].split()[0]) // 1024


def read_until(clients: list[socket.socket], wanted: bytes | None) -> list[bytes]:
    """Read from all sockets, until each has said what is wanted, or for None until its end."""
    said = dict.fromkeys(clients, b"")
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ, client)
        while selector.get_map():
            ready = selector.select(DEADLINE)
            assert ready, f"{len(selector.get_map())} of {len(clients)} streams say nothing more"
            for key, _ in ready:
                client = key.data
                part = client.recv(65536)
                said[client] += part
                if not part or (wanted is not None and wanted in said[client]):
                    selector.unregister(client)
    return list(said.values())


def test_a_thousand_streams_stand_open_at_once_and_end_when_the_mock_does(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, "utf8")
    with ExitStack() as opened:
        with open_files(STREAMS // 2):  # the mock asks for more by itself
            mock = opened.enter_context(running_mock("--rules", str(rules)))
        opened.enter_context(open_files(2 * STREAMS))
        clients = []
        for _ in range(STREAMS):
            clients.append(opened.enter_context(socket.create_connection(("127.0.0.1", mock.port), timeout=DEADLINE)))
            clients[-1].sendall(REQUEST)

        assert all(b'" b"' in said for said in read_until(clients, b'" b"'))
        assert mock.chat(chat_request("me, too")).status_code == 200
        outcomes = [entry["outcome"] for entry in mock.entries()]
        assert (outcomes.count("in-flight"), outcomes.count("answered")) == (STREAMS, 1)
        assert resident(mock) < 120

        mock.process.send_signal(signal.SIGTERM)
        ends = read_until(clients, None)
        assert mock.process.wait(DEADLINE) == 0
        assert not any(b"[DONE]" in end or b'" d"' in end for end in ends)
        assert mock.process.stdout is not None
        assert mock.process.stdout.read() == ""

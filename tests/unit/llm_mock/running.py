"""A mock in a process of its own, as the lab and its image start it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

DEADLINE = 20.0


def chat_request(text: str = "hello there", **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **more}


@dataclass(frozen=True)
class RunningMock:
    process: subprocess.Popen[str]
    port: int
    control_port: int
    data: httpx.Client
    control: httpx.Client
    threads: ThreadPoolExecutor

    def chat(self, request: Mapping[str, Any], **options: Any) -> httpx.Response:
        return self.data.post("/v1/chat/completions", json=request, **options)

    def start_chat(self, request: Mapping[str, Any]) -> Future[httpx.Response]:
        return self.threads.submit(self.chat, request)

    def journal(self, **query: float) -> dict[str, Any]:
        response = self.control.get("/journal", params=query)
        assert response.status_code == 200, response.text
        page: dict[str, Any] = response.json()
        return page

    def entries(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.journal()["entries"]
        return entries

    @contextmanager
    def waiting_poll(self, after: int) -> Iterator[Callable[[], dict[str, Any]]]:
        """Give a function that reads the answer of a long poll which the mock is known to be holding."""
        with socket.create_connection(("127.0.0.1", self.control_port), timeout=DEADLINE) as poll:
            poll.sendall(f"GET /journal?after={after}&wait=60 HTTP/1.0\r\nhost: mock\r\n\r\n".encode())
            # The loop accepts the poll by its answer to the first of these, and reads it by the second.
            for _ in range(2):
                assert self.control.get("/health").status_code == 200

            def page() -> dict[str, Any]:
                answer = b"".join(iter(lambda: poll.recv(65536), b""))
                read: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
                return read

            yield page

    def next_entry(self, after: int) -> dict[str, Any]:
        """Wait for the first request after `after`."""
        entry: dict[str, Any] = self.journal(after=after, wait=DEADLINE)["entries"][0]
        return entry

    def finished(self, seq: int) -> dict[str, Any]:
        """Wait until this entry is no longer in flight."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            entry: dict[str, Any] = self.journal(after=seq - 1)["entries"][0]
            if entry["outcome"] != "in-flight":
                return entry
        raise AssertionError(f"entry {seq} was still in flight after {DEADLINE} s")


@contextmanager
def running_mock(*arguments: str) -> Iterator[RunningMock]:
    command = [sys.executable, "-m", "lab.llm_mock", "--port", "0", "--control-port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            # The process ends before the threads are joined: no request of a failed test is waited for.
            with (
                ThreadPoolExecutor() as threads,
                httpx.Client(base_url=f"http://127.0.0.1:{ports['port']}", timeout=DEADLINE) as data,
                httpx.Client(base_url=f"http://127.0.0.1:{ports['control_port']}", timeout=DEADLINE * 2) as control,
            ):
                try:
                    yield RunningMock(process, ports["port"], ports["control_port"], data, control, threads)
                finally:
                    process.kill()
        finally:
            process.kill()

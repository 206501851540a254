"""What stands beside a product on this machine: the LLM mock as a process, and who may hold the product's port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab import paths
from lab.environment.base import Llm
from lab.environment.mock_journal import fetch_journal
from lab.errors import InfrastructureError
from lab.process import CommandResult

START_SECONDS = 30
POLL_SECONDS = 0.02
NO_SERVER = "there is no database server beside a product that runs on this machine itself"


class LocalServices:
    """The LLM mock of one trial."""

    def __init__(self, site: Path, port: int, control_port: int, logs: Path, variables: Mapping[str, str]) -> None:
        self._site = site
        self._ports = (port, control_port)
        self._logs = logs
        self._variables = variables
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="service")
        self._mock: subprocess.Popen[bytes] | None = None
        self._up: Future[Llm] | None = None

    def begin(self) -> None:
        """Let the mock come up."""
        self._logs.mkdir(parents=True, exist_ok=True)
        port, control = self._ports
        words = ["-m", "lab.llm_mock", "--host", "127.0.0.1", "--port", str(port), "--control-port", str(control)]
        found = os.pathsep.join(map(str, (paths.CHECKOUT, self._site)))
        with (self._logs / "stdout").open("wb") as out, (self._logs / "stderr").open("wb") as err:
            self._mock = subprocess.Popen(
                [sys.executable, *words],
                env={**self._variables, "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self._up = self._pool.submit(self._await)

    def ready(self) -> dict[str, Any]:
        """Wait for the mock; there is nothing else to tell."""
        self.llm()
        return {}

    def llm(self) -> Llm:
        """Wait for the mock and return its addresses.

        Raises InfrastructureError where it does not come up.
        """
        if self._up is None:
            raise InfrastructureError("the environment was not provisioned")
        return self._up.result()

    def is_mock(self, pid: int) -> bool:
        """Whether a process is the mock, and none of the product's."""
        return self._mock is not None and self._mock.pid == pid

    def check(self) -> None:
        """Raise InfrastructureError where the mock has ended."""
        if self._mock is not None and self._up is not None and self._up.done() and self._mock.poll() is not None:
            raise InfrastructureError(f"the LLM mock has ended: {self._said()}", hint="did somebody else stop it?")

    def run_in_database(self, argv: Sequence[str], *, timeout: float) -> CommandResult:  # noqa: ARG002
        """Raise InfrastructureError: there is no server."""
        raise InfrastructureError(NO_SERVER)

    def stop_database(self) -> None:
        """Raise InfrastructureError: there is no server."""
        raise InfrastructureError(NO_SERVER)

    def start_database(self) -> None:
        """Raise InfrastructureError: there is no server."""
        raise InfrastructureError(NO_SERVER)

    def collect(self) -> dict[str, bytes]:
        """Return the mock's output and its journal."""
        found = {f"llm.{name}": self._read(name) for name in ("stdout", "stderr")}
        if self._up is None or not self._up.done() or self._up.cancelled() or self._up.exception():
            return found
        return {**found, **fetch_journal(self._up.result().control_url)}

    def close(self) -> None:
        """End the mock."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._mock is not None:
            self._mock.kill()
            self._mock.wait()

    def _await(self) -> Llm:
        import httpx

        port, control = self._ports
        mock = self._mock
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(timeout=2, trust_env=False) as client:
            while time.monotonic() < deadline and mock is not None and mock.poll() is None:
                try:
                    if client.get(f"http://127.0.0.1:{control}/ready").is_success:
                        return Llm(f"http://127.0.0.1:{port}/v1", f"http://127.0.0.1:{control}")
                except httpx.TransportError:
                    pass
                time.sleep(POLL_SECONDS)
        raise InfrastructureError(f"the LLM mock did not answer within {START_SECONDS} s: {self._said()}")

    def _said(self) -> str:
        return self._read("stderr").decode("utf8", "replace").strip()[-500:] or "it said nothing"

    def _read(self, name: str) -> bytes:
        try:
            return (self._logs / name).read_bytes()
        except OSError:
            return b""


class LocalNeighbours:
    """Who stands beside the product's next start."""

    def __init__(self, left_behind: Callable[[], list[str] | None]) -> None:
        self._left_behind = left_behind
        self._occupant: socket.socket | None = None

    def occupy(self, port: int) -> None:
        """Listen on the port until `vacate`."""
        try:
            self._occupant = socket.create_server(("0.0.0.0", port))  # noqa: S104 - as the product would
        except OSError as error:
            raise InfrastructureError(f"port {port} could not be occupied: {error.strerror}") from error

    def vacate(self) -> None:
        """Listen no more."""
        if self._occupant is not None:
            self._occupant.close()
            self._occupant = None

    def watch_processes(self) -> None:
        """Do nothing: this machine's init stands above every start, and every process is marked."""

    def left_behind(self) -> list[str] | None:
        """Return the command lines of processes that outlived the product."""
        return self._left_behind()

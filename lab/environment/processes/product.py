"""The product of a local trial: a process of this machine, in a session of its own."""

import errno
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from lab.environment.base import Log, NotStartedError, Service, ServiceState
from lab.environment.processes import table as processes
from lab.errors import InfrastructureError
from lab.history import now
from lab.paths import SESSIONS

PRODUCT_MARK = "LAB_PRODUCT"
"""Variable by which the processes of one start of a product are found, those included that left its session."""
SETTLE_SECONDS = 0.25
"""What ends within this time of the product's end was not left behind."""
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02
MOST_BYTES = 20_000_000
"""Of a file that is read."""
NO_PROGRAM = frozenset({errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
"""Errors that tell of the program or its folder; any other tells of the machine, which has no room for a process."""


class LocalProduct:
    """The starts of one product, and the process of the last."""

    def __init__(
        self,
        name: str,
        logs: Path,
        port: int | None,
        program: Callable[[str], str],
        variables: Callable[[], Mapping[str, str]],
        going_on: Callable[[], None],
        note: Callable[..., None],
    ) -> None:
        self._name = name
        self._logs = logs
        self.sessions = logs.parent / SESSIONS
        """File with the session of each start."""
        self._port = port
        self._program = program
        """Where a program is that a scenario may take for granted."""
        self._variables = variables
        """What every process of the trial has in its environment."""
        self._going_on = going_on
        """Raises Interrupted once the trial was told to end."""
        self._note = note
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = ""
        self.starts = 0

    @property
    def mark(self) -> str:
        """What the processes of the last start carry."""
        return f"{self._name}-{self.starts}"

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The first process of the last start."""
        if self._process is None:
            raise AssertionError("the product was not started yet")
        return self._process

    def start(self, service: Service) -> ServiceState:
        """Start it in a session of its own.

        Raises NotStartedError where there is no such program, InfrastructureError where no process can be made.
        """
        self._going_on()
        self.starts += 1
        self._note("object", kind="process", name=self.mark)
        self._logs.mkdir(exist_ok=True)
        out, err = (self._log(self.starts, stream) for stream in ("stdout", "stderr"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            try:
                self._process = subprocess.Popen(
                    [self._program(service.argv[0]), *service.argv[1:]],
                    cwd=service.directory,
                    env={**self._variables(), PRODUCT_MARK: self.mark, **service.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            except OSError as error:
                if error.errno not in NO_PROGRAM:
                    raise InfrastructureError(f"this machine cannot start a process: {error.strerror}") from error
                raise NotStartedError(f"{error.strerror}: {error.filename}") from error
        processes.note_session(self.sessions, self._process.pid)
        self._started_at = now()
        return self.state()

    def state(self) -> ServiceState:
        """Ask the kernel for its state."""
        self._going_on()
        code = self.process.poll()
        return ServiceState(
            running=code is None,
            pid=self.process.pid,
            started_at=self._started_at,
            exit_code=code if code is None or code >= 0 else 128 - code,  # as a shell tells the end by a signal
            extra={"ended_by": signal.Signals(-code).name if code is not None and code < 0 else ""},
        )

    def signal(self, name: str) -> None:
        """Send a signal to the first process; SIGKILL goes to all of them, as nothing else would end them."""
        self._going_on()
        if name == "SIGKILL":
            processes.kill(self.pids())
        if self.process.poll() is None:
            self.process.send_signal(signal.Signals[name])

    def stop(self, grace: float) -> None:
        """Ask it to end, and kill it and all it started after `grace` seconds."""
        self._going_on()
        self.signal("SIGTERM")
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.signal("SIGKILL")
            self.process.wait(KILL_SECONDS)

    def base_url(self) -> str:
        """Return its address on this machine's loopback."""
        return f"http://127.0.0.1:{self._port}"

    def processes(self) -> list[str]:
        """List its processes by their command lines."""
        return [words for words in map(processes.command_line, self.pids()) if words]

    def memory(self) -> dict[str, int]:
        """Sum up the memory of its processes."""
        return processes.memory(self.pids())

    def pids(self) -> list[int]:
        """Return the ids of its processes."""
        found = set(processes.marked(PRODUCT_MARK, self.mark))
        return sorted(found | set(processes.in_session(self._process.pid)) if self._process else found)

    def waited(self) -> float | None:
        """Read from the kernel how long its tasks have waited for a processor, in seconds."""
        return processes.waited_of(self.pids(), "", cgroups=Path(os.devnull))

    def left_behind(self) -> list[str] | None:
        """Return who outlived it, and end them: the next start must find nothing of this one."""
        if self._process is None or self._process.poll() is None:
            return None
        deadline = time.monotonic() + SETTLE_SECONDS
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        told = [words for words in map(processes.command_line, left) if words]
        processes.kill(left)
        return told

    def reap(self) -> None:
        """Take note of its end, if it has ended."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(POLL_SECONDS)

    def traces(self) -> dict[str, bytes]:
        """Read the variables of its process, if there is one."""
        try:
            return {"the product's variables": Path(f"/proc/{self.process.pid}/environ").read_bytes()}
        except OSError:
            return {}

    def logs(self) -> Log:
        """Read what its last start wrote."""
        return self.logs_of(self.starts)

    def logs_of(self, number: int) -> Log:
        """Read what one of its starts wrote."""
        out, err = (read(self._log(number, stream)) for stream in ("stdout", "stderr"))
        missing = _lacking("standard output", out) or _lacking("standard error", err)
        return Log(out or b"", err or b"", missing)

    def _log(self, number: int, stream: str) -> Path:
        return self._logs / f"{number}.{stream}"


def _lacking(what: str, content: bytes | None) -> str:
    """Say that a file was not read to its end, nothing where it was."""
    if content is None:
        return f"its {what} cannot be read"
    return f"its {what} was read no further than {MOST_BYTES // 1_000_000} MB" if len(content) >= MOST_BYTES else ""


def read(path: Path) -> bytes | None:
    """Read the beginning of a file; None where it is none: a pipe that nobody fills, a device without an end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return None

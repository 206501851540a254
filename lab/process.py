"""The one door for commands that run on the host itself."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import InfrastructureError

POLL_SECONDS = 0.02
RUN_MARK = "LAB_RUN_ID"
"""Environment variable by which the processes of a run can be told from all others."""


@dataclass(frozen=True)
class CommandResult:
    """What a command gave: exit code (None when its deadline passed), output, seconds."""

    argv: tuple[str, ...]
    exit_code: int | None
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.exit_code == 0

    @property
    def timed_out(self) -> bool:
        """Whether it was ended because its deadline passed."""
        return self.exit_code is None

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of what it said, standard error first choice."""
        said = (self.stderr.strip() or self.stdout.strip()).decode("utf8", "replace")
        return "\n".join(said.splitlines()[-lines:])


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> CommandResult:
    """Run a command in a process group of its own; end the whole group at the deadline or on interruption.

    Raises InfrastructureError when the program does not exist.
    """
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    try:
        child = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise InfrastructureError(f"the folder {cwd}, where '{words[0]}' is to run, does not exist") from error
        raise InfrastructureError(f"the program '{words[0]}' is not installed") from error
    except OSError as error:
        raise InfrastructureError(f"the program '{words[0]}' cannot be started: {error.strerror}") from error
    exit_code: int | None
    _running.add(child)
    try:
        stdout, stderr = child.communicate(timeout=timeout)
        exit_code = child.returncode
    except subprocess.TimeoutExpired:
        _end(child)
        stdout, stderr = _last_output(child)
        exit_code = None
    except BaseException:
        _end(child)
        _last_output(child)
        raise
    finally:
        _running.discard(child)
    return CommandResult(words, exit_code, stdout, stderr, time.monotonic() - started)


def end_all() -> None:
    """End every command that some thread of this process is waiting for."""
    for child in list(_running):
        _end(child)


_running: "set[subprocess.Popen[bytes]]" = set()


def _end(child: "subprocess.Popen[bytes]", grace: float = 2.0) -> None:
    """Ask the group to end, then make it: members that outlive their leader, too."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            child.poll()  # the leader stays a member of its group until its exit code is read
            os.killpg(child.pid, 0)
            time.sleep(POLL_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)


def _last_output(child: "subprocess.Popen[bytes]", patience: float = 1.0) -> tuple[bytes, bytes]:
    """Read what is left; a process that left the group may hold the pipes open for ever."""
    try:
        return child.communicate(timeout=patience)
    except subprocess.TimeoutExpired as late:
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
        return late.stdout or b"", late.stderr or b""

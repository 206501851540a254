"""The one door for commands that run on the host itself."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lab.errors import InfrastructureError

POLL_SECONDS = 0.02
RUN_MARK = "LAB_RUN_ID"
"""Environment variable by which the processes of a run can be told from all others."""
TRIAL_MARK = "LAB_TRIAL"
"""The same for the processes of one trial."""
MOST_BYTES = 20_000_000
LAST_WORDS_SECONDS = 1.0
interrupted = threading.Event()
"""The lab was interrupted: commands of no trial end, and begin no more."""


class NotRunnableError(InfrastructureError):
    """A program is not there or cannot be executed, or the folder is missing in which it was to run."""


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
        """Return the last lines of what it said that say something, standard error first choice."""
        said = (self.stderr.strip() or self.stdout.strip()).decode("utf8", "replace")
        return "\n".join(without_pointers(said).splitlines()[-lines:])


def without_pointers(text: str) -> str:
    """Return a text without its empty lines and those that only point at the line above, as Python's carets do."""
    return "\n".join(line for line in text.splitlines() if line.strip(" \t^~"))


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    alone: bool = False,
    stopped: Callable[[], bool] | None = None,
    given: IO[bytes] | None = None,
) -> CommandResult:
    """Run a command in a process group of its own; end the whole group at the deadline or on interruption.

    It gets `environment` beside the lab's own, or `alone`. Its standard input is the open file `given`, or empty. Of
    each stream the first MOST_BYTES are kept. A command of a trial is given `stopped`, which says whether the trial was
    told to end; `end_commands` ends it by that alone, and it ends at once if that came too early for it. Without it, an
    interruption of the lab does the same. `never` is for what must not be ended from outside. Raises NotRunnableError
    when the program cannot be started.
    """
    stopped = stopped or interrupted.is_set
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    child = _start(words, cwd, {**({} if alone else os.environ), **(environment or {})}, given)
    exit_code: int | None
    _running.add((child, stopped))
    if stopped():
        _end(child)
    streams = [_Reader(pipe) for pipe in (child.stdout, child.stderr) if pipe is not None]
    try:
        if all(stream.ended(started + timeout) for stream in streams):
            exit_code = child.wait(max(0.0, started + timeout - time.monotonic()))
        else:
            _end(child)
            exit_code = None
    except subprocess.TimeoutExpired:
        _end(child)
        exit_code = None
    except BaseException:
        _end(child)
        raise
    finally:
        _running.discard((child, stopped))
        for stream in streams:
            stream.ended(time.monotonic() + LAST_WORDS_SECONDS)
    stdout, stderr = (bytes(stream.kept) for stream in streams)
    return CommandResult(words, exit_code, stdout, stderr, time.monotonic() - started)


def _start(
    words: Sequence[str], cwd: Path | None, environment: Mapping[str, str], given: IO[bytes] | None
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL if given is None else given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise NotRunnableError(f"the folder {cwd}, where '{words[0]}' is to run, does not exist") from error
        raise NotRunnableError(f"the program '{words[0]}' is not installed") from error
    except OSError as error:
        raise NotRunnableError(f"the program '{words[0]}' cannot be started: {error.strerror}") from error


def never() -> bool:
    """Return False: the `stopped` of a removal, which an interruption waits for."""
    return False


def end_commands(stopped: Callable[[], bool]) -> None:
    """End the commands that were given this `stopped`, which is true from before: one that begins now ends itself."""
    for child, of in list(_running):
        if of == stopped:
            _end(child)


_running: "set[tuple[subprocess.Popen[bytes], Callable[[], bool]]]" = set()


def _end(child: "subprocess.Popen[bytes]", grace: float = 2.0) -> None:
    """Ask the group to end, then make it: members that outlive their leader, too."""
    deadline = time.monotonic() + grace
    there = _signal(child, signal.SIGTERM)
    while there and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        child.poll()  # the leader stays a member of its group until its exit code is read
        there = _signal(child, 0)
    if there:
        _signal(child, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.wait(LAST_WORDS_SECONDS)


def _signal(child: "subprocess.Popen[bytes]", number: int) -> bool:
    """Signal the group; return whether there is anybody of it left."""
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # sudo has made them root's, whom an ordinary user cannot end
    return True


class _Reader(threading.Thread):
    """Reads a pipe to its end; of a talkative command the beginning is kept."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(name="output", daemon=True)
        self.kept = bytearray()
        self._pipe = pipe
        self.start()

    def run(self) -> None:
        """Read until the last writer has closed the pipe; that may be a process that left the group, much later."""
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 65536):
                self.kept.extend(chunk[: max(0, MOST_BYTES - len(self.kept))])

    def ended(self, deadline: float) -> bool:
        """Wait until all is read, at most until a moment of the monotonic clock."""
        self.join(max(0.0, deadline - time.monotonic()))
        return not self.is_alive()

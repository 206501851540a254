"""Commands and files in a container of the engine: how the installer runs and configuration gets there."""

import io
import math
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from lab.environment.containers.engine import Door
from lab.environment.containers.streams import MOST_BYTES, Stream, executed
from lab.process import CommandResult

PRODUCT_UID = 1000
KILL_AFTER = 5
"""Seconds between the end of a command that ran too long and its being killed."""
READ_SECONDS = 20
FOLDER_SECONDS = 60.0
READ_SCRIPT = 'test -f "$2" && head -c "$1" -- "$2"'
TIMED_OUT, NOT_RUNNING = 124, 409
"""What timeout(1) ends with, and the engine's status for a container that has ended."""


class Commands:
    """Runs commands in one container, by default as the product's user."""

    def __init__(self, door: Door, container: str, *, own_clock: bool = False, user: str = str(PRODUCT_UID)) -> None:
        self._door = door
        self._container = container
        self._user = "" if own_clock else user
        self._own_clock = own_clock
        """Whether the container lacks timeout(1), so that a deadline can only be watched from outside."""
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="exec")
        self._under_way: set[Stream] = set()

    def run(
        self, argv: Sequence[str], *, timeout: float, environment: Mapping[str, str] | None = None, directory: str = "/"
    ) -> CommandResult:
        """Run a command; one that runs longer than `timeout` seconds is ended and has no exit code."""
        words = list(argv)
        if not self._own_clock:
            words = ["timeout", f"--kill-after={KILL_AFTER}", f"{timeout:.3f}", *words]
        started = time.monotonic()
        with self._door(f"running {argv[0]}"):
            try:
                code, stdout, stderr = self._execute(
                    words, environment or {}, directory, self._user, seconds=timeout + 2 * KILL_AFTER
                )
            except TimeoutError:
                code, stdout, stderr = None, b"", b""
        seconds = time.monotonic() - started
        if code == TIMED_OUT and not self._own_clock and seconds >= timeout:
            code = None
        return CommandResult(tuple(argv), code, stdout, stderr, seconds)

    def close(self) -> None:
        """Let go of the threads, whatever they are waiting for: Python does not exit before their end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for stream in tuple(self._under_way):
            stream.break_off()

    def _execute(
        self, argv: list[str], variables: Mapping[str, str], directory: str, user: str, *, seconds: float
    ) -> tuple[int | None, bytes, bytes]:
        """Execute in a thread; what takes longer is broken off.

        Raises TimeoutError for that.
        """
        stream = Stream()
        self._under_way.add(stream)
        try:
            return self._pool.submit(self._executed, argv, variables, directory, user, stream).result(seconds)
        except TimeoutError:
            stream.break_off()
            raise

    def _executed(
        self, argv: list[str], variables: Mapping[str, str], directory: str, user: str, stream: Stream
    ) -> tuple[int | None, bytes, bytes]:
        """Execute; a container that has ended gives no exit code of its own."""
        from docker.errors import APIError

        environment = {"HOME": "/tmp", **variables}  # noqa: S108 - inside the container
        api = self._door.client.api
        try:
            return executed(
                api, self._container, argv, environment=environment, directory=directory, user=user, stream=stream
            )
        except APIError as error:
            if error.status_code != NOT_RUNNING:
                raise
            return NOT_RUNNING, b"", b"the container does not run any more"
        finally:
            self._under_way.discard(stream)


class Toolbox(Commands):
    """The container that holds a trial's volumes."""

    def put(self, content: bytes, path: str, *, mode: int = 0o644, folder_by: str = str(PRODUCT_UID)) -> None:
        """Write one file; a folder that exists already is not touched, so that its owner stays."""
        place = PurePosixPath(path)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            member = tarfile.TarInfo(place.name)
            member.size, member.mode, member.uid, member.gid = len(content), mode, PRODUCT_UID, PRODUCT_UID
            member.mtime = math.floor(time.time())
            tar.addfile(member, io.BytesIO(content))
        self.unpack(buffer.getvalue(), str(place.parent), folder_by=folder_by)

    def unpack(self, tar: bytes, folder: str, *, folder_by: str = str(PRODUCT_UID)) -> None:
        """Unpack an archive into a folder, which is made if need be."""
        with self._door(f"writing into {folder}"):
            self._execute(["mkdir", "-p", folder], {}, "/", folder_by, seconds=FOLDER_SECONDS)
            self._door.client.api.put_archive(self._container, folder, tar)

    def get(self, path: str) -> bytes | None:
        """Read one file, None if there is none."""
        return read_file(lambda words: self.run(words, timeout=READ_SECONDS), path)


def read_file(run: Callable[[list[str]], CommandResult], path: str) -> bytes | None:
    """Read the beginning of a file by a command; None where it is none: a pipe nobody fills, an endless device."""
    result = run(["sh", "-c", READ_SCRIPT, "sh", str(MOST_BYTES), path])
    return result.stdout if result.ok else None

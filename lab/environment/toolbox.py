"""Commands and files in a container of the engine: how the installer runs and configuration gets there."""

import io
import math
import tarfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from lab.environment.engine import Door
from lab.process import CommandResult

PRODUCT_UID = 1000
KILL_AFTER = 5
"""Seconds between the end of a command that ran too long and its being killed."""
READ_SECONDS = 20
MOST_BYTES = 20_000_000
"""Of a command's output, of each stream: the rest is read and dropped."""
TIMED_OUT, NOT_RUNNING = 124, 409
"""What timeout(1) ends with, and the engine's status for a container that has ended."""


class Commands:
    """Runs commands in one container, by default as the product's user."""

    def __init__(self, door: Door, container: str, *, own_clock: bool = False) -> None:
        self._door = door
        self._container = container
        self._own_clock = own_clock
        """Whether the container lacks timeout(1), so that a deadline can only be watched from outside."""
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="exec")

    def run(
        self, argv: Sequence[str], *, timeout: float, environment: Mapping[str, str] | None = None, directory: str = "/"
    ) -> CommandResult:
        """Run a command; one that runs longer than `timeout` seconds is ended and has no exit code."""
        words = list(argv)
        if not self._own_clock:
            words = ["timeout", f"--kill-after={KILL_AFTER}", f"{timeout:.3f}", *words]
        user = "" if self._own_clock else str(PRODUCT_UID)
        started = time.monotonic()
        with self._door(f"running {argv[0]}"):
            call = self._pool.submit(self.execute, words, environment or {}, directory, user)
            try:
                code, stdout, stderr = call.result(timeout + 2 * KILL_AFTER)
            except TimeoutError:
                code, stdout, stderr = None, b"", b""
        seconds = time.monotonic() - started
        if code == TIMED_OUT and not self._own_clock and seconds >= timeout:
            code = None
        return CommandResult(tuple(argv), code, stdout, stderr, seconds)

    def execute(
        self, argv: list[str], variables: Mapping[str, str], directory: str = "/", user: str = str(PRODUCT_UID)
    ) -> tuple[int | None, bytes, bytes]:
        """Execute without a deadline; a container that has ended gives no exit code of its own."""
        from docker.errors import APIError

        api = self._door.client.api
        environment = {"HOME": "/tmp", **variables}  # noqa: S108 - inside the container
        out: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        try:
            made = api.exec_create(self._container, argv, environment=environment, workdir=directory, user=user)
            for chunks in api.exec_start(made["Id"], demux=True, stream=True):
                for kept, chunk in zip(out, chunks, strict=True):
                    kept.extend((chunk or b"")[: max(0, MOST_BYTES - len(kept))])
            return api.exec_inspect(made["Id"])["ExitCode"], bytes(out[0]), bytes(out[1])
        except APIError as error:
            if error.status_code != NOT_RUNNING:
                raise
            return NOT_RUNNING, b"", b"the container does not run any more"

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


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
            self.execute(["mkdir", "-p", folder], {}, user=folder_by)
            self._door.client.api.put_archive(self._container, folder, tar)

    def get(self, path: str) -> bytes | None:
        """Read one file, None if there is none."""
        # What lies there may have become anything: a pipe that nobody fills, a link to an endless device.
        result = self.run(["head", "-c", str(MOST_BYTES), "--", path], timeout=READ_SECONDS)
        return result.stdout if result.ok else None

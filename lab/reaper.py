"""A process that outlives the lab: when the lab is gone without a word, it removes what the run made.

It holds the other end of a pipe. The lab says goodbye through it at a proper end; a pipe that closes without a
goodbye means that the lab was killed.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab.process import RUN_MARK

GOODBYE = b"."
QUIET_SWEEPS = 2
"""So many sweeps in a row must find nothing: a creation that was under way may still come through."""
PAUSE_SECONDS = 0.7
MOST_SECONDS = 120


class Reaper:
    """The lab's end of the pipe."""

    def __init__(self, run_id: str, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name != RUN_MARK}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "lab.reaper", run_id, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )

    def dismiss(self) -> None:
        """Say goodbye: everything has been removed."""
        if self._child.stdin is None:
            raise AssertionError("the reaper has no pipe")
        try:
            self._child.stdin.write(GOODBYE)
            self._child.stdin.close()
        except BrokenPipeError:
            pass  # it died before us; `lab clean` finds whatever it would have found
        self._child.wait()


def reap(run_id: str, folder: Path) -> list[str]:
    """Remove every process and engine object of a run, and write the end of its record; return what is left."""
    end_processes(run_id)
    left = _sweep(run_id)
    _finish_record(folder, left)
    return left


def end_processes(run_id: str) -> None:
    """Kill this user's processes that carry the run's mark in their environment."""
    mark = f"{RUN_MARK}={run_id}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # another user's, or gone meanwhile
        if marked and int(entry.name) != os.getpid():
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue


def _sweep(run_id: str) -> list[str]:
    from lab.environment import engine
    from lab.environment.sweep import count, remove_all
    from lab.errors import EngineError

    try:
        client = engine.connect()
    except EngineError as error:
        return [str(error)]
    labels = {engine.RUN: run_id}
    quiet, left, deadline = 0, [], time.monotonic() + MOST_SECONDS
    while quiet < QUIET_SWEEPS and time.monotonic() < deadline:
        quiet = quiet + 1 if count(client, labels) == 0 else 0
        left = remove_all(client, labels)
        if quiet < QUIET_SWEEPS:
            time.sleep(PAUSE_SECONDS)
    client.close()
    return left


def _finish_record(folder: Path, left: list[str]) -> None:
    """Say in run.json that the run was cut short, if it still says that it is running."""
    from lab.history import now
    from lab.records.model import Exit
    from lab.records.store import RUN_FILE, read_run, write_json

    if not (folder / RUN_FILE).is_file():
        return  # a self-test keeps no record
    record = read_run(folder)
    if record.status == "running":
        reason = "the lab was killed; its objects were removed afterwards" + (f", but for: {left}" if left else "")
        changes = {"status": "interrupted", "finished": now(), "exit": Exit(code=137, reason=reason)}
        write_json(folder / "run.json", record.model_copy(update=changes))


def main() -> int:
    """Wait for the lab's goodbye, or for its death."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    run_id, folder = sys.argv[1], Path(sys.argv[2])
    if sys.stdin.buffer.read(1) == GOODBYE:
        return 0
    return 1 if reap(run_id, folder) else 0


if __name__ == "__main__":
    sys.exit(main())

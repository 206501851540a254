"""A process that outlives the lab: when the lab is gone without a word, it removes what the run made.

It holds the other end of a pipe. The lab says goodbye through it at a proper end; a pipe that closes without a
goodbye means that the lab was killed.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from lab.environment.processes import table as processes
from lab.paths import PLACES, SESSIONS, place
from lab.process import RUN_MARK, TRIAL_MARK

HOST_NOTES = "hosts"
"""Folder, within a run's, that holds a note for each trial that has something on a machine of an inventory."""
GOODBYE = b"."
QUIET_SWEEPS = 2
"""So many sweeps in a row must find nothing: a creation that was under way may still come through."""
PAUSE_SECONDS = 0.7
MOST_SECONDS = 120
KILL_SECONDS = 10
KILL_PAUSE_SECONDS = 0.05


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
    """Remove every process, folder and engine object of a run, and write the end of its record; return what is left.

    What a person wants to look at stays until its time has come. Trials that came to their end are put into the index.
    """
    kept = _kept(folder)
    names = {place(folder, run_id, trial).name for trial in kept}
    end_processes(run_id, folder, names)
    left = [*remove_from_hosts(folder, run_id, names), *remove_places(folder, names)]
    left += _sweep(run_id, kept) if _used_engine(folder) else []
    _finish_record(folder, left)
    _enter_into_index(folder)
    return left


def _kept(folder: Path) -> set[str]:
    """Return the trials of a run that are kept, and may not go yet."""
    if not any(folder.glob("trials/*/*/*/kept.json")):
        return set()
    from lab.kept import kept_trials

    return {trial for trial, until in kept_trials(folder).items() if until > time.time()}


def end_processes(run_id: str, folder: Path, spared: Collection[str] = ()) -> None:
    """Kill this user's processes that carry the run's mark, or are in a session that it began, until none is left.

    Those of places whose names are `spared` go on.
    """
    places = [path for path in (folder / PLACES).glob("*") if path.name not in spared]

    def running() -> set[int]:
        found = {pid for each in places for pid in processes.of_sessions(each / SESSIONS)}
        staying = {pid for name in spared for pid in processes.marked(TRIAL_MARK, name)}
        return found | set(processes.marked(RUN_MARK, run_id)) - staying

    deadline = time.monotonic() + KILL_SECONDS
    while (found := running()) and time.monotonic() < deadline:
        processes.kill(sorted(found))
        time.sleep(KILL_PAUSE_SECONDS)


def remove_places(folder: Path, spared: Collection[str] = ()) -> list[str]:
    """Remove the folders in which products of a run ran on this machine; return what could not be removed."""
    left = []
    for each in [path for path in (folder / PLACES).glob("*") if path.name not in spared]:
        try:
            shutil.rmtree(each)
        except OSError as error:
            left.append(f"folder {each}: {error}")
    if not left and not spared:
        shutil.rmtree(folder / PLACES, ignore_errors=True)
    return left


def remove_from_hosts(folder: Path, run_id: str, spared: Collection[str] = ()) -> list[str]:
    """Remove what trials of a run have on machines of an inventory; return what could not be removed."""
    if not (folder / HOST_NOTES).is_dir():
        return []
    from lab.environment.remote.trial import remove_noted

    return list(remove_noted(folder / HOST_NOTES, run_id, spared))


def _used_engine(folder: Path) -> bool:
    """Whether the run may have made something on a container engine; a self-test keeps no record, and did."""
    from lab.records.store import RUN_FILE, read_run

    return not (folder / RUN_FILE).is_file() or "engine" in read_run(folder).host


def _sweep(run_id: str, kept: Collection[str]) -> list[str]:
    from lab.environment.containers import engine
    from lab.environment.containers.sweep import remove_all, trials_of
    from lab.errors import EngineError

    try:
        client = engine.connect()
    except EngineError as error:
        return [str(error)]
    quiet, deadline = 0, time.monotonic() + MOST_SECONDS
    left: list[str] = []
    while quiet < QUIET_SWEEPS and time.monotonic() < deadline:
        trials = sorted(trials_of(client, {engine.RUN: run_id}).get(run_id, set()) - set(kept))
        quiet = 0 if trials else quiet + 1
        left = [each for trial in trials for each in remove_all(client, {engine.RUN: run_id, engine.TRIAL: trial})]
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


def _enter_into_index(folder: Path) -> None:
    from lab.errors import InfrastructureError
    from lab.records.index import add_run
    from lab.records.store import RUN_FILE

    if (folder / RUN_FILE).is_file():
        with suppress(InfrastructureError):  # whoever asks the index next enters what it lacks
            add_run(folder)


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

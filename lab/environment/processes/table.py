"""Processes of this machine, told apart by a mark in their environment."""

import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
GONE = "-"
"""Stands for the beginning of a process that is no longer there."""
LISTEN = "0A"
"""State of a socket that listens, TCP_LISTEN of the kernel, in hexadecimal."""


def marked(name: str, value: str) -> list[int]:
    """Return the ids of this user's processes whose environment says NAME=VALUE; this one and zombies apart."""
    mark = f"{name}={value}".encode()
    return sorted(pid for pid, variables in _environments() if mark in variables and pid != os.getpid())


def in_session(leader: int) -> list[int]:
    """Return the ids of the processes of a session (proc(5), the sixth field of `stat`); zombies apart."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        try:
            state, _parent, _group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if int(session) == leader and state != "Z":
            found.append(int(entry.name))
    return sorted(found)


def note_session(file: Path, leader: int) -> None:
    """Write down a session for `of_sessions`: processes may change the environment by which they are told apart."""
    with file.open("a") as notes:
        notes.write(f"{leader} {_started(leader)} {_boot()}\n")


def of_sessions(file: Path) -> list[int]:
    """Return the ids of the processes of the sessions that were written down.

    As long as a session has a process nobody else gets its leader's id. Where somebody has it, the session is over.
    """
    try:
        notes = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return []
    found: set[int] = set()
    for note in notes:
        if len(note) == len(("leader", "began", "boot")) and note[0].isdecimal() and note[2] == _boot():
            leader = int(note[0])
            found |= set(in_session(leader)) if _started(leader) in {note[1], GONE} else set()
    return sorted(found)


def command_line(pid: int) -> str:
    """Return the words of a process, empty where it has gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf8", "replace").strip()
    except OSError:
        return ""


def memory(pids: list[int]) -> dict[str, int]:
    """Return the memory of processes in bytes: `current` is their proportional share (Pss), `peak` the sum of peaks.

    Empty where the kernel tells nothing (proc(5), smaps_rollup and status).
    """
    current = [_kilobytes(PROC / str(pid) / "smaps_rollup", "Pss:") for pid in pids]
    peak = [_kilobytes(PROC / str(pid) / "status", "VmHWM:") for pid in pids]
    found: Mapping[str, list[int | None]] = {"current": current, "peak": peak}
    sums = {name: sum(each for each in each_of if each is not None) for name, each_of in found.items()}
    return {name: 1024 * total for name, total in sums.items() if total}


def listening(pids: list[int]) -> list[int]:
    """Return the TCP ports on which processes listen (proc(5), net/tcp and the links below fd)."""
    sockets: set[str] = set()
    for pid in pids:
        with suppress(OSError):
            for link in (PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    sockets.add(str(link.readlink()))
    found: set[int] = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTEN and f"socket:[{words[9]}]" in sockets:
                    found.add(int(words[1].rpartition(":")[2], 16))
    return sorted(found)


def waited_of(
    processes: Iterable[int], container: str, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """Return the seconds for which the task of a container that waited longest was ready and had no processor.

    Less those for which the container's own limit held it back. The kernel counts the former in nanoseconds, the second
    figure of `schedstat` (Documentation/scheduler/sched-stats.rst), the latter in the control group's `cpu.stat`. None
    where the processes are not on this machine, or it does not count.
    """
    waited: list[int] = []
    throttled = 0
    for process in processes:
        try:
            groups = (proc / str(process) / "cgroup").read_text()
        except OSError:
            continue
        if container not in groups:
            continue
        throttled = _throttled(groups, cgroups)
        for file in proc.glob(f"{process}/task/*/schedstat"):
            try:
                waited.append(int(file.read_text().split()[1]))
            except (OSError, ValueError, IndexError):
                continue  # a task that has just ended
    return max(0, max(waited) - throttled) / 1e9 if waited else None


def kill(pids: list[int]) -> None:
    """End processes by SIGKILL; those that have gone need none."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _started(pid: int) -> str:
    """Return when a process began, in clock ticks since the machine did (proc(5), the 22nd field of `stat`)."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return GONE


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    for entry in PROC.glob("[0-9]*"):
        try:
            yield int(entry.name), (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # another user's, or gone meanwhile


def _kilobytes(file: Path, field: str) -> int | None:
    try:
        for line in file.read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return None


def _throttled(groups: str, cgroups: Path) -> int:
    """Return the nanoseconds for which a control group was held back by its own limit; 0 where it is not known."""
    for number, controllers, path in (line.split(":", 2) for line in groups.splitlines()):
        if number != "0" and "cpu" not in controllers.split(","):
            continue
        place = cgroups / (controllers if number != "0" else "") / path.lstrip("/")
        try:
            told = dict(line.split() for line in (place / "cpu.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        return int(told.get("throttled_time", 0)) or 1000 * int(told.get("throttled_usec", 0))
    return 0

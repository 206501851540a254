"""What the machine itself has: space, memory, processors, a clock that can be believed."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from lab import paths
from lab.doctor.answer import Answer, Verdict
from lab.errors import InfrastructureError
from lab.process import run

GIGABYTE = 10**9
LITTLE_SPACE, TOO_LITTLE_SPACE = 5 * GIGABYTE, 1 * GIGABYTE
"""Images of three platforms take about 2 GB, a trial's tree up to 4."""
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 3 * GIGABYTE, GIGABYTE // 2
"""Two trials at the same time may take 1.5 GB each, by the scenarios' own limit."""
CLOCK_SAMPLE_SECONDS = 0.2
CLOCK_TOLERANCE = 0.05
"""NTP slews by 0.05 % at most; more is a clock that was set, or a machine that was stopped."""
PROGRAM_SECONDS = 1.0
MEMORY_FILE = Path("/proc/meminfo")

FreeBytes = Callable[[Path], int]


def free_bytes(place: Path) -> int:
    """Return how many bytes are free for this user on the file system of a folder."""
    return shutil.disk_usage(place).free


def disk(places: Mapping[str, Path] | None = None, free: FreeBytes = free_bytes) -> list[Answer]:
    """Whether results and caches find space; `places` are names and folders, `free` the bytes that are free there."""
    wanted = places or {"results (LAB_HOME)": paths.lab_home(), "cache": paths.cache()}
    return [_space("disk", wanted, free)]


def _space(what: str, places: Mapping[str, Path], free: FreeBytes) -> Answer:
    """Answer for the place with the least space; a folder that is not there yet counts as the one it will be in."""
    told: list[str] = []
    least = LITTLE_SPACE
    for name, folder in places.items():
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            step = "choose another folder with LAB_HOME (results) or XDG_CACHE_HOME (cache)"
            return Answer("fail", what, f"{name}: {there} cannot be written to", step)
        left = free(there)
        told.append(f"{left / GIGABYTE:.1f} GB free for {name}")
        least = min(least, left)
    return enough(what, least, ", ".join(told))


def enough(what: str, left: int, found: str) -> Answer:
    """Answer for a number of free bytes."""
    if left >= LITTLE_SPACE:
        return Answer("pass", what, found)
    step = "free space (lab clean --cache), or move the lab's files with LAB_HOME and XDG_CACHE_HOME"
    return Answer("fail" if left < TOO_LITTLE_SPACE else "warn", what, found, step)


def memory(file: Path = MEMORY_FILE) -> list[Answer]:
    """Whether trials find memory."""
    for line in file.read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            break
    else:
        return [Answer("warn", "memory", "the kernel does not say how much is available")]
    available = int(value.split()[0]) * 1024
    found = f"{available / GIGABYTE:.1f} GB available"
    if available >= LITTLE_MEMORY:
        return [Answer("pass", "memory", found)]
    verdict: Verdict = "fail" if available < TOO_LITTLE_MEMORY else "warn"
    step = "end other programs, or run one trial at a time: --workers 1"
    return [Answer(verdict, "memory", found, step)]


def processors(count: int | None = None) -> list[Answer]:
    """How many processors this process may use."""
    usable = count or len(os.sched_getaffinity(0))
    if usable > 1:
        return [Answer("pass", "processors", f"{usable}")]
    return [Answer("warn", "processors", "1", "durations may be measured badly: run one trial at a time, --workers 1")]


def clock(
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[Answer]:
    """Whether the wall clock goes as fast as the monotonic one, and stands after this lab was installed."""
    before = wall(), monotonic()
    pause(CLOCK_SAMPLE_SECONDS)
    wall_went, monotonic_went = wall() - before[0], monotonic() - before[1]
    now = datetime.fromtimestamp(wall(), UTC)
    set_it = "set the clock, and let it be kept right: sudo timedatectl set-ntp true"
    oldest = Path(__file__).stat().st_mtime
    if now.timestamp() < oldest - 86_400:
        return [Answer("fail", "clock", f"{now:%Y-%m-%d %H:%M} UTC, before the lab's own files were written", set_it)]
    if abs(wall_went - monotonic_went) > max(CLOCK_TOLERANCE * monotonic_went, 0.01):
        went = f"the wall clock went {wall_went:.2f} s in {monotonic_went:.2f} s"
        return [Answer("warn", "clock", went, "durations are right all the same, times of day are not; " + set_it)]
    zone = time.strftime("%Z")
    local = "" if zone == "UTC" else f" (local time is {zone}; the lab records UTC)"
    return [Answer("pass", "clock", f"{now:%Y-%m-%d %H:%M} UTC{local}, even; {_kept_right()}")]


def _kept_right() -> str:
    """Return what is known of NTP without asking the network."""
    with suppress(InfrastructureError):
        told = run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], timeout=PROGRAM_SECONDS)
        if told.ok:
            return {b"yes": "kept right by NTP", b"no": "not kept right by NTP"}.get(told.stdout.strip(), "NTP unknown")
    return "NTP unknown"

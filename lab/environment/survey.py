"""What a place holds at a moment: files, accounts, units, ports, processes; and how two such moments differ.

A part that an environment cannot observe is None, which is never taken for "nothing".
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.environment.places import Places
from lab.errors import InfrastructureError
from lab.process import CommandResult

LOOK_SECONDS = 180.0
MOST_FILES = 100_000
"""Files that are looked at; where there are more, nothing can be said of the rest, and the survey says so."""
MOST_TOLD = 60
"""Of each kind of difference, so many are told; of the rest only how many there are."""
VOLATILE = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/run", "/var/tmp/systemd-private*")  # noqa: S108
"""Folders that are empty after a reboot, or were never on a disk."""
MACHINE = ("/var/log", "/var/cache", "/var/lib/systemd", "/var/lib/dbus", "/var/spool", "/boot", "/lost+found")
"""Folders into which a machine itself writes all the time."""
UNITS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/user")
SCRIPT = r"""
import fnmatch, glob, hashlib, json, os, pwd, stat, sys
asked = json.loads(sys.argv[1])
told = {"files": {}, "truncated": False}
user = pwd.getpwnam(asked["user"]).pw_uid if asked["user"] else None
hashed = tuple(each.rstrip("/") + "/" for each in asked["hashed"])


def pruned(path):
    return any(fnmatch.fnmatchcase(path, each) for each in asked["prune"])


def content(path, seen):
    if stat.S_ISLNK(seen.st_mode):
        return "link", os.readlink(path)
    if not stat.S_ISREG(seen.st_mode):
        return ("folder" if stat.S_ISDIR(seen.st_mode) else "special"), ""
    if not path.startswith(hashed) or seen.st_size > 50000000:
        return "file", "%d bytes of %d" % (seen.st_size, seen.st_mtime_ns)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return "file", "%d bytes %s" % (seen.st_size, digest.hexdigest())


def note(path):
    try:
        seen = os.lstat(path)
        kind, what = content(path, seen)
    except FileNotFoundError:
        return
    except OSError as error:
        kind, what, seen = "unreadable", error.strerror or "", os.lstat(path)
    told["files"][path] = "%s %04o %d:%d %s" % (kind, stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, what)


def walk(root):
    for here, below, names in os.walk(root):
        below[:] = sorted(each for each in below if not pruned(os.path.join(here, each)))
        for name in below + sorted(names):
            path = os.path.join(here, name)
            if len(told["files"]) >= asked["most"]:
                told["truncated"] = True
                return
            if not pruned(path):
                note(path)


def listening():
    found = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(file) as table:
                lines = [line.split() for line in table][1:]
        except OSError:
            continue
        for line in lines:
            address, _, port = line[1].rpartition(":")
            engine = address == "0B00007F"  # the engine's own resolver, 127.0.0.11
            if line[3] == "0A" and not engine and (user is None or int(line[7]) == user):
                found.add(int(port, 16))
    return sorted(found)


def running():
    own, pid = set(), os.getpid()
    while pid > 1:
        own.add(pid)
        with open("/proc/%d/stat" % pid) as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in own or int(entry) == 1:
            continue
        try:
            if user is not None and os.stat("/proc/" + entry).st_uid != user:
                continue
            with open("/proc/%s/cmdline" % entry, "rb") as file:
                words = file.read(4000).replace(b"\0", b" ").decode("utf8", "backslashreplace").strip()
        except OSError:
            continue
        if words:
            found.append(words)
    return sorted(found)


for root in asked["roots"]:
    walk(root)
told["ports"], told["processes"] = listening(), running()
if asked["machine"]:
    with open("/etc/passwd", encoding="utf8", errors="backslashreplace") as file:
        told["accounts"] = sorted(line.split(":")[0] for line in file if ":" in line)
    told["units"] = sorted(name for folder in asked["units"] for name in glob.glob(folder + "/**", recursive=True)
                           if not os.path.isdir(name) or os.path.islink(name))
print(json.dumps(told))
"""
"""Runs on Python 3.8; JSON escapes whatever a name holds, bytes that are no text included."""


@dataclass(frozen=True)
class Survey:
    """What a place held at one moment."""

    files: Mapping[str, str] | None = None
    """Path to a text that changes with kind, permissions, owner and content of what lies there."""
    accounts: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    ports: tuple[int, ...] | None = None
    processes: tuple[str, ...] | None = None
    """Command lines."""
    truncated: bool = False
    """Whether there were more files than are looked at."""
    looked: tuple[str, ...] = ()
    """Where files were looked for, in words."""

    @property
    def unseen(self) -> list[str]:
        """The parts that could not be observed."""
        parts = ("files", "accounts", "units", "ports", "processes")
        return [name for name in parts if getattr(self, name) is None]


@dataclass(frozen=True)
class Request:
    """What a survey is to look at."""

    roots: Sequence[str]
    hashed: Sequence[str]
    """Folders of which the contents count, and not the time of the last writing."""
    prune: Sequence[str] = ()
    machine: bool = False
    """Whether accounts and units are to be told, too."""
    user: str = ""
    """Account whose ports and processes are meant; empty: everybody's."""
    looked: tuple[str, ...] = ()


def survey_by(run: Callable[[Sequence[str], float], CommandResult], wanted: Request, python: str = "python3") -> Survey:
    """Survey a place by a command that `run` runs there, within so many seconds.

    Raises InfrastructureError where it could not be looked at.
    """
    asked = {
        "roots": list(wanted.roots), "hashed": list(wanted.hashed), "prune": list(wanted.prune), "most": MOST_FILES,
        "machine": wanted.machine, "units": list(UNITS), "user": wanted.user,
    }  # fmt: skip
    result = run([python, "-c", SCRIPT, json.dumps(asked)], LOOK_SECONDS)
    if not result.ok:
        raise InfrastructureError(f"the place could not be surveyed: {result.tail(2) or 'no answer in time'}")
    return parsed(result.stdout, wanted)


def survey_machine(
    run: Callable[[Sequence[str], float], CommandResult], places: Places, user: str, own: Sequence[str]
) -> Survey:
    """Survey a whole machine by commands run as root; ports and processes are those of the product's user.

    Left out are VOLATILE, MACHINE, what installers are given, and the lab's `own` folders. Raises InfrastructureError.
    """
    prune = [*VOLATILE, *MACHINE, places.artifacts, places.cache, places.shelf, *own]
    below = (places.home, places.data, places.config)
    looked = ("the whole machine but " + ", ".join((*VOLATILE, *MACHINE)),)
    return survey_by(run, Request(["/"], below, prune, machine=True, user=user, looked=looked))


def survey_account(
    run: Callable[[Sequence[str], float], CommandResult], places: Places, user: str, home: str
) -> Survey:
    """Survey what an account has on a machine that others use, too, by commands run as root.

    Raises InfrastructureError.
    """
    roots = (places.home, places.data, places.config, home)
    return survey_by(run, Request(roots, roots, machine=True, user=user, looked=("the folders of the account",)))


def parsed(output: bytes, wanted: Request) -> Survey:
    """Read what the script printed. Raises InfrastructureError for anything else."""
    try:
        told: dict[str, Any] = json.loads(output.splitlines()[-1])
        files = {str(path): str(what) for path, what in told["files"].items()}
        return Survey(
            files=files,
            accounts=tuple(told["accounts"]) if "accounts" in told else None,
            units=tuple(told["units"]) if "units" in told else None,
            ports=tuple(told["ports"]),
            processes=tuple(told["processes"]),
            truncated=bool(told["truncated"]),
            looked=wanted.looked,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InfrastructureError(f"the survey of the place was cut short: {output[-200:]!r}") from error


def in_layer(changes: Sequence[Mapping[str, Any]] | None, mounts: Sequence[str], role: str) -> dict[str, str]:
    """Return what the engine says was written into a container's own layer, which no volume holds.

    Folders that changed only because of what lies in them, mount points and VOLATILE are left out.
    """
    found: dict[str, str] = {}
    listed = [(str(change["Path"]), int(change["Kind"])) for change in changes or ()]
    parents = {path.rpartition("/")[0] for path, _ in listed}
    for path, kind in listed:
        if any(path == at or path.startswith(f"{at}/") or at.startswith(f"{path}/") for at in (*mounts, *VOLATILE)):
            continue
        if kind == 0 and path in parents:
            continue
        found[path] = f"{('changed', 'added', 'deleted')[kind]} in the container of the {role}"
    return found


def compare(before: Survey, after: Survey) -> dict[str, Any]:
    """Return what the later survey has more, and which files differ, each part as far as both could see it."""
    told: dict[str, Any] = {"unseen": sorted({*before.unseen, *after.unseen}), "looked": list(after.looked)}
    told["truncated"] = before.truncated or after.truncated
    if before.files is not None and after.files is not None:
        was, now = before.files, after.files
        told["added"] = sorted(now.keys() - was.keys())
        told["removed"] = sorted(was.keys() - now.keys())
        told["changed"] = sorted(path for path in was.keys() & now.keys() if was[path] != now[path])
    for part in ("accounts", "units", "ports", "processes"):
        old, new = getattr(before, part), getattr(after, part)
        if old is not None and new is not None:
            told[part] = sorted((Counter(map(str, new)) - Counter(map(str, old))).elements())
    return told


def bounded(paths: Sequence[str]) -> list[str]:
    """Return paths for a history: of very many the first, and how many more there are."""
    more = len(paths) - MOST_TOLD
    return [*paths[:MOST_TOLD], f"… and {more} more"] if more > 0 else list(paths)

"""A machine over its connection: commands as any of its users, files, and what it tells of itself."""

import json
import shlex
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from lab import process
from lab.environment.containers.toolbox import KILL_AFTER, READ_SECONDS, TIMED_OUT, read_file
from lab.environment.remote.inventory import Host
from lab.environment.remote.ssh import Connection, elevated
from lab.environment.remote.ssh_errors import not_root
from lab.errors import InfrastructureError, Interrupted
from lab.process import CommandResult

MARKER = "/etc/lab-allows-tests"
"""File without which the lab installs nothing on a machine."""
ALLOWED = "tests allowed"
"""Its first line."""
PORT_FOLDER = "/run/lab-ports"
"""Holds a file for each port that a trial on the machine has reserved; a reboot empties it."""
LOWEST, HIGHEST = 20000, 29999
LOOK_SECONDS = 30.0
WRITE_SECONDS = 300.0
BEGUN = b"\x06"
"""What a command's output begins with once the machine has taken it on: whatever failed before was not the command."""
SSH_FAILED = 255
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LAUNCHER = r"""
import json, os, pwd, sys

def exactly(size):
    found = b""
    while len(found) < size:
        part = os.read(0, size - len(found))
        if not part:
            sys.exit("the lab has gone")
        found += part
    return found

told = json.loads(exactly(int(exactly(10))).decode())
if os.getuid() != 0:
    sys.exit("not root")
os.write(1, b"\x06")
if not told["given"]:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
kept = {name: os.environ[name] for name in told["keep"] if name in os.environ}
try:
    user = pwd.getpwnam(told["user"])
    if user.pw_uid != 0:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    os.umask(0o022)
    os.chdir(told["directory"])
    own = {"PATH": told["path"], "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "LANG": "C.UTF-8"}
    os.execvpe(told["argv"][0], told["argv"], {**own, **kept, **told["environment"]})
except (OSError, KeyError) as error:
    sys.stderr.write("%s\n" % error)
    sys.exit(126)
"""
"""Runs as root: takes a command, its variables and its user from standard input, where no other user can read them."""
LOOK_SCRIPT = r"""
import json, os, platform, shutil, stat, subprocess, sys
def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
def marker(path):
    try:
        told = os.lstat(path)
    except OSError:
        return "missing"
    if not stat.S_ISREG(told.st_mode) or told.st_uid != 0 or told.st_mode & 0o022:
        return "writable by others than root"
    return (read(path).splitlines() or [""])[0].strip()
def has_venv():
    try:
        import ensurepip, venv
    except ImportError:
        return False
    return True
system = dict(line.rstrip().split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line)
asked = ["systemctl", "--version"]
manager = subprocess.run(asked, stdout=subprocess.PIPE).stdout.decode() if shutil.which(asked[0]) else ""
space = os.statvfs("/opt" if os.path.isdir("/opt") else "/")
print(json.dumps({
    "marker": marker(sys.argv[1]), "venv": has_venv(),
    "python": platform.python_version(), "executable": sys.executable,
    "platform": "%s-%s" % (system.get("ID", "linux").strip('"'), system.get("VERSION_ID", "rolling").strip('"')),
    "machine": platform.machine(), "kernel": platform.release(), "cpus": os.cpu_count(), "uv": shutil.which("uv") or "",
    "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1000000,
    "free_mb": space.f_bavail * space.f_frsize // 1000000,
    "systemd": manager.split()[1] if manager and os.path.isdir("/run/systemd/system") else "",
}))
"""
PORT_SCRIPT = r"""
import os, random, socket, sys
folder, owner = sys.argv[1], sys.argv[2]
os.makedirs(folder, mode=0o755, exist_ok=True)
ports = list(range(int(sys.argv[3]), int(sys.argv[4]) + 1))
random.shuffle(ports)
for port in ports:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", port))
        file = os.open("%s/%d" % (folder, port), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except OSError:
        continue
    os.write(file, owner.encode())
    print(port)
    break
"""
WRITE_SCRIPT = 'mkdir -p -- "$1" && cat > "$2" && chmod "$3" "$2"'
UNPACK_SCRIPT = (
    'mkdir -p -- "$1" && exec tar --extract --preserve-permissions --no-same-owner --file=- --directory="$1"'
)


class HostMachine:
    """One machine, over its connection, as a machine with users."""

    def __init__(self, connection: Connection, aborted: threading.Event) -> None:
        self._connection = connection
        self._aborted = aborted
        self.path = PATH
        """Where programs are looked for."""

    @property
    def host(self) -> Host:
        """The host."""
        return self._connection.host

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        user: str = "root",
        given: bytes | None = None,
        keep: Sequence[str] = (),
    ) -> CommandResult:
        """Run a command as one of the machine's users.

        `given` is its input; `keep` names variables of the log-in environment there that it gets.
        Raises InfrastructureError where the machine did not take it on, or the connection broke.
        """
        told = {
            "argv": ["timeout", f"--kill-after={KILL_AFTER}", f"{timeout:.3f}", *argv],
            "environment": dict(environment or {}),
            "directory": directory,
            "user": user,
            "given": given is not None,
            "keep": list(keep),
            "path": self.path,
        }
        header = json.dumps(told).encode()
        words = self._connection.words(elevated(self.host, [self.host.python, "-c", LAUNCHER]))
        with tempfile.TemporaryFile() as file:
            for part in (b"%10d" % len(header), header, given or b""):
                file.write(part)
            file.seek(0)
            self._check_going_on()
            started = time.monotonic()
            ended = process.run(words, timeout=timeout + 2 * KILL_AFTER, given=file, stopped=self._aborted.is_set)
        seconds = time.monotonic() - started
        self._check_going_on()
        begun = ended.stdout.startswith(BEGUN)
        lost = (not begun or ended.exit_code == SSH_FAILED) and not self._connection.stands()
        if lost or not begun:
            raise self._failure(ended, argv[0], lost=lost)
        late = ended.exit_code == TIMED_OUT and seconds >= timeout
        code = None if late else ended.exit_code
        return CommandResult(tuple(argv), code, ended.stdout.removeprefix(BEGUN), ended.stderr, seconds)

    def put(self, content: bytes, path: str, *, mode: int, owner: str) -> None:
        """Write one file, its folders included.

        Raises InfrastructureError where that does not work.
        """
        place = PurePosixPath(path)
        words = ["sh", "-c", f"umask 022; {WRITE_SCRIPT}", "sh", str(place.parent), path, f"{mode:o}"]
        if not mode & 0o077:  # not even for a moment
            words[2] = f'umask 022; mkdir -p -- "$1"; umask 077; {WRITE_SCRIPT}'
        self._written(self.run(words, timeout=WRITE_SECONDS, user=owner, given=content), path)

    def unpack(self, tar: bytes, folder: str, *, owner: str) -> None:
        """Unpack an archive into a folder, as one of the machine's users.

        Raises InfrastructureError where that does not work.
        """
        words = ["sh", "-c", UNPACK_SCRIPT, "sh", folder]
        self._written(self.run(words, timeout=WRITE_SECONDS, user=owner, given=tar), folder)

    def get(self, path: str, *, user: str = "root") -> bytes | None:
        """Read one file, None if there is none."""
        return read_file(lambda words: self.run(words, timeout=READ_SECONDS, user=user), path)

    def look(self) -> dict[str, Any]:
        """Return what the machine is and has.

        Raises InfrastructureError where it lacks what every trial needs, or does not allow tests.
        """
        told: dict[str, Any] = json.loads(self._answer([self.host.python, "-c", LOOK_SCRIPT, MARKER]))
        where = self.host.where
        if told["marker"] != ALLOWED:
            what = {"missing": "is missing", "writable by others than root": "can be written by others than root"}
            raise InfrastructureError(
                f"{where} does not allow tests: {MARKER} {what.get(told['marker'], f'does not say {ALLOWED!r}')}",
                hint="the lab installs, starts and removes software there; if that may be: "
                f"echo {shlex.quote(ALLOWED)} | sudo tee {MARKER}   (on that machine)",
            )
        if not told["systemd"]:
            raise InfrastructureError(
                f"{where} is not run by systemd, of which the product is to be a unit",
                hint="choose another machine, or --env local on that machine itself",
            )
        if not told["venv"]:
            raise InfrastructureError(
                f"{where}: its Python {told['python']} has no venv module",
                hint="install it there: sudo apt-get install python3-venv",
            )
        return told

    def reserve_port(self, owner: str) -> int:
        """Return a port on which nobody listens there, and that no other trial has; `owner` may use it from now on.

        Raises InfrastructureError where there is none.
        """
        said = self._answer([self.host.python, "-c", PORT_SCRIPT, PORT_FOLDER, owner, str(LOWEST), str(HIGHEST)])
        if not said.strip():
            raise InfrastructureError(f"{self.host.where}: no port between {LOWEST} and {HIGHEST} is free")
        return int(said)

    def _answer(self, words: Sequence[str]) -> bytes:
        asked = self.run(words, timeout=LOOK_SECONDS)
        if not asked.ok:
            raise InfrastructureError(f"{self.host.where} does not tell what it is: {asked.tail(3) or 'time-out'}")
        return asked.stdout

    def _written(self, asked: CommandResult, path: str) -> None:
        if not asked.ok:
            raise InfrastructureError(f"{self.host.where}: {path} cannot be written: {asked.tail(3) or 'time-out'}")

    def _failure(self, ended: CommandResult, program: str, *, lost: bool) -> InfrastructureError:
        said = (ended.stderr + ended.stdout).decode("utf8", "replace")
        if lost:
            return InfrastructureError(
                f"{self.host.where}: the connection broke while '{program}' ran ({said.strip()[-300:] or 'no word'})",
                hint="is the machine up, and the network between?",
            )
        if ended.timed_out:
            return InfrastructureError(f"{self.host.where} did not answer within {ended.seconds:.0f} s")
        return not_root(self.host, said)

    def _check_going_on(self) -> None:
        if self._aborted.is_set():
            raise Interrupted

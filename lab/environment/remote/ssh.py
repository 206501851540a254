"""How commands get to a machine: over one multiplexed OpenSSH connection, or directly where it is this machine."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lab import process
from lab.environment.remote.inventory import ROOT, Host
from lab.environment.remote.ssh_errors import own_sudo_hint, refused
from lab.errors import InfrastructureError

CONNECT_SECONDS = 10
"""How long a machine may take to take a connection."""
OPEN_SECONDS = 3 * CONNECT_SECONDS
POLL_SECONDS = 0.02
LONGEST_FOLDER = 30
CHECKED = (
    "BatchMode=yes",  # nobody is there to be asked
    "StrictHostKeyChecking=yes",
    "LogLevel=ERROR",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
)
"""Options of every connection: they win over those of the user's own configuration."""


class Connection(Protocol):
    """The way to one machine."""

    host: Host

    def open(self) -> None:
        """Make it. Raises InfrastructureError with what to do."""

    def alive(self) -> bool:
        """Whether nothing is known yet of its end."""

    def stands(self) -> bool:
        """Whether a command gets through: takes a round trip, or CONNECT_SECONDS where there is no answer."""

    def words(self, command: Sequence[str]) -> list[str]:
        """Return what runs a command there when it is run here."""

    def ansible(self) -> dict[str, Any]:
        """Return the variables by which Ansible takes the same way."""

    def reach(self, local: int, there: int) -> None:
        """Let a port of this machine's loopback lead to one of the other's. Raises InfrastructureError."""

    def let_in(self, local: int) -> int:
        """Let a port of the machine's loopback lead to one of this machine's; return it. Raises InfrastructureError."""

    def close(self) -> None:
        """End it and all that goes over it."""


def connection_to(
    host: Host,
    name: str,
    marks: Mapping[str, str] | None = None,
    stopped: Callable[[], bool] = process.never,
) -> Connection:
    """Return the way to a host; it is not open yet.

    `name` is like no other's; `marks` stand in ssh's environment; `stopped` is that of `process.run`.
    """
    return LocalConnection(host) if host.local else SshConnection(host, name, marks or {}, stopped)


def socket_folder(name: str) -> Path:
    """Return where a connection's socket lies: its path has about 100 characters at most, so it stands by itself."""
    folder = tempfile.gettempdir() if len(tempfile.gettempdir()) < LONGEST_FOLDER else "/tmp"  # noqa: S108
    return Path(folder) / f"lab-ssh-{name}"


class LocalConnection:
    """Ansible's local connection: the machine is this one."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def open(self) -> None:
        """Do nothing."""

    def alive(self) -> bool:
        """Return True."""
        return True

    def stands(self) -> bool:
        """Return True."""
        return True

    def words(self, command: Sequence[str]) -> list[str]:
        """Return the command."""
        return list(command)

    def ansible(self) -> dict[str, Any]:
        """Name the local connection."""
        return {"ansible_connection": "local"}

    def reach(self, local: int, there: int) -> None:
        """Do nothing: it is the same loopback."""

    def let_in(self, local: int) -> int:
        """Return the port itself: it is the same loopback."""
        return local

    def close(self) -> None:
        """Do nothing."""


class SshConnection:
    """One connection of OpenSSH's that everything shares: it is made once, and whatever comes later goes over it."""

    def __init__(
        self, host: Host, name: str, marks: Mapping[str, str], stopped: Callable[[], bool] = process.never
    ) -> None:
        self.host = host
        self._marks = marks
        self._stopped = stopped
        self._folder = socket_folder(name)
        self._socket = self._folder / "to"
        self._said = self._folder / "said"
        self._master: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Connect.

        Raises InfrastructureError, naming the host, what ssh said and what to do.
        """
        if shutil.which("ssh") is None:
            raise InfrastructureError("there is no ssh on this machine", hint="sudo apt-get install openssh-client")
        if self.host.key and not Path(self.host.key).is_file():
            raise InfrastructureError(
                f"{self.host.where}: there is no key file {self.host.key}",
                hint=f"name another as ansible_ssh_private_key_file in {self.host.inventory}",
            )
        try:
            self._folder.mkdir(mode=0o700)
        except OSError as error:
            raise InfrastructureError(f"{self._folder} cannot be made: {error.strerror}") from error
        options = [*self._options(), "-M", "-N", "-S", str(self._socket), "-o", "ControlPersist=no"]
        with self._said.open("wb") as said:
            self._master = subprocess.Popen(
                ["ssh", *options, "--", self.host.address],
                env={**os.environ, **self._marks},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        deadline = time.monotonic() + OPEN_SECONDS
        while not self._socket.exists():  # ssh makes it when it has logged in
            if self._master.poll() is not None or time.monotonic() > deadline:
                raise refused(self.host, self._words(), OPEN_SECONDS)
            time.sleep(POLL_SECONDS)

    def alive(self) -> bool:
        """Whether ssh still runs; commands may have lost it a moment before it ends."""
        return self._master is not None and self._master.poll() is None

    def stands(self) -> bool:
        """Whether ssh runs and a command of its own comes back."""
        return self.alive() and process.run(self.words(["true"]), timeout=CONNECT_SECONDS, stopped=process.never).ok

    def words(self, command: Sequence[str]) -> list[str]:
        """Return what runs a command over the connection."""
        return ["ssh", *self._shared(), "--", self.host.address, shlex.join(command)]

    def interactive(self, command: Sequence[str]) -> list[str]:
        """Return what runs a command for a person, over a connection of its own."""
        return ["ssh", *self._options(), "-t", "--", self.host.address, shlex.join(command)]

    def ansible(self) -> dict[str, Any]:
        """Give Ansible this connection, whose host key was checked when it was made."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": self.host.address,
            "ansible_ssh_args": shlex.join(self._shared()),
            "ansible_ssh_retries": 0,
            "ansible_ssh_pipelining": True,
        }

    def reach(self, local: int, there: int) -> None:
        """Forward a port of this machine's loopback to the other's."""
        self._forward("-L", f"127.0.0.1:{local}:127.0.0.1:{there}")

    def let_in(self, local: int) -> int:
        """Forward a port of the other machine's loopback to this machine's."""
        return int(self._forward("-R", f"127.0.0.1:0:127.0.0.1:{local}"))

    def close(self) -> None:
        """End ssh, and remove the socket's folder."""
        if self._master is not None and self._master.poll() is None:
            self._master.terminate()
            try:
                self._master.wait(CONNECT_SECONDS)
            except subprocess.TimeoutExpired:
                self._master.kill()
                self._master.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _options(self) -> list[str]:
        host = self.host
        words = [word for option in CHECKED for word in ("-o", option)]
        words += ["-o", f"UserKnownHostsFile={_quoted(host.known_hosts)}"] if host.known_hosts else []
        words += ["-p", str(host.port)] if host.port else []
        words += ["-l", host.user] if host.user else []
        words += ["-i", host.key, "-o", "IdentitiesOnly=yes"] if host.key else []
        return [*words, "-a", "-x"]

    def _shared(self) -> list[str]:
        """Return options for the connection that stands; without it nothing else may be made in its place."""
        return ["-S", str(self._socket), "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR", "-T"]  # fmt: skip

    def _forward(self, way: str, what: str) -> str:
        asked = process.run(
            ["ssh", "-S", self._socket, "-O", "forward", way, what, "--", self.host.address],
            timeout=CONNECT_SECONDS,
            stopped=self._stopped,
        )
        if not asked.ok:
            raise InfrastructureError(
                f"{self.host.where} does not forward ports: {asked.tail(2) or self._words()}",
                hint="its sshd_config must say AllowTcpForwarding yes: LLM mock and product are reached by it",
            )
        return asked.stdout.decode().strip()

    def _words(self) -> str:
        return self._said.read_bytes().decode("utf8", "replace").strip()


def elevated(host: Host, words: Sequence[str]) -> list[str]:
    """Return a command as root runs it: as it is where the user is root, else by sudo, which may ask nothing.

    Raises InfrastructureError where the inventory does not say that the user may become root.
    """
    if is_root(host):
        return list(words)
    if not host.become:
        raise InfrastructureError(f"{host.where}: the lab must become root there", hint=own_sudo_hint(host))
    return ["sudo", "-n", "--", *words]


def is_root(host: Host) -> bool:
    """Whether the user on the host is root already."""
    return os.geteuid() == 0 if host.local else host.user == ROOT


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path

"""A machine in a container: how systemd becomes its first process, and how commands and files get into it."""

import io
import math
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from lab.environment.containers.engine import Door, Ownership
from lab.environment.containers.toolbox import PRODUCT_UID, READ_SECONDS, Commands, read_file
from lab.environment.hostnet import CA_FILE
from lab.environment.units.machine import wait_until_up
from lab.errors import InfrastructureError
from lab.process import CommandResult

INIT = "/lib/systemd/systemd"
UP_SECONDS = 15.0
"""How long a machine may take to come up; it takes half a second where nothing is in its way."""
LINK_SECONDS = 15.0
SHARED = "/opt/lab"
"""Where the lab's own files for installers outlive /run, which a reboot empties."""
NO_SYSTEMD_HINT = (
    "systemd in a container needs the capability SYS_ADMIN and control groups of its own: an engine that is not "
    "rootless, with seccomp and AppArmor profiles that let it mount; or choose --env docker"
)


@dataclass(frozen=True)
class Boot:
    """How a container has to be made for systemd to be its first process."""

    name: str
    """The recipe, for the facts of a trial."""
    command: tuple[str, ...] = (INIT,)
    options: Mapping[str, Any] = field(default_factory=dict)


def boot_for(told: Mapping[str, Any]) -> Boot:
    """Return the recipe for an engine by what it tells of itself; none of them is `--privileged`.

    systemd needs one capability more than containers have, to mount and to make control groups of its own. Under
    version 2 of those the engine mounts them read-only, so they are mounted again before systemd starts.
    """
    options: dict[str, Any] = {"cap_add": ["SYS_ADMIN"], "cgroupns": "private"}
    name = "SYS_ADMIN, private cgroup namespace"
    if any("name=apparmor" in each for each in told.get("SecurityOptions") or []):
        options["security_opt"] = ["apparmor=unconfined"]  # its default profile forbids all mounting
        name += ", no AppArmor profile"
    if str(told.get("CgroupVersion", "1")) != "2":
        return Boot(f"{name}, cgroup v1", options=options)
    writable = f"mount -o remount,rw /sys/fs/cgroup && exec {INIT}"
    return Boot(f"{name}, cgroup v2 mounted writable", ("sh", "-c", writable), options)


class ContainerMachine:
    """A container whose first process is systemd, as a machine with users."""

    def __init__(self, door: Door, container: str) -> None:
        self.container = container
        self._door = door
        self._commands: dict[str, Commands] = {}

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        user: str = "root",
    ) -> CommandResult:
        """Run a command as one of the machine's users."""
        if user not in self._commands:
            self._commands[user] = Commands(self._door, self.container, user=user)
        return self._commands[user].run(argv, timeout=timeout, environment=environment, directory=directory)

    def put(self, content: bytes, path: str, *, mode: int, owner: str) -> None:
        """Write one file and its folder, for root or the product's user; the engine cannot write below /run."""
        place = PurePosixPath(path).relative_to("/")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            folder = tarfile.TarInfo(str(place.parent))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            member = tarfile.TarInfo(str(place))
            member.size, member.mode = len(content), mode
            for each in (folder, member):
                each.uid = each.gid = 0 if owner == "root" else PRODUCT_UID
                each.mtime = math.floor(time.time())
            tar.addfile(folder)
            tar.addfile(member, io.BytesIO(content))
        with self._door(f"writing {path}"):
            self._door.client.api.put_archive(self.container, "/", buffer.getvalue())

    def get(self, path: str) -> bytes | None:
        """Read one file as root, None if there is none."""
        return read_file(lambda words: self.run(words, timeout=READ_SECONDS), path)

    def link_shared(self) -> None:
        """Let installers find the lab's own files where they do in a container, which a reboot forgets."""
        self.run(["ln", "-sfn", SHARED, CA_FILE.rpartition("/")[0]], timeout=LINK_SECONDS)

    def close(self) -> None:
        """Let go of the threads."""
        for each in self._commands.values():
            each.close()


def await_systemd(door: Door, machine: ContainerMachine) -> dict[str, Any]:
    """Wait until systemd is up; return its word, its failed units, and the seconds that were waited.

    Raises InfrastructureError with the container's last words, and with what systemd needs of an engine.
    """
    try:
        return wait_until_up(machine, timeout=UP_SECONDS)
    except InfrastructureError as error:
        with door("reading the machine's last words"):
            said = door.client.api.logs(machine.container, tail=8).decode("utf8", "replace").strip()
            ended = door.client.api.inspect_container(machine.container)["State"]
        how = "runs" if ended["Running"] else f"ended with exit code {ended['ExitCode']}"
        told = f"{error.message} (its container {how}, and said: {said or 'nothing'})"
        raise InfrastructureError(f"this engine does not run systemd: {told}", hint=NO_SYSTEMD_HINT) from error


@contextmanager
def held(door: Door, owned: Ownership, image: str, volumes: dict[str, dict[str, str]]) -> Iterator[None]:
    """Keep volumes mounted while their machine is down: one on tmpfs is emptied when nobody has it mounted."""
    with door("holding the product's tree"):
        name = door.register("container", owned.name("holder"))
        door.client.containers.run(
            image, ["sleep", "infinity"], name=name, labels=owned.labels("holder"), detach=True, init=True,
            network="none", volumes=volumes, cap_drop=["ALL"],
        )  # fmt: skip
    yield
    with door("letting go of the product's tree"):
        door.client.api.remove_container(name, force=True)

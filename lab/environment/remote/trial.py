"""What one trial has on a machine of an inventory: its names and places, and how all of it is removed again.

It is written into the run's folder before the machine is touched, so that another process can remove it.
"""

import json
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.environment.kinds import host_places
from lab.environment.places import Places
from lab.environment.remote.ansible import Play, end_plays, play
from lab.environment.remote.inventory import Host
from lab.environment.remote.machine import ALLOWED, MARKER, PORT_FOLDER
from lab.environment.remote.ssh import Connection, SshConnection, connection_to, elevated, socket_folder
from lab.environment.units.unit import FOLDER
from lab.errors import LabError

ROOTS = ("/opt/lab", "/var/lib/lab", "/etc/lab")


@dataclass(frozen=True)
class HostTrial:
    """The trial's part of a machine."""

    host: Host
    name: str
    """Like no other trial's of any run, also the name of a folder and, after `lab-`, of an account."""
    port: int = 0
    """Reserved there; 0 if none is."""
    python: str = ""
    """The interpreter by which Ansible works there."""

    @property
    def account(self) -> str:
        """The account that installers and product run as, and their unit's name."""
        return f"lab-{self.name}"

    @property
    def occupant(self) -> str:
        """The unit that holds the product's port where a scenario asks for it."""
        return f"{self.account}-occupant"

    @property
    def places(self) -> Places:
        """Paths as the product sees them."""
        return host_places(self.name)

    @property
    def user_home(self) -> str:
        """Home of the account."""
        return f"/opt/lab/{self.name}/user"

    @property
    def tools(self) -> str:
        """Where the lab puts installers that the machine lacks."""
        return f"/opt/lab/{self.name}/tools"

    @property
    def scratch(self) -> str:
        """Where installers put what they need for a moment."""
        return f"/opt/lab/{self.name}/scratch"

    def provision(self, connection: Connection, stopped: Callable[[], bool]) -> Play:
        """Make the account and its folders, unless it is `stopped` before."""
        places = self.places
        folders = [
            places.home,
            places.data,
            places.config,
            places.artifacts,
            places.cache,
            self.user_home,
            self.scratch,
        ]
        told = {"marker": MARKER, "allowed": ALLOWED, "folders": folders, "user_home": self.user_home}
        python = self.python or self.host.python
        named = {**self._names(), **told}
        return play("provision", connection, named, python=python, mark=self.name, stopped=stopped)

    def remove(self, connection: Connection) -> Play:
        """Remove all that the trial made there; an interruption waits for it."""
        unit = f"{FOLDER}/{self.account}.service"
        files = [unit, f"{unit}.d", f"/etc/lab/{self.account}.env"]
        files += [f"{PORT_FOLDER}/{self.port}"] if self.port else []
        told = {
            "unit": f"{self.account}.service",
            "occupant": f"{self.occupant}.service",
            "files": files,
            "parents": [*ROOTS, PORT_FOLDER],
        }
        end_plays(self.name)  # one that provisions still, because the lab was told to stop
        return play(
            "remove", connection, {**self._names(), **told}, python=self.python or self.host.python, mark=self.name
        )

    def _names(self) -> dict[str, Any]:
        return {"account": self.account, "roots": [f"{root}/{self.name}" for root in ROOTS]}

    def note(self, folder: Path) -> Path:
        """Write down in a folder what has to be removed; return the note."""
        from lab.records.store import write_json

        path = folder / f"{self.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))
        return path


def remove_noted(folder: Path, run_id: str, spared: Collection[str] = ()) -> Iterator[str]:
    """Remove what a run has left on machines, by the notes in a folder; yield what could not be removed, and why.

    Trials whose names are `spared` stay.
    """
    for path in sorted(folder.glob("*.json")):
        if path.stem in spared:
            continue
        trial = _read(path)
        connection = connection_to(trial.host, f"{trial.name}-last")
        try:
            connection.open()
            problem = trial.remove(connection).problem
        except (LabError, OSError) as error:
            problem = str(error)
        finally:
            connection.close()
        if problem:
            yield f"{trial.host.where}: {trial.account} is still there: {problem}"
        else:
            forget(path)
    kept = tuple(socket_folder(name).name for name in spared)
    for left in socket_folder("").parent.glob(f"{socket_folder(run_id[:12]).name}-*"):
        if kept and left.name.startswith(kept):
            continue
        shutil.rmtree(left, ignore_errors=True)


def shell_words(note: Path) -> list[str]:
    """Return the command that opens a shell where a kept trial is, as its account."""
    trial = _read(note)
    words = elevated(trial.host, ["runuser", "-u", trial.account, "--", "sh"])
    return words if trial.host.local else SshConnection(trial.host, "", {}).interactive(words)


def forget(note: Path) -> None:
    """Remove a note, and the folder of notes with the last one."""
    note.unlink(missing_ok=True)
    try:
        note.parent.rmdir()
    except OSError:
        return


def _read(path: Path) -> HostTrial:
    told: Mapping[str, Any] = json.loads(path.read_text("utf8"))
    return HostTrial(Host(**told["host"]), told["name"], told["port"], told["python"])

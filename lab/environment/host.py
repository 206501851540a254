"""The environment `host`: a machine of an inventory, reached over SSH; the product is a systemd unit of it.

A trial has an account of its own there, as which installers and product run, and folders that are named after it, so
that two trials side by side do not meet. Ansible makes and removes these; all else goes over one SSH connection.
"""

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import process
from lab.environment.kinds import KINDS
from lab.environment.places import Bindings
from lab.environment.processes.ports import Ports
from lab.environment.processes.services import LocalServices
from lab.environment.remote.ansible import Play, require_ansible
from lab.environment.remote.inventory import Host
from lab.environment.remote.machine import HostMachine
from lab.environment.remote.ssh import connection_to
from lab.environment.remote.tools import FROM_LOG_IN, HostTools
from lab.environment.remote.trial import HostTrial, forget
from lab.environment.remote.unit import HostUnit
from lab.environment.survey import Survey, survey_account
from lab.environment.units.neighbours import UnitNeighbours
from lab.errors import InfrastructureError, Interrupted
from lab.process import RUN_MARK, TRIAL_MARK, CommandResult
from lab.reaper import HOST_NOTES

ASK_SECONDS = 30.0


@dataclass(frozen=True)
class HostRecipe:
    """What a trial on a machine is made of."""

    host: Host
    run_id: str
    folder: Path
    """Where what the trial has on this machine lies; its name is unlike any other trial's of any run."""
    mock: Path
    """What the LLM mock needs."""
    memory_mb: int = 0
    port: int | None = None
    """Where the product is reached on this machine, if the user chose a port."""


class HostEnvironment:
    """One trial on a machine of an inventory."""

    kind = "host"
    capabilities = KINDS[kind].capabilities

    def __init__(self, recipe: HostRecipe, note: Callable[..., None]) -> None:
        self.recipe = recipe
        self.platform = recipe.host.name
        self._note = note
        self._aborted = threading.Event()
        self._lock = threading.Lock()
        self._ports = Ports()
        self._trial = HostTrial(recipe.host, recipe.folder.name)
        self._noted: Path | None = None
        marks = {RUN_MARK: recipe.run_id, TRIAL_MARK: recipe.folder.name}
        self._connection = connection_to(recipe.host, recipe.folder.name, marks, self._aborted.is_set)
        self._machine = HostMachine(self._connection, self._aborted)
        self._tools = HostTools(self._machine, self._trial)
        self._found: dict[str, Any] = {}
        self._bindings: Bindings | None = None
        port, self._llm, control = (self._ports.reserve(each) for each in (recipe.port, None, None))
        self._port = port
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.services = LocalServices(recipe.mock, self._llm, control, recipe.folder / "llm", {**kept, **marks})
        self.product = self.manager = HostUnit(
            self._machine, self._trial.account, self._trial.places, port, recipe.host.where, recipe.memory_mb
        )
        self.neighbours = UnitNeighbours(self._machine, self.product, self._trial.occupant)
        self._said: dict[str, bytes] = {}

    @property
    def bindings(self) -> Bindings:
        """Paths and addresses as the product sees them; the first to ask makes the lab connect to the machine.

        Raises InfrastructureError where it cannot be reached, lacks something, or does not allow tests.
        """
        with self._lock:
            if self._bindings is None:
                self._bindings = self._settle()
            return self._bindings

    # -- the place itself ------------------------------------------------------------------------------------------

    def _settle(self) -> Bindings:
        """Connect, look, and reserve what has to be known before anything is made."""
        self._check_going_on()
        require_ansible()
        self._connection.open()
        self._found = self._machine.look()
        self._tools.found(self._found)
        local = self.recipe.host.local
        self._trial = replace(self._trial, python=self._found["executable"])
        self._write_note()
        port = self._port if local else self._machine.reserve_port(self._trial.account)
        self._trial = replace(self._trial, port=0 if local else port)
        self._write_note()
        llm = self._connection.let_in(self._llm)
        self._connection.reach(self._port, port)
        return Bindings(
            places=self._trial.places,
            port=port,
            llm_url=f"http://127.0.0.1:{llm}/v1",
            database_host="127.0.0.1",
            python=self.recipe.host.python,
        )

    def _write_note(self) -> None:
        self._note("object", kind="host", name=self._trial.account, host=self.recipe.host.name)
        self._noted = self._trial.note(self.recipe.folder.parents[1] / HOST_NOTES)

    def provision(self) -> dict[str, Any]:
        """Make the account and its folders; the LLM mock comes up meanwhile.

        Raises InfrastructureError where the machine cannot be reached, lacks something, or does not allow tests.
        """
        self._check_going_on()
        port = self.bindings.port
        self.services.begin()
        made = self._played(self._trial.provision(self._connection, self._aborted.is_set))
        if made.problem:
            raise InfrastructureError(
                f"{self.recipe.host.where} could not be provisioned: {made.problem}",
                hint="the playbook is lab/environment/remote/playbooks/provision.yml",
            )
        settings = self._tools.network()
        if settings.ca is not None:
            self._machine.put(settings.ca, self._tools.ca_file, mode=0o644, owner="root")
        system = {name: self._found[name] for name in ("kernel", "machine", "python", "systemd", "cpus", "memory_mb")}
        return {
            "kind": self.kind,
            "platform": self.platform,
            "system": {"platform": self._found["platform"], **system},
            "connection": "local" if self.recipe.host.local else "ssh",
            "user": self._trial.account,
            "port": port,
            "ansible_seconds": round(made.seconds, 3),
            "left_out_of_host_settings": list(settings.left_out),
            "network": {"kind": "open"},
        }

    def _played(self, made: Play) -> Play:
        self._note("playbook", name=made.playbook, seconds=round(made.seconds, 3), problem=made.problem)
        self._said[f"ansible-{made.playbook}.txt"] = made.output
        self._check_going_on()
        return made

    def check_own(self, *, closely: bool) -> None:
        """Make sure that the LLM mock runs and that the connection stands."""
        self.services.check()
        if not self._connection.alive():
            raise InfrastructureError(f"{self.recipe.host.where}: the connection broke", hint="is the machine up?")
        if closely and not self._machine.run(["true"], timeout=ASK_SECONDS).ok:
            raise InfrastructureError(f"{self.recipe.host.where} runs no commands any more")

    # -- commands and files ----------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        network: bool = False,
        installed: bool = False,  # noqa: ARG002 - installers and programs are on the same machine
    ) -> CommandResult:
        """Run a command on the machine as the trial's account."""
        if argv[0] == "uv":
            self._tools.bring_uv()
        passed = self._tools.network().variables if network else {}
        return self._machine.run(
            argv,
            timeout=timeout,
            environment={"TMPDIR": self._trial.scratch, **passed, **(environment or {})},
            directory=directory,
            user=self._trial.account,
            keep=FROM_LOG_IN if network else (),
        )

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file, owned by the trial's account."""
        self._machine.put(content, path, mode=mode, owner=self._trial.account)

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive into a folder."""
        self._machine.unpack(tar, folder, owner=self._trial.account)

    def get(self, path: str) -> bytes | None:
        """Read one file as the trial's account."""
        return self._machine.get(path, user=self._trial.account)

    # -- the end -------------------------------------------------------------------------------------------------

    def asked(self) -> list[dict[str, Any]] | None:
        """Return None: nobody watches the machine's network."""
        return None

    def survey(self) -> Survey:
        """Look at what the trial's account has; the machine is others', too."""
        trial = self._trial
        return survey_account(
            lambda words, timeout: self._machine.run(words, timeout=timeout),
            trial.places,
            trial.account,
            trial.user_home,
        )

    def disown(self) -> None:
        """Remove the unit that was written for the product."""
        self.product.remove()

    def collect(self) -> dict[str, bytes]:
        """Gather the product's journal, its unit, and the LLM mock's output; of the machine's own journal nothing."""
        return {**self.services.collect(), **self._said, **self.product.collect()}

    @property
    def aborted(self) -> bool:
        """Whether the trial was told to end early."""
        return self._aborted.is_set()

    def abort(self) -> None:
        """End the trial's commands; its removal, if that is under way, goes on."""
        self._aborted.set()
        process.end_commands(self._aborted.is_set)

    def keep(self) -> None:
        """Leave everything where it is, connection and LLM mock included."""
        self._ports.close()

    def destroy(self) -> list[str]:
        """Remove what the trial has on the machine, and on this one."""
        self._aborted.set()
        left: list[str] = []
        try:
            self.services.close()
            left += self._removed()
            if self.recipe.folder.exists():
                shutil.rmtree(self.recipe.folder)
            with suppress(OSError):
                self.recipe.folder.parent.rmdir()  # the last trial's
        except OSError as error:
            left.append(f"folder {self.recipe.folder}: {error}")
        finally:
            self._connection.close()
            self._ports.close()
        return left

    def _removed(self) -> list[str]:
        """Remove all that is on the machine, over another connection if this one broke; return what went wrong."""
        if self._noted is None:
            return []
        problem, state = "", "is still there"
        try:
            if not self._connection.stands():
                self._connection.close()
                self._connection.open()
            ended = self._trial.remove(self._connection)
            problem = ended.problem
            if not problem:
                forget(self._noted)
                self._noted, state = None, "is removed, but not all of it is recorded"
            self._note("playbook", name=ended.playbook, seconds=round(ended.seconds, 3), problem=ended.problem)
        except Exception as error:  # noqa: BLE001 - whatever it is, connection, folder and ports are let go of
            problem = problem or str(error) or type(error).__name__
        return [f"{self.recipe.host.where}: {self._trial.account} {state}: {problem}"] if problem else []

    def _check_going_on(self) -> None:
        if self._aborted.is_set():
            raise Interrupted

"""The environment `local`: the product as a process on this machine, everything it has below one folder.

It needs no container engine. It shares the machine's network and accounts: nothing keeps the product from what this
user may do, so it is for products one would install here oneself.
"""

import io
import os
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab import process
from lab.environment.hostnet import own_network
from lab.environment.kinds import KINDS, local_places
from lab.environment.places import Bindings
from lab.environment.processes import table as processes
from lab.environment.processes.ports import Ports
from lab.environment.processes.product import NO_PROGRAM, LocalProduct, read
from lab.environment.processes.services import LocalNeighbours, LocalServices
from lab.environment.survey import Request, Survey, survey_by
from lab.errors import InfrastructureError, Interrupted
from lab.process import RUN_MARK, CommandResult

KILL_SECONDS = 5.0
POLL_SECONDS = 0.02
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True)
class LocalRecipe:
    """What a local environment is made of."""

    run_id: str
    folder: Path
    """Where everything of the trial lies; its name is unlike any other trial's of any run."""
    platform: str
    cache: Path
    """The installers' cache, of one product."""
    mock: Path
    """What the LLM mock needs."""
    port: int | None = None
    """The product's port, if the user chose one."""
    python: str = ""
    """The interpreter that installers are given; empty: the lab's own."""


class LocalEnvironment:
    """One trial on this machine."""

    kind = "local"
    capabilities = KINDS[kind].capabilities
    manager = None

    def __init__(self, recipe: LocalRecipe, note: Callable[..., None]) -> None:
        self.recipe = recipe
        self.platform = recipe.platform
        self._note = note
        self._aborted = threading.Event()
        self._ports = Ports()
        self._root = recipe.folder
        self._name = recipe.folder.name
        port, llm, control = (self._ports.reserve(each) for each in (recipe.port, None, None))
        self.bindings = Bindings(
            places=local_places(str(self._root), str(recipe.cache)),
            port=port,
            llm_url=f"http://127.0.0.1:{llm}/v1",
            database_host="127.0.0.1",
            python=recipe.python or str(Path(sys.executable).resolve()),
        )
        self.services = LocalServices(recipe.mock, llm, control, self._root / "llm", self._variables())
        self.product = LocalProduct(
            self._name, self._root / "logs", self.bindings.port, self._program, self._variables, self._going_on, note
        )
        self.neighbours = LocalNeighbours(self.product.left_behind)

    # -- the place itself ------------------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Make the folders; the LLM mock comes up meanwhile."""
        places = self.bindings.places
        self._note("object", kind="folder", name=str(self._root))
        try:
            for folder in (places.home, places.data, places.config, places.artifacts, f"{self._root}/user"):
                Path(folder).mkdir(parents=True)
            self.recipe.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InfrastructureError(f"{self._root} cannot be made: {error.strerror}") from error
        self.services.begin()
        return {
            "kind": self.kind,
            "platform": self.platform,
            "user": "root" if os.geteuid() == 0 else "an ordinary user",
            "bounds": "none: no limit of memory or processors is set on this machine",
            "left_out_of_host_settings": [],
        }

    def check_own(self, *, closely: bool) -> None:  # noqa: ARG002 - there is one look, and it is a close one
        """Make sure that the LLM mock runs."""
        self.services.check()

    # -- commands and files ----------------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        network: bool = False,
        installed: bool = False,  # noqa: ARG002 - there is one place for everything
    ) -> CommandResult:
        """Run a command as this user, with nothing of the lab's own environment.

        Raises InfrastructureError where no process can be made.
        """
        self._going_on()
        variables = {**self._variables(), **(own_network() if network else {}), **(environment or {})}
        words = [self._program(argv[0]), *argv[1:]]
        started = time.monotonic()
        try:
            ended = process.run(
                words,
                timeout=timeout,
                cwd=Path(directory),
                environment=variables,
                alone=True,
                stopped=self._aborted.is_set,
            )
        except process.NotRunnableError as error:
            if not (isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_PROGRAM):
                raise
            return CommandResult(tuple(argv), 127, b"", f"{error.message}\n".encode(), time.monotonic() - started)
        self._going_on()
        return CommandResult(tuple(argv), ended.exit_code, ended.stdout, ended.stderr, ended.seconds)

    def put(self, content: bytes, path: str, *, mode: int = 0o644) -> None:
        """Write one file."""
        self._going_on()
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        place.chmod(mode)

    def unpack(self, tar: bytes, folder: str) -> None:
        """Unpack an archive that the lab made."""
        self._going_on()
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            # An attribute, since Pythons before 3.11.4 know no such argument; the archive is one that the lab made.
            archive.extraction_filter = getattr(tarfile, "tar_filter", None)
            for member in archive:
                member.uid, member.gid = os.getuid(), os.getgid()
                archive.extract(member, folder)

    def get(self, path: str) -> bytes | None:
        """Read one file, None if there is none."""
        return read(Path(path))

    # -- the end ---------------------------------------------------------------------------------------------------

    def asked(self) -> list[dict[str, Any]] | None:
        """Return None: a process shares this machine's network, on which nobody can tell it from others."""
        return None

    def survey(self) -> Survey:
        """Look at the trial's folder, the user's home in it included, and at the processes that carry its mark.

        Accounts and units are not the trial's; what is written elsewhere on this machine is not seen.
        """
        places, root = self.bindings.places, str(self._root)
        prune = (places.artifacts, f"{root}/llm", f"{root}/logs")
        looked = ("the trial's own folder with the home it was given",)
        run = lambda words, timeout: self.run(words, timeout=timeout)  # noqa: E731 - a word for it
        seen = survey_by(run, Request([root], [root], prune, looked=looked))
        pids = [pid for pid in self._of_trial() if not self.services.is_mock(pid)]
        words = tuple(sorted(filter(None, map(processes.command_line, pids))))
        return replace(seen, ports=tuple(processes.listening(pids)), processes=words)

    def disown(self) -> None:
        """Do nothing: a process needs nothing written."""

    def collect(self) -> dict[str, bytes]:
        """Gather all logs."""
        found = self.services.collect()
        for number in range(1, self.product.starts + 1):
            log = self.product.logs_of(number)
            found |= {f"product-{number}.stdout": log.stdout, f"product-{number}.stderr": log.stderr}
        return found

    @property
    def aborted(self) -> bool:
        """Whether the trial was told to end early."""
        return self._aborted.is_set()

    def abort(self) -> None:
        """End every process of the trial."""
        self._aborted.set()
        self._end()

    def keep(self) -> None:
        """Leave folder and processes as they are."""
        self._ports.close()

    def destroy(self) -> list[str]:
        """End every process and remove the folder."""
        self._aborted.set()
        self.neighbours.vacate()
        left = self._end()
        try:
            if self._root.exists():
                shutil.rmtree(self._root)
            with suppress(OSError):
                self._root.parent.rmdir()  # the last trial's
        except OSError as error:
            left.append(f"folder {self._root}: {error}")
        self._ports.close()
        return left

    def _end(self) -> list[str]:
        """End what runs; return what does not go."""
        self.services.close()
        deadline = time.monotonic() + KILL_SECONDS
        while running := self._of_trial():
            processes.kill(running)
            self.product.reap()
            if time.monotonic() > deadline:
                return [f"process {pid}: {processes.command_line(pid)}" for pid in running]
            time.sleep(POLL_SECONDS)
        self.product.reap()
        return []

    # -- what is known of processes --------------------------------------------------------------------------------

    def _of_trial(self) -> list[int]:
        marked = processes.marked(process.TRIAL_MARK, self._name)
        return sorted({*marked, *processes.of_sessions(self.product.sessions)})

    def _program(self, name: str) -> str:
        """Return where a program is that a scenario may take for granted."""
        if name == "uv":
            import uv

            return uv.find_uv_bin()
        return self.bindings.python if name == "python3" else name

    def _variables(self) -> dict[str, str]:
        """Return the environment of every process of the trial: little of this user's, and the marks to find it by."""
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = str(Path(sys.prefix) / "bin")
        kept["PATH"] = os.pathsep.join(part for part in kept.get("PATH", os.defpath).split(os.pathsep) if part != own)
        marks = {RUN_MARK: self.recipe.run_id, process.TRIAL_MARK: self._name}
        return {**kept, **marks, "HOME": f"{self._root}/user"}

    def _going_on(self) -> None:
        if self._aborted.is_set():
            raise Interrupted

"""A product as a systemd unit of a machine, wherever the machine is: started, watched, stopped, and what it leaves."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from lab.environment.base import Log, NotStartedError, Service, ServiceState
from lab.environment.places import Places
from lab.environment.units.exposure import exposed
from lab.environment.units.machine import Machine
from lab.environment.units.scripts import (
    COLLECT_SCRIPT,
    KNOWING_SCRIPT,
    LOGS_SCRIPT,
    MEMORY_SCRIPT,
    PROCESSES_SCRIPT,
    SAID_SCRIPT,
    START_SCRIPT,
)
from lab.environment.units.unitfile import (
    PROPERTIES,
    Terms,
    drop_in_text,
    environment_text,
    left_behind_in,
    sections,
    state_of,
    unit_text,
)
from lab.errors import InfrastructureError
from lab.process import MOST_BYTES, CommandResult

FOLDER = "/etc/systemd/system"
CANNOT_EXECUTE = 203
"""Status of a process that never became the product: EXIT_EXEC of systemd.exec(5)."""
COMMAND_SECONDS = 30.0
"""How long systemd may take to answer what it knows."""
START_SECONDS = 90.0
OWN_START_SECONDS = 600.0
"""A unit that the product brings may wait until it is ready: its own TimeoutStartSec is to pass before the lab's."""
KILL_SECONDS = 10.0
SETTLE_SECONDS = 15
"""How long systemd may take to clear up after the main process."""
SUPPRESSED = b"Suppressed"
"""journald's word for what it dropped of a unit that wrote too fast."""


class Unit(ABC):
    """The product's unit on one machine; how it is reached and measured from here is for each kind of machine."""

    collected: ClassVar[Mapping[str, tuple[str, ...]]] = {
        COLLECT_SCRIPT: ("journal.txt", "unit.status.txt", "failed-units.txt", "unit.txt")
    }
    """By script the files that its sections become."""

    def __init__(
        self, machine: Machine, name: str, *, user: str, places: Places, memory_mb: int = 0, homes: bool = False
    ) -> None:
        self._machine = machine
        self.name = f"{name}.service"
        self._user = user
        self._places = places
        self._memory_mb = memory_mb
        self._homes = homes
        """Whether the product's interpreter lies in somebody's home."""
        self._written: dict[str, bytes] = {}
        self._since = "0"
        """Time of the last start by the machine's clock, in seconds since 1970."""
        self._started = False
        self._main = 0
        self._seen: dict[int, str] = {}
        """Command lines by process id, to name those that have gone."""

    @property
    def environment_file(self) -> str:
        """Where the product's environment lies, readable by root alone."""
        return f"/etc/lab/{self.name.removesuffix('.service')}.env"

    def start(self, service: Service) -> ServiceState:
        """Write the unit and its environment file, start it, and let it come up with the machine from now on.

        The seconds since systemd was asked are `start_seconds`. Raises NotStartedError where its command cannot be
        executed, or a unit that it brings never gets as far; InfrastructureError where systemd does not take a unit
        that is the lab's own, or does not answer.
        """
        terms = Terms(
            self._user, self._places, self.environment_file, service.stop_seconds, self._memory_mb, self._homes
        )
        own = service.unit.encode() if service.unit else unit_text(service, terms).encode()
        self._write(own, f"{FOLDER}/{self.name}", 0o644)
        if service.unit:
            self._write(drop_in_text(service, terms).encode(), f"{FOLDER}/{self.name}.d/operator.conf", 0o644)
        self._write(environment_text(service.environment).encode(), self.environment_file, 0o600)
        self._seen, self._started = {}, True
        asked_at = time.monotonic()
        started = self._sh(START_SCRIPT, timeout=OWN_START_SECONDS if service.unit else START_SECONDS)
        stamp = started.stdout.split()
        self._since = stamp[0].decode() if stamp else self._since
        state = self.state()
        state = replace(state, extra={**state.extra, "start_seconds": round(time.monotonic() - asked_at, 4)})
        self._main = state.pid
        status = state.extra["unit"]["exec_main_status"]
        problem = f"no end within {started.seconds:.0f} s" if started.timed_out else started.tail(3)
        waits = bool(service.unit) and state.extra["unit"]["active_state"] == "activating"
        if started.ok or (started.timed_out and waits and state.running):  # one that never says that it is ready
            return state
        if (started.timed_out and not waits) or (not service.unit and status != CANNOT_EXECUTE):
            raise InfrastructureError(f"systemd did not start {self.name}: {problem}; it said: {self._own_words()}")
        if started.timed_out or status == CANNOT_EXECUTE or not stamp or state.extra["unit"]["load_state"] != "loaded":
            words = self._own_words() or problem
            self._ask("stop", timeout=KILL_SECONDS)
            raise NotStartedError(words)
        return state  # its process came up and ended, which is for the next step to see

    def restart(self, *, timeout: float) -> ServiceState:
        """Do as `systemctl restart` does; `timeout` in seconds.

        Raises InfrastructureError where systemd does not answer in time.
        """
        done = self._ask("restart", timeout=timeout)
        if done.timed_out:
            raise InfrastructureError(f"'systemctl restart {self.name}' did not return within {timeout:g} s")
        return self.state()

    def state(self) -> ServiceState:
        """Ask systemd what it knows of the unit.

        Raises InfrastructureError where it does not answer.
        """
        asked = self._ask("show", f"--property={','.join(PROPERTIES)}", timeout=COMMAND_SECONDS)
        if not asked.ok:
            raise InfrastructureError(f"systemd does not answer on the machine: {asked.tail(2) or 'time-out'}")
        state = state_of(asked.stdout.decode("utf8", "replace"))
        self._main = state.pid or self._main
        return state

    def signal(self, name: str) -> None:
        """Send a signal to the main process; after SIGKILL the unit is over and systemd does not start it again."""
        if name == "SIGKILL":
            self._ask("kill", "--signal=SIGKILL", timeout=KILL_SECONDS)
            self._ask("stop", timeout=2 * KILL_SECONDS)
        else:
            self._end("kill", "--kill-who=main", f"--signal={name}", timeout=KILL_SECONDS)

    def stop(self, grace: float) -> None:
        """Do as `systemctl stop` does: TimeoutStopSec, given at the start, is the time after which systemd kills."""
        self._end("stop", timeout=grace + SETTLE_SECONDS)

    def processes(self) -> list[str]:
        """Return the command lines of the unit's processes."""
        return self._know(self._sh(PROCESSES_SCRIPT))

    def _know(self, told: CommandResult) -> list[str]:
        """Return the command lines that a script told, and remember whose they are."""
        pairs = [line.strip().partition(" ") for line in told.stdout.decode("utf8", "replace").splitlines()]
        found = {int(pid): words.strip() for pid, _, words in pairs if pid.isdecimal() and words.strip()}
        self._seen |= found
        return list(found.values())

    def memory(self) -> dict[str, int]:
        """Return the unit's memory in bytes: `current`, its processes' proportional share, and the sum of `peak`s.

        Empty where the kernel tells nothing (proc(5), smaps_rollup and status).
        """
        told = self._sh(MEMORY_SCRIPT, user=self._user).stdout.split()
        figures = {name: 1024 * int(value) for name, value in zip(("current", "peak"), told, strict=False)}
        return {name: value for name, value in figures.items() if value}

    def logs(self) -> Log:
        """Return what the product wrote since its start; the journal does not tell its two outputs apart."""
        if not self._started:
            return Log(b"", b"", "the unit was not started")
        asked = self._sh(LOGS_SCRIPT, self._since)
        missing = "" if asked.ok else f"the journal cannot be read: {asked.tail(2) or 'time-out'}"
        if asked.ok and len(asked.stdout) >= MOST_BYTES:
            missing = f"the journal was read no further than {MOST_BYTES // 1_000_000} MB"
        elif asked.ok and SUPPRESSED in asked.stderr:
            missing = f"the machine kept less than was written: {asked.tail(1)}"
        return Log(asked.stdout, b"", missing)

    def traces(self) -> dict[str, bytes]:
        """Return the variables of the unit's process, if it runs."""
        told = self._machine.run(["cat", f"/proc/{self.state().pid}/environ"], timeout=COMMAND_SECONDS)
        return {"the product's variables": told.stdout} if told.ok else {}

    def left_behind(self) -> list[str] | None:
        """Return the command lines of processes that outlived the main one, as systemd tells it; None if it cannot."""
        asked = self._sh(SAID_SCRIPT, str(SETTLE_SECONDS), self._since, timeout=SETTLE_SECONDS + COMMAND_SECONDS)
        if not asked.ok or not asked.stdout.strip():  # systemd tells of every start and stop
            return None
        killed = left_behind_in(asked.stdout.decode("utf8", "replace"), self._main, self._seen)
        alive = [] if self.state().running else self.processes()
        return [*killed, *(each for each in alive if each not in killed)]

    def words(self) -> list[str]:
        """Return what systemd itself said of the unit since its start."""
        asked = self._sh(SAID_SCRIPT, "1", self._since)
        return asked.stdout.decode("utf8", "replace").splitlines()

    def collect(self) -> dict[str, bytes]:
        """Gather the journal, the unit's status and text; says in a file if the machine does not answer."""
        found: dict[str, bytes] = {}
        for script, names in self.collected.items():
            try:
                found |= sections(self._sh(script).stdout, names)
            except Exception as error:  # noqa: BLE001 - collecting goes on whatever happens, and says so
                found["journal.unreadable"] = f"{type(error).__name__}: {error}\n".encode()
        return found

    def exposed(self, folders: Sequence[str], files: Sequence[str], secrets: Mapping[str, str]) -> dict[str, Any]:
        """Look at the machine's files and processes as another of its users."""
        return exposed(self._machine, folders, [*files, *self.private_files()], secrets)

    @abstractmethod
    def base_url(self) -> str:
        """Return the address of the product from the lab."""

    @abstractmethod
    def waited(self) -> float | None:
        """Return for how many seconds the product's tasks were ready and had no processor; None if not known."""

    @abstractmethod
    def reboot(self, *, timeout: float) -> dict[str, Any]:
        """Restart the whole machine; return facts about it once it is up. Raises InfrastructureError."""

    def remove(self) -> None:
        """Stop the unit and take away what was written for it."""
        self._ask("disable", "--now", "--quiet", timeout=START_SECONDS)
        self._machine.run(["rm", "-rf", *self._written, f"{FOLDER}/{self.name}.d"], timeout=COMMAND_SECONDS)
        self._machine.run(["systemctl", "daemon-reload"], timeout=COMMAND_SECONDS)
        self._written = {}

    def private_files(self) -> list[str]:
        """Return the paths of what was written for the unit and is nobody else's business."""
        return [path for path in self._written if path == self.environment_file]

    def keep_journal(self) -> None:
        """Let the journal outlive a reboot."""
        self._machine.run(["journalctl", "--flush"], timeout=COMMAND_SECONDS)

    def rebooted(self) -> list[str]:
        """Take note of a reboot: later questions are about the time since; return what systemd said until then."""
        words = self.words()
        told = self._machine.run(["stat", "-c", "%.Y", "/run/systemd/notify"], timeout=COMMAND_SECONDS)
        self._since = told.stdout.decode().strip() or self._since
        self._main, self._seen = 0, {}
        self.state()
        return words

    # -- how the machine is asked ----------------------------------------------------------------------------------

    def _write(self, content: bytes, path: str, mode: int) -> None:
        if self._written.get(path) != content:
            self._machine.put(content, path, mode=mode, owner="root")
            self._written[path] = content

    def _own_words(self) -> str:
        """Return what systemd said of a start that failed, once, however often it tried again meanwhile."""
        words = [line for line in self.words() if "exited" in line or "ailed" in line]
        return "; ".join(list(dict.fromkeys(words))[:4])

    def _ask(self, verb: str, *words: str, timeout: float) -> CommandResult:
        return self._machine.run(["systemctl", verb, *words, self.name], timeout=timeout)

    def _end(self, verb: str, *words: str, timeout: float) -> None:
        self._know(self._sh(KNOWING_SCRIPT, verb, *words, self.name, timeout=timeout))

    def _sh(self, script: str, *arguments: str, timeout: float = COMMAND_SECONDS, user: str = "root") -> CommandResult:
        return self._machine.run(["sh", "-c", script, "sh", self.name, *arguments], timeout=timeout, user=user)

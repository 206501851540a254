"""What the steps of a trial work with: the setting, which a plan needs too, and the state of a running trial."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.environment.base import DatabaseAccount, Environment
from lab.environment.images.interpreters import Interpreter
from lab.environment.places import Bindings, Places
from lab.environment.remote.inventory import Host
from lab.environment.survey import Survey
from lab.history import Recorder
from lab.lifecycle.http import Door, HttpResult
from lab.lifecycle.installers import Installer, installer_of
from lab.llm_mock.redirection import variables
from lab.process import CommandResult
from lab.product.actions import Answer, Request
from lab.product.definition import Definition
from lab.product.model import PostgresqlDatabase, SqliteDatabase
from lab.product.sources import Artifact
from lab.scenario.matrix import Cell
from lab.scenario.model import Scenario, Timeouts
from lab.scenario.steps import Slot
from lab.template import render


def as_settings(variables: Mapping[str, str]) -> str:
    """Return variables as lines of a configuration file."""
    return "\n".join(f"{name}={value}" for name, value in sorted(variables.items()))


DATABASE_SECRET = "database-password"  # noqa: S105 - the name of a secret that every run makes up


@dataclass(frozen=True)
class Setting:
    """What is known of a trial before it runs."""

    scenario: Scenario
    cell: Cell
    definitions: Mapping[Slot, Definition]
    artifacts: Mapping[Slot, Artifact]
    timeouts: Timeouts
    bindings: Bindings = field(default_factory=Bindings)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    product_folder: Path = Path()
    """Folder of the product definition: its hooks lie below it."""
    scenario_folder: Path = Path()
    hook_folders: tuple[Path, ...] = ()
    """Folders beside the checkout from which hooks may be called."""
    interpreter: Interpreter | None = None
    """The Python that installers are given; None is the platform's own."""
    host: Host | None = None
    """The machine of an inventory, where that is the place."""
    platform_image: str = ""
    """The image that the platform is made of, where the user brought one."""

    def bound(self, bindings: Bindings) -> "Setting":
        """Return the setting in an environment that gives these paths and addresses."""
        places = replace(bindings.places, program=self.places.program)  # that is the installer's to say
        return replace(self, bindings=replace(bindings, places=places))

    @property
    def places(self) -> Places:
        """Paths as the product sees them."""
        return self.bindings.places

    def port(self, slot: Slot) -> int:
        """Return the port that a version is to listen on."""
        return self.bindings.port or self.definitions[slot].port

    def scope(self, slot: Slot) -> dict[str, str]:
        """Return the values of all placeholders as one version sees them."""
        definition, places, bindings = self.definitions[slot], self.places, self.bindings
        values = {
            "home": places.home, "venv": places.venv, "tree": places.tree, "data": places.data, "config": places.config,
            "port": str(self.port(slot)), "version": definition.label, "llm.base_url": bindings.llm_url,
            "backup": places.backup, "llm.url": self.llm_address, "llm.settings": as_settings(self.llm_variables(slot)),
        }  # fmt: skip
        values |= self.cell.scope | {f"secret.{name}": value for name, value in self.secrets.items()}
        database = self.database(slot)
        if isinstance(database, SqliteDatabase):
            values["database.path"] = render(database.path, values)
        elif database is not None:
            account = self.account
            values |= {"database.host": bindings.database_host, "database.port": str(bindings.database_port)}
            values |= {"database.user": account.user, "database.password": account.password}
            values["database.name"] = account.name
        if database is not None:
            values["database.url"] = render(database.url, values)
            values["database.settings"] = render(database.settings, values).rstrip("\n")
        return values

    @property
    def llm_address(self) -> str:
        """The LLM mock's address as the product sees it, without a path."""
        return self.bindings.llm_url.removesuffix("/v1")

    def llm_variables(self, slot: Slot) -> dict[str, str]:
        """Return the variables that lead a version's models to the mock; none where it is said to ask none."""
        use = self.definitions[slot].llm
        if use is None:
            return {}
        addresses = {"llm.url": self.llm_address, "llm.base_url": self.bindings.llm_url}
        more = render(use.environment, addresses) if self.scenario.converses else {}
        return {**variables(self.llm_address), **more}

    def installer(self, slot: Slot) -> Installer:
        """Return what installs a version in this cell."""
        return installer_of(self.cell, self.definitions[slot])

    @property
    def uses_pipx(self) -> bool:
        """Whether pipx is what installs some version in this cell."""
        return not self.as_image and any(self.installer(slot).name == "pipx" for slot in self.definitions)

    def database(self, slot: Slot) -> SqliteDatabase | PostgresqlDatabase | None:
        """Return the database that a version uses in this cell, None if the cell or the definition names none."""
        return self.definitions[slot].databases.get(dict(self.cell.axes).get("database", ""))

    def required_settings(self, slot: Slot) -> list[str]:
        """Return the settings without which a version must refuse to start in this cell."""
        database = self.database(slot)
        return [*self.definitions[slot].required_settings, *(database.required_settings if database else [])]

    @property
    def workarounds(self) -> bool:
        """Whether steps are taken that no documentation asks for."""
        return dict(self.cell.axes).get("setup") == "workaround"

    @property
    def account(self) -> DatabaseAccount:
        """The product's account on a database server."""
        return DatabaseAccount(password=self.secrets.get(DATABASE_SECRET, ""))

    @property
    def has_database_server(self) -> bool:
        """Whether a database server stands beside the product in this cell."""
        database = dict(self.cell.axes).get("database", "")
        return any(definition.uses_server(database) for definition in self.definitions.values())

    @property
    def sealed(self) -> bool:
        """Whether nothing leads out of the trial's network."""
        return self.scenario.network == "sealed"

    @property
    def as_image(self) -> bool:
        """Whether the product's own image runs."""
        return self.scenario.source == "image"


@dataclass
class Session:
    """A running trial: the setting, the environment, and what has happened so far."""

    setting: Setting
    environment: Environment
    record: Recorder
    folder: Path
    images: Mapping[Slot, str] = field(default_factory=dict)
    """Tags of the product's own images."""
    installed: Slot | None = None
    configured: Slot | None = None
    written: dict[str, str] = field(default_factory=dict)
    """Configuration files and the digests with which they were written."""
    saved: dict[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    """Monotonic time of the last start."""
    units: dict[Slot, str] = field(default_factory=dict)
    """Texts of the systemd units that installed versions brought."""
    surveys: list[Survey] = field(default_factory=list)
    """What the place held at each step `survey`."""
    came_back_from: Slot | None = None
    """The newer version over which an older one was installed."""
    owed: list[Any] = field(default_factory=list)
    """Reads that must hold after the next start, because an answer was given before the stop."""
    door: Door | None = None
    instructed: Slot | None = None
    """The version of which the LLM mock was told what it asks."""
    conversations: int = 0
    """How many conversations with models there were; each has a number of its own."""
    database_runs: bool = True
    """Whether the database server is up."""
    database_changed_at: float = 0.0
    """Monotonic time at which the database server was last stopped or started."""

    @property
    def slot(self) -> Slot:
        """The version that is installed now."""
        if self.installed is None:
            raise AssertionError("no version is installed yet")
        return self.installed

    @property
    def definition(self) -> Definition:
        """What the installed version is."""
        return self.setting.definitions[self.slot]

    @property
    def http(self) -> Door:
        """The way to the running product."""
        if self.door is None:
            raise AssertionError("the product was not started yet")
        return self.door

    def scope(self, slot: Slot | None = None) -> dict[str, str]:
        """Return the values of all placeholders, those saved by earlier answers included."""
        values = self.setting.scope(slot or self.slot) | {f"saved.{name}": value for name, value in self.saved.items()}
        return values | ({"base_url": self.door.base_url} if self.door else {})

    def ask(self, request: Request, expect: Answer) -> tuple[HttpResult, str]:
        """Send a request and say what is not as expected.

        Where there is no answer at all, the environment is asked what became of the product: one that has ended is
        the reason, and a place that is gone is the lab's error, raised as InfrastructureError.
        """
        result = self.http.send(request, self.setting.timeouts.request)
        problem = result.problem(expect)
        if result.status is None:
            state = self.environment.product.state()
            if not state.running:
                why = ", for want of memory" if state.oom_killed else ""
                problem = f"the product had ended with exit code {state.exit_code}{why} ({problem})"
        return result, problem

    def keep_output(self, result: CommandResult) -> None:
        """Write a command's output into the step's folder and its end into the history."""
        folder = self.folder / "steps" / self.record.step_id
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (("stdout", result.stdout), ("stderr", result.stderr)):
            with (folder / name).open("ab") as file:
                file.write(self.record.redact.bytes(f"$ {shlex.join(result.argv)}\n".encode() + data))
        self.record.write(
            "command", argv=list(result.argv), exit_code=result.exit_code, seconds=round(result.seconds, 4)
        )

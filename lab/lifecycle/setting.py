"""What the steps of a trial work with: the setting, which a plan needs too, and the state of a running trial."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.environment.base import Environment, Places
from lab.history import Recorder
from lab.lifecycle.http import Door, HttpResult
from lab.process import CommandResult
from lab.product.actions import Answer, Request
from lab.product.model import Definition
from lab.product.sources import Artifact
from lab.scenario.matrix import Cell
from lab.scenario.model import Scenario, Slot, Timeouts
from lab.template import render

LLM_BASE_URL = "http://llm:8080/v1"
"""Where the product finds the LLM mock on every trial's network."""


@dataclass(frozen=True)
class Setting:
    """What is known of a trial before it runs."""

    scenario: Scenario
    cell: Cell
    definitions: Mapping[Slot, Definition]
    artifacts: Mapping[Slot, Artifact]
    places: Places
    timeouts: Timeouts
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    product_folder: Path = Path()
    """Folder of the product definition: its hooks lie below it."""
    scenario_folder: Path = Path()
    hook_folders: tuple[Path, ...] = ()
    """Folders beside the checkout from which hooks may be called."""

    def scope(self, slot: Slot) -> dict[str, str]:
        """Return the values of all placeholders as one version sees them."""
        definition = self.definitions[slot]
        places = self.places
        values = {
            "home": places.home, "venv": places.venv, "tree": places.tree, "data": places.data, "config": places.config,
            "port": str(definition.port), "version": definition.label, "llm.base_url": LLM_BASE_URL,
        }  # fmt: skip
        values |= self.cell.scope | {f"secret.{name}": value for name, value in self.secrets.items()}
        database = definition.databases.get(dict(self.cell.axes).get("database", ""))
        if database is not None:
            values["database.path"] = render(database.path, values)
            values["database.url"] = render(database.url, values)
        return values

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
    starts: int = 0
    owed: list[Any] = field(default_factory=list)
    """Reads that must hold after the next start, because an answer was given before the stop."""
    door: Door | None = None

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
            state = self.environment.state()
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

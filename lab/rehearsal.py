"""What of a run can be seen to fail before it begins: hooks, ways to stop, steps beside an image, placeholders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.environment.kinds import KINDS
from lab.errors import UsageError
from lab.lifecycle.hook import hook_file
from lab.lifecycle.llm_rules import overfull
from lab.lifecycle.setting import Setting
from lab.product.actions import HookAction
from lab.product.catalog import Catalogued
from lab.product.conversing import IN_CONVERSATIONS, OWN
from lab.product.definition import Definition
from lab.product.layers import origin
from lab.scenario.load import Loaded
from lab.scenario.matrix import Cell
from lab.scenario.model import Scenario
from lab.scenario.steps import (
    ConverseStep,
    DowngradeStep,
    HookStep,
    InstallStep,
    Slot,
    Step,
    StopStep,
    UpgradeStep,
)
from lab.template import PLACEHOLDER, near, placeholders, render
from lab.yamlfile import Loc, blamed_on, child_at, problems_at

Definitions = Mapping[Slot, Definition]
ACTIONS = {"inspect": "prove_configuration", "seed": "seed", "verify": "read", "exercise": "exercise"}
"""Steps, and the definition's actions that they perform."""
FILLED_IN = (("request",), ("argv",), ("statement",), ("rows",), ("arguments",), ("expect", "json"))
"""Keys of an action whose texts are filled in; the others are taken as they are written."""
PARTS: Mapping[str, tuple[str, tuple[Loc, ...]]] = {
    "inspect": ("prove_version", (("command", "argv"),)),
    "suite": ("suite", (("install",), ("argv",), ("junit",), ("directory",), ("environment",))),
}
"""Steps, and what of the definition they fill in without asking the product."""


def check_hooks(loaded: Loaded, catalogued: Catalogued, definitions: Definitions, hooks: Sequence[str]) -> None:
    """Raise UsageError for a hook that is not there or may not run, before anything is made for it."""
    allowed = [Path(folder).resolve() for folder in hooks]
    for number, step in enumerate(loaded.scenario.steps):
        if isinstance(step, HookStep):
            with blamed_on(loaded.document, ("steps", number, "call")):
                hook_file(step.call, loaded.path.parent, allowed)
    for found in definitions.values():
        for action in (*found.seed, *found.read, *found.exercise, *found.without_database, *found.prove_configuration):
            if isinstance(action, HookAction):
                with blamed_on(catalogued.document, ("versions", found.label)):
                    hook_file(action.call, catalogued.path.parent, allowed)


def check_extra_steps(catalogued: Catalogued, definitions: Definitions) -> None:
    """Raise UsageError for steps beside an image: there is no container yet in which its commands could run."""
    for found in definitions.values():
        for field in ("setup_steps", "upgrade_steps"):
            if getattr(found, field):
                at = origin(catalogued.product, found.label, field, as_image=True) or ()
                with blamed_on(catalogued.document, at):
                    raise UsageError(
                        f"{found.product} {found.label}: {field} cannot run beside an image",
                        hint=f"set '{field}: []' under the definition's or the version's 'image'",
                    )


def undeclared_way(scenario: Scenario, cell: Cell, definitions: Definitions) -> str:
    """Return why a cell cannot run whose axes name a way to stop that a version does not declare; else nothing."""
    for _, step, slot in _stops(scenario):
        way, found = render(step.way, cell.scope), definitions[slot]
        if way not in found.stop and PLACEHOLDER.search(step.way):
            return f"{found.product} {found.label} ({slot}) declares no 'stop.{way}'"
    return ""


def check_ways(loaded: Loaded, definitions: Definitions) -> None:
    """Raise UsageError for a way to stop that a step names by itself and a version does not declare."""
    for number, step, slot in _stops(loaded.scenario):
        found = definitions[slot]
        if step.way not in found.stop and not PLACEHOLDER.search(step.way):
            with blamed_on(loaded.document, ("steps", number, "way")):
                raise UsageError(
                    f"{found.product} {found.label} ({slot}) declares no way to stop '{step.way}'"
                    f"{near(step.way, found.stop)}",
                    hint=f"its ways: {', '.join(found.stop) or 'none'}; 'requires: [stop.{step.way}]' would skip it",
                )


def check_conversations(loaded: Loaded, definitions: Definitions) -> None:
    """Raise UsageError for a step with more conversations than the LLM mock can be told of."""
    for number, step, slot in _with_versions(loaded.scenario):
        use = definitions[slot].llm
        if isinstance(step, ConverseStep) and use is not None and (reason := overfull(use, step)):
            with blamed_on(loaded.document, ("steps", number)):
                raise UsageError(
                    f"with {definitions[slot].product} {definitions[slot].label} ({slot}) these {reason}",
                    hint="make several steps of it: each with some of the modes, or with some of the faults",
                )


def _stops(scenario: Scenario) -> Iterator[tuple[int, StopStep, Slot]]:
    for number, step, slot in _with_versions(scenario):
        if isinstance(step, StopStep):
            yield number, step, slot


def _with_versions(scenario: Scenario) -> Iterator[tuple[int, Step, Slot]]:
    """Yield each step's index, the step, and the version that is installed by then."""
    slot: Slot = scenario.versions[0]
    for number, step in enumerate(scenario.steps):
        if isinstance(step, InstallStep | UpgradeStep | DowngradeStep):
            slot = step.version
        yield number, step, slot


def check_values(catalogued: Catalogued, settings: Sequence[Setting]) -> None:
    """Raise ScenarioError for a placeholder of the definition that would have no value in a cell that will run."""
    missing: dict[tuple[Loc, str], str] = {}
    for setting in settings:
        for at, message in _Rehearsal(catalogued, setting).missing():
            missing.setdefault((at, message), setting.cell.id)
    problems_at(catalogued.document, [(at, message.format(cell)) for (at, message), cell in missing.items()])


@dataclass(frozen=True)
class _Use:
    """Texts of a definition that a step fills in."""

    slot: Slot
    field: str
    inner: Loc = ()
    """Where below the field."""
    keys: tuple[tuple[str, ...], ...] = ()
    """Which keys of the items of a list; without any: all that is there."""
    running: bool = True
    """Whether the product has an address by then."""


@dataclass(frozen=True)
class _Rehearsal:
    """One cell, gone through without doing anything."""

    catalogued: Catalogued
    setting: Setting

    def missing(self) -> Iterator[tuple[Loc, str]]:
        """Yield the place of each placeholder without a value, and the message, with {} for the cell."""
        axes = self.setting.cell.scope
        databases = [_Use(slot, "databases", (self._database,), running=False) for slot in self.setting.definitions]
        found = [
            (at, name)
            for use in databases
            for at, name in self._placeholders(use)
            if name.startswith("matrix.") and name not in axes
        ]
        if found:  # the values of other placeholders are made of these
            yield from ((at, self._said(name, axes)) for at, name in found)
            return
        scopes = {slot: self.setting.scope(slot) for slot in self.setting.definitions}
        for use in dict.fromkeys(self._uses()):
            for at, name in self._placeholders(use):
                later = use.running and (name == "base_url" or name.startswith("saved."))
                later = later or (use.field == "llm" and (name in IN_CONVERSATIONS or name.startswith(OWN)))
                if not later and name not in scopes[use.slot]:
                    yield at, self._said(name, scopes[use.slot])

    @property
    def _database(self) -> str:
        return dict(self.setting.cell.axes).get("database", "")

    def _said(self, name: str, known: Mapping[str, str]) -> str:
        return f"the placeholder {{{{{name}}}}} has no value in {{}}{near(name, known)}"

    def _placeholders(self, use: _Use) -> Iterator[tuple[Loc, str]]:
        catalogued, label = self.catalogued, self.setting.definitions[use.slot].label
        at = origin(catalogued.product, label, use.field, as_image=self.setting.as_image)
        if at is None:
            return
        at = (*at, *use.inner)
        for inner, name in placeholders(child_at(catalogued.document.data, at)):
            if not use.keys or any(inner[1 : 1 + len(key)] == key for key in use.keys):
                yield (*at, *inner), name

    def _uses(self) -> Iterator[_Use]:
        scenario = self.setting.scenario
        if not any(step.step == "configure" for step in scenario.steps):
            yield _Use(scenario.versions[0], "configuration", ("environment",), running=False)
        for _, step, slot in _with_versions(scenario):
            yield from self._of_step(step, slot)

    def _of_step(self, step: Any, slot: Slot) -> Iterator[_Use]:
        kind = step.step
        if kind in {"ready", "watch", "refuse"}:
            yield _Use(slot, "health", ("expect", "json"))
        if kind in {"start", "refuse"}:
            yield from self._of_start(slot)
        if kind in ACTIONS:
            yield _Use(slot, ACTIONS[kind], keys=FILLED_IN)
        part, inners = PARTS.get(kind, ("", ()))
        yield from (_Use(slot, part, inner, running=False) for inner in inners)
        match kind:
            case "configure":
                yield _Use(step.version, "configuration", running=False)
            case "setup" | "upgrade" | "uninstall" | "backup" | "restore":
                yield from self._of_extra_steps(f"{kind}_steps", slot)
            case "converse":
                yield from self._of_conversations(step, slot)
            case "watch" if step.until == "unhealthy" and self.setting.has_database_server:
                yield _Use(slot, "without_database", keys=FILLED_IN)
            case "stop":
                yield from self._of_stop(step, slot)

    def _of_start(self, slot: Slot) -> Iterator[_Use]:
        yield _Use(slot, "start", running=False)
        if "service-manager" in KINDS[self.setting.cell.environment].capabilities:
            yield _Use(slot, "unit", running=False)

    def _of_extra_steps(self, field: str, slot: Slot) -> Iterator[_Use]:
        for number, extra in enumerate(getattr(self.setting.definitions[slot], field)):
            if extra.documented or self.setting.workarounds:
                yield _Use(slot, field, (number, "argv"), running=False)
                yield _Use(slot, field, (number, "directory"), running=False)

    def _of_conversations(self, step: ConverseStep, slot: Slot) -> Iterator[_Use]:
        yield _Use(slot, "llm", ("failure", "json"))
        for mode in step.modes:
            yield _Use(slot, "llm", ("modes", mode, "request"))
            yield _Use(slot, "llm", ("modes", mode, "expect", "json"))

    def _of_stop(self, step: StopStep, slot: Slot) -> Iterator[_Use]:
        way = render(step.way, self.setting.cell.scope)
        yield _Use(slot, "stop", (way, "request"))
        yield _Use(slot, "stop", (way, "expect", "json"))
        flight = self.setting.definitions[slot].in_flight
        if step.in_flight and flight is not None and (flight.lock is None or self.setting.has_database_server):
            yield from (_Use(slot, "in_flight", inner) for inner in (("request",), ("new_work",), ("expect", "json")))
            yield _Use(slot, "in_flight", ("read",), keys=FILLED_IN)

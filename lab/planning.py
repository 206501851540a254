"""What a run will do, as far as files and arguments decide it: scenario, versions, cells, settings, commands."""

import hashlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import paths
from lab.environment.base import Places
from lab.errors import UsageError
from lab.lifecycle.hook import hook_file
from lab.lifecycle.setting import Setting
from lab.product.actions import HookAction
from lab.product.catalog import Catalogued, Choice, choose, load_product
from lab.product.model import Definition, define
from lab.product.origin import GitSource, ImageSource, PackageSource, TreeSource, WheelSource
from lab.product.sources import LOCK_FILE, Artifact
from lab.scenario.load import Loaded, load_scenario
from lab.scenario.matrix import Cell, expand
from lab.scenario.model import HookStep, Slot, Timeouts
from lab.template import render
from lab.trial import Keep

VOLUMES = ("config", "data", "home", "tree", "venv")
"""Placeholders of the places that outlive a container."""
CAPABILITIES = {"docker": frozenset({"engine", "exit-code", "memory", "processes", "signals", "logs", "network"})}


@dataclass(frozen=True)
class Wish:
    """What the command line asked for."""

    scenario: str
    product: str | None = None
    old: str | None = None
    new: str | None = None
    environments: tuple[str, ...] = ()
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trials: int = 1
    workers: int = 1
    retries: int = 0
    keep: Keep = "never"
    no_skip: bool = False
    seed: int | None = None
    timeout_factor: float = 1.0
    host_port: int | None = None
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A run as far as files and arguments decide it."""

    wish: Wish
    loaded: Loaded
    catalogued: Catalogued
    choices: Mapping[Slot, Choice]
    definitions: Mapping[Slot, Definition]
    cells: tuple[Cell, ...]
    timeouts: Timeouts


def draft(wish: Wish) -> Draft:
    """Load, expand and choose; touches nothing but files.

    Raises UsageError and its kin.
    """
    loaded = load_scenario(wish.scenario)
    scenario = loaded.scenario
    catalogued = load_product(wish.product or scenario.product)
    as_image = scenario.source == "image"
    asked = {"from": wish.old or catalogued.product.release.old, "to": wish.new or catalogued.product.release.new}
    if wish.old and "from" not in scenario.versions:
        raise UsageError(f"{scenario.name} has no old version: --from says nothing to it", hint="use --to alone")
    choices = {slot: choose(catalogued, asked[slot], as_image=as_image) for slot in scenario.versions}
    definitions = {
        slot: define(catalogued.product, choice.label, as_image=as_image) for slot, choice in choices.items()
    }
    _check_files(definitions)
    _check_hooks(wish, loaded, catalogued, definitions)
    cells = expand(scenario, auto="docker", environments=wish.environments, chosen=wish.chosen)
    return Draft(
        wish,
        loaded,
        catalogued,
        choices,
        definitions,
        tuple(_skip_unsuitable(cell, scenario.requires, definitions) for cell in cells),
        _scaled(scenario.timeouts, wish.timeout_factor),
    )


def setting_of(
    draft: Draft, cell: Cell, artifacts: Mapping[Slot, Artifact], made_up: Mapping[str, str] | None = None
) -> Setting:
    """Return what a trial of this cell works with."""
    images = [source for choice in draft.choices.values() for source in [choice.source] if source.source == "image"]
    places = Places(data=images[0].data) if images else Places()
    return Setting(
        scenario=draft.loaded.scenario,
        cell=cell,
        definitions=draft.definitions,
        artifacts=artifacts,
        places=places,
        timeouts=draft.timeouts,
        secrets=made_up or {},
        product_folder=draft.catalogued.path.parent,
        scenario_folder=draft.loaded.path.parent,
        hook_folders=tuple(Path(folder).resolve() for folder in draft.wish.hooks),
    )


def plan_text(planned: Draft, artifacts: Mapping[Slot, Artifact]) -> str:
    """Return the numbered steps of every cell, and every command that will run."""
    from lab.lifecycle.steps import plan

    lines = []
    for cell in planned.cells:
        lines.append(f"{cell.id}" + (f"  (skipped: {cell.skip})" if cell.skip else ""))
        if cell.skip:
            continue
        known = {f"secret.{name}" for definition in planned.definitions.values() for name in definition.secrets}
        shown = {name.removeprefix("secret."): f"<{name.removeprefix('secret.')}>" for name in known}
        for number, (title, commands) in enumerate(plan(setting_of(planned, cell, artifacts, shown))):
            lines.append(f"  {number:2}. {title}")
            lines += [f"        {command}" for command in commands]
    return "\n".join(lines) + "\n"


def planned_artifacts(planned: Draft) -> dict[Slot, Artifact]:
    """Return stand-ins for artifacts, so that a plan can name what nobody has built yet."""
    return {slot: _stand_in(choice) for slot, choice in planned.choices.items()}


def _stand_in(choice: Choice) -> Artifact:
    source, origin = choice.source, describe_source(choice)
    match source:
        case ImageSource():
            return Artifact("image", choice.label, "", origin)
        case PackageSource(requirement=requirement):
            return Artifact("package", choice.label, "", origin, requirement=requirement)
        case WheelSource(path=path):
            return Artifact("wheel", choice.label, "DIGEST", origin, Path(path or "WHEEL"))
        case TreeSource(path=path):
            has_lock = (Path(path) / LOCK_FILE).is_file()
            return Artifact("tree", choice.label, "", origin, Path(path), lock=LOCK_FILE if has_lock else "")
        case GitSource():
            return Artifact("tree", choice.label, "", origin)


def describe_source(choice: Choice) -> str:
    """Return what a person would call a version's source."""
    told = choice.source.model_dump(exclude_none=True, exclude={"source", "data", "user"})
    built = told.pop("build", [])
    return f"{choice.source.source} " + " ".join([*map(str, told.values()), *(Path(layer).name for layer in built)])


def repeat_command(wish: Wish, seed: int) -> str:
    """Return the command line that does the same again."""
    words = ["lab", "run", wish.scenario]
    for option, value in (("--product", wish.product), ("--from", wish.old), ("--to", wish.new)):
        words += [option, value] if value else []
    for name in wish.environments:
        words += ["--env", name]
    for axis, values in wish.chosen.items():
        words += ["--set", f"{axis}={','.join(values)}"]
    for option, number, default in (
        ("--trials", wish.trials, 1),
        ("--workers", wish.workers, None),  # its default depends on the machine
        ("--retry", wish.retries, 0),
        ("--timeout-factor", wish.timeout_factor, 1.0),
        ("--port", wish.host_port, None),
    ):
        words += [option, str(number)] if number != default else []
    for folder in wish.hooks:
        words += ["--hooks", folder]
    words += ["--no-skip"] if wish.no_skip else []
    words += ["--keep", wish.keep] if wish.keep != "never" else []
    return shlex.join([_program(), *words[1:], "--seed", str(seed)])


def make_up(names: Sequence[str], seed: int) -> dict[str, str]:
    """Return the run's secret values: the same for the same seed."""
    return {name: f"lab-{hashlib.sha256(f'{seed} {name}'.encode()).hexdigest()[:32]}" for name in names}


def _check_files(definitions: Mapping[Slot, Definition]) -> None:
    """Raise UsageError for a configuration file that no volume of a trial would hold."""
    for found in definitions.values():
        for file in found.configuration.files:
            place = next((name for name in VOLUMES if file.path.startswith(f"{{{name}}}/")), None)
            if place is None or ".." in Path(file.path).parts:
                known = ", ".join(f"{{{name}}}/" for name in VOLUMES)
                raise UsageError(
                    f"{found.product} {found.label}: the configuration file '{file.path}' lies outside the product's "
                    f"places",
                    hint=f"begin its path with one of {known}",
                )


def _check_hooks(wish: Wish, loaded: Loaded, catalogued: Catalogued, definitions: Mapping[Slot, Definition]) -> None:
    """Raise UsageError for a hook that is not there or may not run, before anything is made for it."""
    allowed = [Path(folder).resolve() for folder in wish.hooks]
    for step in loaded.scenario.steps:
        if isinstance(step, HookStep):
            hook_file(step.call, loaded.path.parent, allowed)
    for found in definitions.values():
        for action in (*found.seed, *found.read, *found.prove_configuration):
            if isinstance(action, HookAction):
                hook_file(action.call, catalogued.path.parent, allowed)


def _skip_unsuitable(cell: Cell, requires: Sequence[str], definitions: Mapping[Slot, Definition]) -> Cell:
    """Give a cell whose requirements are not met the reason why it does not run."""
    if cell.skip:
        return cell
    for wanted in render(list(requires), cell.scope):
        if wanted in CAPABILITIES[cell.environment]:
            continue
        for slot, definition in definitions.items():
            if wanted not in definition.features:
                reason = f"{definition.product} {definition.label} ({slot}) declares no '{wanted}'"
                return Cell(cell.scenario, cell.environment, cell.platform, cell.axes, reason)
    return cell


def _scaled(timeouts: Timeouts, factor: float) -> Timeouts:
    return Timeouts(**{name: value * factor for name, value in timeouts.model_dump().items()})


def _program() -> str:
    """Return how this lab is called from where the user stands."""
    program = Path(sys.prefix) / "bin" / "lab"
    for base in (Path.cwd(), paths.CHECKOUT):
        if program.is_relative_to(base):
            return str(program.relative_to(base)) if base == Path.cwd() else str(program)
    return str(program)

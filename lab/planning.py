"""What a run will do, as far as files and arguments decide it: scenario, versions, cells, settings, commands."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.axes import check_axes, program_of
from lab.environment.containers import engine
from lab.environment.images.platforms import platform_named
from lab.environment.kinds import KINDS
from lab.environment.remote.inventory import Host
from lab.errors import UsageError
from lab.lifecycle.setting import DATABASE_SECRET, Setting
from lab.product.catalog import Catalogued, Choice, choose, load_product
from lab.product.definition import Definition, define
from lab.product.origin import GitSource, ImageSource, PackageSource, TreeSource, WheelSource
from lab.product.sources import LOCK_FILE, Artifact
from lab.rehearsal import check_conversations, check_extra_steps, check_hooks, check_values, check_ways
from lab.scenario.checks import Check, DurationsCheck, RefusalCheck
from lab.scenario.load import Loaded, load_scenario
from lab.scenario.matrix import Cell, expand
from lab.scenario.model import Scenario, Timeouts
from lab.scenario.steps import RefuseStep, Slot
from lab.strict import DAY
from lab.suitability import applies, auto_kind, own_platforms, skip_unsuitable, without_pair
from lab.wish import HOST, Wish
from lab.yamlfile import blamed_on

NO_INVENTORY = "no-inventory"
"""Stands for the machines of an inventory where none was named."""
OTHER_PORTS = range(18880, 18890)
"""Ports for products that are to listen on another one than their own."""


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
    machines: Mapping[str, Host] = field(default_factory=dict)

    @property
    def auto(self) -> str:
        """What `auto` means here and why; empty where no cell was asked for by that name."""
        if "auto" not in (self.wish.environments or self.loaded.scenario.matrix.environment):
            return ""
        return f"auto is {auto_kind()} here: {engine.missing() or 'a container engine answers'}"


def draft(wish: Wish) -> Draft:
    """Load, expand and choose; touches nothing but files.

    Raises UsageError and its kin.
    """
    loaded = load_scenario(wish.scenario)
    scenario = _patient(loaded.scenario, wish.budget_factor)
    loaded = replace(loaded, scenario=scenario)
    with blamed_on(loaded.document, ("product",)) if wish.product is None else nullcontext():
        catalogued = load_product(wish.product or scenario.product)
    as_image = scenario.source == "image"
    usual = catalogued.product.pair(scenario.pair)
    asked = {"from": wish.old or usual[0], "to": wish.new or usual[1]}
    if wish.old and "from" not in scenario.versions:
        raise UsageError(f"{scenario.name} has no old version: --from says nothing to it", hint="use --to alone")
    choices = {slot: choose(catalogued, asked[slot], as_image=as_image) for slot in scenario.versions}
    definitions = {
        slot: define(catalogued.product, choice.label, as_image=as_image) for slot, choice in choices.items()
    }
    if wish.budget_factor != 1:
        definitions = {slot: _unhurried(found, wish.budget_factor) for slot, found in definitions.items()}
    if scenario.converses and not as_image:
        extras = {slot: found.llm.extra or "" for slot, found in definitions.items() if found.llm}
        choices = {slot: replace(choice, extra=extras.get(slot, "")) for slot, choice in choices.items()}
    check_hooks(loaded, catalogued, definitions, wish.hooks)
    check_axes(loaded, wish.chosen)
    if as_image:
        check_extra_steps(catalogued, definitions)
    machines = wish.machines
    if machines and HOST not in (wish.environments or scenario.matrix.environment):
        raise UsageError("--inventory says nothing to these environments", hint=f"add --env {HOST}")
    own = {**own_platforms(), HOST: list(machines) or [NO_INVENTORY]}
    cells = [
        skip_unsuitable(cell, scenario, definitions, wish)
        for cell in expand(scenario, auto=auto_kind, own=own, environments=wish.environments, chosen=wish.chosen)
        if applies(cell, scenario.applies, definitions)
    ]
    if no_pair := without_pair(scenario, definitions, wish):
        cells = [replace(cell, skip=cell.skip or no_pair) for cell in cells]
    timeouts = _scaled(scenario.timeouts, wish.timeout_factor)
    drafted = Draft(wish, loaded, catalogued, choices, definitions, tuple(cells), timeouts, machines)
    stand_ins = dict.fromkeys(secret_names(definitions), "")
    settings = [setting_of(drafted, cell, {}, stand_ins) for cell in cells if not cell.skip]
    if settings:
        check_ways(loaded, definitions)
        check_conversations(loaded, definitions)
    with blamed_on(loaded.document, ("matrix", "platform")) if "platform" not in wish.chosen else nullcontext():
        for setting in settings:
            if not KINDS[setting.cell.environment].own_platform:
                platform_named(setting.cell.platform, setting.platform_image)
    check_values(catalogued, settings)
    return drafted


def setting_of(
    draft: Draft, cell: Cell, artifacts: Mapping[Slot, Artifact], made_up: Mapping[str, str] | None = None
) -> Setting:
    """Return what a trial of this cell works with."""
    images = [source for choice in draft.choices.values() for source in [choice.source] if source.source == "image"]
    bindings = KINDS[cell.environment].bindings
    if images:
        bindings = replace(bindings, places=replace(bindings.places, data=images[0].data))
    if dict(cell.axes).get("port") == "other":
        bindings = replace(bindings, port=_other_port(draft.definitions))
    bindings = replace(bindings, places=replace(bindings.places, program=program_of(cell, draft.definitions)))
    brought = draft.wish.brought
    python = brought.interpreter(cell)
    if python is not None:
        here = KINDS[cell.environment].own_platform
        bindings = replace(bindings, python=str(python.executable(here=here)))
    return Setting(
        scenario=draft.loaded.scenario,
        cell=cell,
        definitions=draft.definitions,
        artifacts=artifacts,
        bindings=bindings,
        timeouts=draft.timeouts,
        secrets=made_up or {},
        product_folder=draft.catalogued.path.parent,
        scenario_folder=draft.loaded.path.parent,
        hook_folders=tuple(Path(folder).resolve() for folder in draft.wish.hooks),
        interpreter=python,
        host=draft.machines.get(cell.platform) if cell.environment == HOST else None,
        platform_image="" if KINDS[cell.environment].own_platform else brought.images.get(cell.platform, ""),
    )


def _other_port(definitions: Mapping[Slot, Definition]) -> int:
    """Return a port that no version names as its own, the same in every run."""
    named = {definition.port for definition in definitions.values()}
    return next(port for port in OTHER_PORTS if port not in named)


def needs_engine(planned: Draft) -> bool:
    """Whether a container engine is needed: by a cell that will run, or because without one none will."""
    running = [cell for cell in planned.cells if not cell.skip]
    return any(KINDS[cell.environment].needs_engine for cell in running or planned.cells)


def plan_text(planned: Draft, artifacts: Mapping[Slot, Artifact]) -> str:
    """Return the numbered steps of every cell, and every command that will run."""
    from lab.lifecycle.plan import plan

    lines = [planned.auto] if planned.auto else []
    for cell in planned.cells:
        lines.append(f"{cell.id}" + (f"  (skipped: {cell.skip})" if cell.skip else ""))
        if cell.skip:
            continue
        shown = {name: f"<{name}>" for name in secret_names(planned.definitions)}
        for number, (title, commands) in enumerate(plan(setting_of(planned, cell, artifacts, shown))):
            lines.append(f"  {number:2}. {title}")
            lines += [f"        {command}" for command in commands]
    return "\n".join(lines) + "\n"


def planned_artifacts(planned: Draft) -> dict[Slot, Artifact]:
    """Return stand-ins for artifacts, so that a plan can name what nobody has built yet."""
    return {slot: _stand_in(choice) for slot, choice in planned.choices.items()}


def _stand_in(choice: Choice) -> Artifact:
    return replace(_unmade(choice), extra=choice.extra)


def _unmade(choice: Choice) -> Artifact:
    source, origin = choice.source, describe_source(choice)
    match source:
        case ImageSource():
            return Artifact("image", choice.label, "", origin)
        case PackageSource(requirement=requirement):
            return Artifact("package", choice.label, "", origin, requirement=requirement)
        case WheelSource(path=path):
            return Artifact("wheel", choice.label, "DIGEST", origin, Path(path or "WHEEL"))
        case TreeSource(path=path):
            has_lock = path is not None and (Path(path) / LOCK_FILE).is_file()
            return Artifact("tree", choice.label, "", origin, Path(path or "TREE"), lock=LOCK_FILE if has_lock else "")
        case GitSource():
            return Artifact("tree", choice.label, "", origin)


def describe_source(choice: Choice) -> str:
    """Return what a person would call a version's source."""
    told = choice.source.model_dump(exclude_none=True, exclude={"source", "data", "user"})
    built = told.pop("build", [])
    return f"{choice.source.source} " + " ".join([*map(str, told.values()), *(Path(layer).name for layer in built)])


def secret_names(definitions: Mapping[Slot, Definition]) -> list[str]:
    """Return the names of all secrets that a run makes up: those of the definitions, and the database's password."""
    return sorted({DATABASE_SECRET, *(name for found in definitions.values() for name in found.secrets)})


def make_up(names: Sequence[str], seed: int) -> dict[str, str]:
    """Return the run's secret values, of letters and digits alone: the same for the same seed."""
    return {name: f"lab{hashlib.sha256(f'{seed} {name}'.encode()).hexdigest()[:32]}" for name in names}


def _patient(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with its budgets of time multiplied, and each refusal watched for as long as it may take."""
    if factor == 1:
        return scenario
    checks: list[Check] = []
    for check in scenario.checks:
        if isinstance(check, DurationsCheck):
            told = check.model_dump(exclude_none=True, exclude={"check"})
            checks.append(check.model_copy(update={name: seconds * factor for name, seconds in told.items()}))
        elif isinstance(check, RefusalCheck):
            checks.append(check.model_copy(update={"within": check.within * factor}))
        else:
            checks.append(check)
    within = max((check.within for check in checks if isinstance(check, RefusalCheck)), default=0)
    steps = [
        step.model_copy(update={"seconds": max(step.seconds, within)})
        if isinstance(step, RefuseStep) and step.because != "database-stopped"  # there it may wait, and never end
        else step
        for step in scenario.steps
    ]
    return scenario.model_copy(update={"checks": checks, "steps": steps})


def _unhurried(found: Definition, factor: float) -> Definition:
    """Return a definition with its budget for conversations multiplied."""
    if found.llm is None:
        return found
    return found.model_copy(update={"llm": found.llm.model_copy(update={"budget": found.llm.budget * factor})})


def _scaled(timeouts: Timeouts, factor: float) -> Timeouts:
    scaled = {name: value * factor for name, value in timeouts.model_dump().items()}
    for name, seconds in scaled.items():
        if not 0 < seconds <= DAY:
            raise UsageError(
                f"--timeout-factor {factor:g} makes the time-out '{name}' {seconds:g} s",
                hint=f"it is {seconds / factor:g} s in the scenario, and may be {DAY} s at most",
            )
    return Timeouts(**scaled)

"""What a plan says of every step: its title, and the commands and requests that it will run."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.environment.containers.recipe import planned_seal
from lab.environment.kinds import KINDS, Kind
from lab.environment.places import Places
from lab.lifecycle.actions import describe
from lab.lifecycle.backup import copied
from lab.lifecycle.install import extra_steps, install_commands, lock_left_out
from lab.lifecycle.llm_cases import cases, nothing_held, untried
from lab.lifecycle.setting import Setting
from lab.lifecycle.uninstall import removal
from lab.product.actions import Action
from lab.product.definition import Definition
from lab.product.upkeep import ExtraStep
from lab.scenario.steps import Slot
from lab.template import render

Lines = tuple[str, list[str]]


@dataclass(frozen=True)
class _Place:
    """Where in the scenario a step stands: which version is installed then."""

    setting: Setting
    slot: Slot

    @property
    def definition(self) -> Definition:
        return self.setting.definitions[self.slot]

    @property
    def kind(self) -> Kind:
        return KINDS[self.setting.cell.environment]

    @property
    def scope(self) -> dict[str, str]:
        return self.setting.scope(self.slot)

    @property
    def name(self) -> str:
        return f"{self.definition.product} {self.definition.label}"


def plan(setting: Setting) -> list[Lines]:
    """Return each step's title and the commands and requests that it will run."""
    kind = KINDS[setting.cell.environment]
    made = kind.made(setting.cell.platform, setting.scenario.limits, setting.has_database_server)
    if setting.sealed:
        made = [*made, *planned_seal(kind.guarded)]
    lines: list[Lines] = [("prepare the environment", made)]
    slot: Slot = setting.scenario.versions[0]
    for step in setting.scenario.steps:
        slot = getattr(step, "version", slot)
        lines.append(_TELL[step.step](_Place(setting, slot), step))
    return [*lines, ("collect logs and states", [kind.read]), ("destroy the environment", [kind.ended])]


def _install(at: _Place, step: Any) -> Lines:
    upgrade = step.step != "install"
    commands = [shlex.join(command.argv) for command in install_commands(at.setting, at.slot, upgrade=upgrade)]
    if step.step == "upgrade":
        commands += _extra(at, at.definition.upgrade_steps)
    verb = {"upgrade": "upgrade to", "downgrade": "go back to", "reinstall": "install again"}.get(step.step, "install")
    left_out = lock_left_out(at.setting, at.slot)
    title = f"{verb} {at.name} from {at.setting.artifacts[at.slot].origin}"
    return f"{title}; {left_out}" if left_out else title, commands


def _configure(at: _Place, _step: Any) -> Lines:
    configuration = at.definition.configuration
    files = [f"write {render(file.path, at.scope)} ({file.mode})" for file in configuration.files]
    return f"configure as {at.name} asks", [*files, *(f"set {key}" for key in configuration.environment)]


def _setup(at: _Place, _step: Any) -> Lines:
    return "set up", _extra(at, at.definition.setup_steps)


def _extra(at: _Place, steps: list[ExtraStep]) -> list[str]:
    return [shlex.join(render(step.argv, at.scope)) for step in extra_steps(at.setting, steps)]


def _start(at: _Place, step: Any) -> Lines:
    argv = render(at.definition.start.argv, at.scope)
    under = ", below an init" if step.under_init else ""
    return f"start {at.name}{under}", [at.kind.started(argv, at.setting.port(at.slot), at.setting.scenario.limits)]


def _ready(at: _Place, step: Any) -> Lines:
    path = at.definition.health.path if at.definition.health else "(no health endpoint)"
    window = at.setting.timeouts.ready
    return f"ready: {step.consecutive} good answers in a row within {window:g} s", [f"GET {path}"]


def _inspect(at: _Place, _step: Any) -> Lines:
    wanted = at.definition.prove_version
    return "inspect version, API, configuration, memory", [
        *([f"GET {wanted.http.path}"] if wanted.http else []),
        *([shlex.join(render(wanted.command.argv, at.scope))] if wanted.command else []),
        *([f"importlib.metadata.distribution({wanted.metadata!r})"] if wanted.metadata else []),
        *([f"GET {at.definition.openapi}"] if at.definition.openapi else []),
        *_shown(at.definition.prove_configuration, at.scope),
        at.kind.measured,
    ]


def _items(verb: str, pick: Callable[[Definition], list[Action]]) -> Callable[[_Place, Any], Lines]:
    def tell(at: _Place, _step: Any) -> Lines:
        actions = pick(at.definition)
        return f"{verb} {len(actions)} items", _shown(actions, at.scope)

    return tell


def _ledger(at: _Place, _step: Any) -> Lines:
    scope = at.scope
    return "ledger of all rows", [scope.get("database.path") or scope.get("database.host") or "(no database)"]


def _stop(at: _Place, step: Any) -> Lines:
    name = render(step.way, at.setting.cell.scope)
    way = at.definition.stop.get(name)
    if way is None:
        return f"stop by {name} (not declared)", []
    by_command = "systemctl stop" if way.service else "docker stop"
    asked = f"{way.request.method} {way.request.path}" if way.request else by_command
    flight = at.definition.in_flight
    lines = [f"in flight: {flight.request.method} {flight.request.path}"] if step.in_flight and flight else []
    return f"stop by {name} within {way.budget:g} s", [*lines, way.signal or asked]


def _watch(at: _Place, step: Any) -> Lines:
    asked = [f"GET {at.definition.health.path}"] if at.definition.health else []
    also = _shown(at.definition.without_database, at.scope) if step.until == "unhealthy" else []
    return f"watch until {step.until}, for {step.seconds:g} s at most", [*asked, *also]


def _refuse(at: _Place, step: Any) -> Lines:
    cases = at.setting.required_settings(at.slot) if step.because == "missing-setting" else [step.because]
    return f"refuse to start, watched for {step.seconds:g} s", [f"start under: {case}" for case in cases]


def _suite(at: _Place, _step: Any) -> Lines:
    wanted = at.definition.suite
    if wanted is None or at.setting.as_image:
        return "run the product's own tests (not declared)", []
    commands = [shlex.join(render(argv, at.scope)) for argv in [*wanted.install, wanted.argv]]
    window = at.setting.timeouts.suite
    return f"run the product's own tests, for {window:g} s at most", [
        *commands,
        f"read {render(wanted.junit, at.scope)}",
    ]


def _searched(places: Places) -> list[str]:
    return [f"read every file below {folder}" for folder in (places.home, places.data, places.config)]


def _kill(at: _Place, _step: Any) -> Lines:
    flight = at.definition.in_flight
    return "kill", [*([f"{flight.request.method} {flight.request.path}"] if flight else []), "SIGKILL"]


def _copy(at: _Place, step: Any) -> Lines:
    wanted = at.definition.backup_steps if step.step == "backup" else at.definition.restore_steps
    return f"{step.step} at rest", _extra(at, wanted) or copied(at.setting, at.slot, step.step)


def _uninstall(at: _Place, _step: Any) -> Lines:
    deleted = [shlex.join(command.argv) for command in removal(at.setting, at.slot)]
    return f"uninstall {at.name}", [*_extra(at, at.definition.uninstall_steps), *deleted]


def _converse(at: _Place, step: Any) -> Lines:
    use = at.definition.llm
    if use is None:
        return "converse (no models declared)", []
    wanted, left_out = cases(use, step, 0), untried(use, step)
    if not wanted:
        return f"converse ({nothing_held(use, step)})", []
    said = f"hold {len(wanted)} conversations with models, {step.at_once} at a time, {use.budget:g} s each at most"
    asked = {case.mode: use.modes[case.mode].request for case in wanted}
    lines = [f"{request.method} {request.path}  # {mode}" for mode, request in asked.items()]
    faults = dict.fromkeys(case.fault for case in wanted if case.fault is not None)
    without = (f"without the fault {each['fault']}: {each['reason']}" for each in left_out)
    return said, [*lines, *(f"fault: {fault}" for fault in faults), *without]


def _shown(actions: list[Action], scope: dict[str, str]) -> list[str]:
    later = _Later(scope)
    return [f"{render(describe(action), later)}  # {action.name}" for action in actions]


class _Later(dict[str, str]):
    """A scope in which names that only a run can know stay as they are written."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"

    def __contains__(self, name: object) -> bool:
        return True


_TELL: dict[str, Callable[[_Place, Any], Lines]] = {
    "install": _install,
    "upgrade": _install,
    "configure": _configure,
    "setup": _setup,
    "start": _start,
    "ready": _ready,
    "inspect": _inspect,
    "seed": _items("seed", lambda definition: definition.seed),
    "verify": _items("verify", lambda definition: definition.read),
    "exercise": _items("exercise", lambda definition: definition.exercise),
    "ledger": _ledger,
    "stop": _stop,
    "stop-database": lambda _at, _step: ("stop the database server", ["pg_ctl stop"]),
    "start-database": lambda _at, _step: ("start the database server", ["pg_ctl start"]),
    "watch": _watch,
    "refuse": _refuse,
    "suite": _suite,
    "restart": lambda _at, step: (f"restart by the service manager, within {step.seconds:g} s", ["systemctl restart"]),
    "reboot": lambda _at, step: (f"reboot the machine, going down within {step.seconds:g} s", ["docker restart"]),
    "search": lambda at, _step: ("search for the host's network settings", [*_searched(at.setting.places)]),
    "survey": lambda _at, _step: ("survey files, accounts, units, ports, processes", []),
    "kill": _kill,
    "backup": _copy,
    "restore": _copy,
    "downgrade": _install,
    "reinstall": _install,
    "uninstall": _uninstall,
    "converse": _converse,
    "hook": lambda _at, step: (f"hook {step.call}", []),
}

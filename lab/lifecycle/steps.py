"""Every kind of step: how it runs, and what a plan says of it."""

import shlex
from collections.abc import Callable
from typing import Any

from lab.environment.recipe import planned, planned_start
from lab.history import StepFailedError
from lab.lifecycle.actions import describe
from lab.lifecycle.configure import configure
from lab.lifecycle.data import ledger, seed, verify
from lab.lifecycle.hook import call_hook
from lab.lifecycle.inspect import inspect
from lab.lifecycle.install import install, install_commands, upgrade
from lab.lifecycle.setting import Session, Setting
from lab.lifecycle.start import ready, start
from lab.lifecycle.stop import stop
from lab.product.actions import Action
from lab.product.model import Definition
from lab.scenario.model import (
    ConfigureStep,
    HookStep,
    InstallStep,
    ReadyStep,
    Slot,
    Step,
    StopStep,
    UpgradeStep,
)
from lab.template import render


def hook(session: Session, step: HookStep, facts: dict[str, Any]) -> None:
    """Call a hook of the scenario's.

    Raises StepFailedError when an assertion in it fails.
    """
    found, problem = call_hook(session, step.call, step.arguments, session.setting.scenario_folder)
    facts |= found
    if problem:
        raise StepFailedError(problem)


RUN: dict[str, Callable[[Session, Any, dict[str, Any]], None]] = {
    "install": install,
    "configure": configure,
    "start": start,
    "ready": ready,
    "inspect": inspect,
    "seed": seed,
    "verify": verify,
    "ledger": ledger,
    "stop": stop,
    "upgrade": upgrade,
    "hook": hook,
}


def plan(setting: Setting) -> list[tuple[str, list[str]]]:
    """Return each step's title and the commands and requests that it will run."""
    made = planned(setting.cell.platform, setting.scenario.limits)
    lines: list[tuple[str, list[str]]] = [("prepare the environment", made)]
    slot: Slot = setting.scenario.versions[0]
    for step in setting.scenario.steps:
        slot = getattr(step, "version", slot)
        lines.append(_plan_step(setting, step, slot))
    end = (
        "destroy the environment",
        ["docker rm --force, docker network rm, docker volume rm: all that carries the run's label"],
    )
    return [*lines, ("collect logs and states", ["docker logs, docker inspect: every container"]), end]


def _plan_step(setting: Setting, step: Step, slot: Slot) -> tuple[str, list[str]]:
    definition, scope = setting.definitions[slot], setting.scope(slot)
    name = f"{definition.product} {definition.label}"
    match step:
        case InstallStep() | UpgradeStep():
            artifact = setting.artifacts[slot]
            commands = [
                shlex.join(c.argv) for c in install_commands(setting, slot, upgrade=isinstance(step, UpgradeStep))
            ]
            if isinstance(step, UpgradeStep):
                commands += [shlex.join(render(action.argv, scope)) for action in definition.upgrade_steps]
            verb = "upgrade to" if isinstance(step, UpgradeStep) else "install"
            return f"{verb} {name} from {artifact.origin}", commands
        case ConfigureStep():
            files = [f"write {render(file.path, scope)} ({file.mode})" for file in definition.configuration.files]
            return f"configure as {name} asks", [
                *files,
                *(f"set {key}" for key in definition.configuration.environment),
            ]
        case ReadyStep():
            path = definition.health.path if definition.health else "(no health endpoint)"
            return f"ready: {step.consecutive} good answers in a row within {setting.timeouts.ready:g} s", [
                f"GET {path}"
            ]
        case StopStep():
            return _plan_stop(setting, step, definition)
        case HookStep():
            return f"hook {step.call}", []
    argv = render(definition.start.argv, scope)
    return {
        "start": (f"start {name}", [planned_start(argv, definition.port, setting.scenario.limits)]),
        "inspect": ("inspect version, API, configuration, memory", _plan_inspect(definition, scope)),
        "seed": (f"seed {len(definition.seed)} items", _shown(definition.seed, scope)),
        "verify": (f"verify {len(definition.read)} items", _shown(definition.read, scope)),
        "ledger": ("ledger of all rows", [scope.get("database.path", "(no database)")]),
    }[step.step]


def _plan_inspect(definition: Definition, scope: dict[str, str]) -> list[str]:
    wanted = definition.prove_version
    return [
        *([f"GET {wanted.http.path}"] if wanted.http else []),
        *([shlex.join(render(wanted.command.argv, scope))] if wanted.command else []),
        *([f"importlib.metadata.distribution({wanted.metadata!r})"] if wanted.metadata else []),
        *([f"GET {definition.openapi}"] if definition.openapi else []),
        *_shown(definition.prove_configuration, scope),
        "docker stats, docker top",
    ]


def _plan_stop(setting: Setting, step: StopStep, definition: Definition) -> tuple[str, list[str]]:
    name = render(step.way, setting.cell.scope)
    way = definition.stop.get(name)
    if way is None:
        return f"stop by {name} (not declared)", []
    asked = f"{way.request.method} {way.request.path}" if way.request else "docker stop"
    how = way.signal or asked
    flight = definition.in_flight
    lines = [f"in flight: {flight.request.method} {flight.request.path}"] if step.in_flight and flight else []
    return f"stop by {name} within {way.budget:g} s", [*lines, how]


def _shown(actions: list[Action], scope: dict[str, str]) -> list[str]:
    later = _Later(scope)
    return [f"{render(describe(action), later)}  # {action.name}" for action in actions]


class _Later(dict[str, str]):
    """A scope in which names that only a run can know stay as they are written."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"

    def __contains__(self, name: object) -> bool:
        return True

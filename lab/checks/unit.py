"""Does the product's systemd unit come up, stay up, end well, and come back with the machine?"""

from collections.abc import Iterator, Sequence
from typing import Any

from lab.checks.base import failed, first_line, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import UnitCheck

UP = ("ready", "restart", "reboot")
"""Steps after which the unit must be up, besides those that start and stop it."""


def unit(history: History, _check: UnitCheck) -> list[Finding]:
    """Judge the unit at each start that failed, whenever it must be up, and at each stop."""
    found = []
    prepared = next(iter(history.of_kind("prepare")), None)
    known = prepared.facts.get("boot", {}).get("failed_units", []) if prepared else []
    for step in history.of_kind("start", *UP, "stop"):
        if step.outcome == "skipped":
            continue
        if step.kind == "start":
            found += [failed(step, first_line(step.reason))] if step.outcome == "failed" else []
            continue
        state = step.facts.get("after" if step.kind == "stop" else "state")
        if state is None:
            continue  # nothing was seen then: the step says why
        if "unit" not in state:
            found.append(unknown(step, "the product does not run as a systemd unit here"))
            continue
        broken = list(_at_stop(step, state["unit"]) if step.kind == "stop" else _up(step, state["unit"], known))
        told = state["unit"]
        well = f"{told['active_state']} ({told['sub_state']}), result {told['result']}, no restart"
        found += [failed(step, reason) for reason in broken] or [passed(step, well)]
    return found


def _up(step: StepRecord, told: dict[str, Any], known: Sequence[str]) -> Iterator[str]:
    """Say what is wrong with a unit that has to be up; `known` are units that failed before anything was installed."""
    yield from _restarts(told)
    if told["active_state"] != "active" and told["sub_state"] != "auto-restart":
        yield f"the unit is {told['active_state']}, {_ended(told)}"
    machine = step.facts.get("machine", {})
    said = [line for line in machine.get("words", []) if "Failed with result" in line]
    if said:
        yield f"while the machine went down, systemd said: {said[-1]}"
    others = [name for name in machine.get("failed_units", []) if name not in known]
    if others and told["active_state"] == "active":
        yield f"with the machine came up units that failed: {', '.join(others)}"
    if machine and told["enabled"] not in {"enabled", "enabled-runtime", "static", "generated"}:
        yield f"the unit does not come up with the machine: it is {told['enabled'] or 'not installed'}"


def _at_stop(step: StepRecord, told: dict[str, Any]) -> Iterator[str]:
    yield from _restarts(told)
    if told["sub_state"] == "auto-restart":
        return
    if step.facts.get("killed"):
        yield f"it had to be killed after {step.facts['seconds']:.1f} s"
    elif told["result"] != "success" or told["active_state"] == "failed":
        yield f"systemd calls its end a failure: {_ended(told)}"


def _restarts(told: dict[str, Any]) -> Iterator[str]:
    if told["n_restarts"]:
        yield f"systemd restarted it {told['n_restarts']} times, {_ended(told)}"
    elif told["sub_state"] == "auto-restart":
        yield f"systemd is about to start it again, {_ended(told)}"


def _ended(told: dict[str, Any]) -> str:
    how = {1: "exit code", 2: "signal", 3: "signal, with a core,"}.get(told["exec_main_code"])
    last = f"; its process ended with {how} {told['exec_main_status']}" if how else ""
    return f"result '{told['result']}'{last}"

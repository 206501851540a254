"""Did anything ask for a way out of the sealed network that it may not ask for?"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import Allowance, EgressCheck

WATCHED = frozenset({"names", "addresses"})
"""What must have been watched: a product that asks for no name may know an address."""
AFTERWARDS = "asked"
"""The event that tells what was asked for after the last step had been written down."""


def egress(history: History, check: EgressCheck) -> list[Finding]:
    """Judge all that was asked for, step by step."""
    prepared = next((step for step in history.of_kind("prepare") if "network" in step.facts), None)
    if prepared is None:
        return []
    network = prepared.facts["network"]
    missing = sorted(WATCHED - set(network.get("observed", [])))
    if missing:
        told = "; ".join(map(str, network.get("problems", {}).values()))
        return [unknown(prepared, f"nobody watched which {' and '.join(missing)} were asked for{told and f': {told}'}")]
    found: list[Finding] = []
    allowed: dict[str, str] = {}
    for step, asked in _told(history):
        if asked is None:
            why = step.facts.get("asked_problem", "it is not in the record")
            found.append(unknown(step, f"what was asked for during this step is not known: {why}"))
            continue
        for line in asked:
            may = _allowance(line, check.allow)
            if may is None:
                found.append(failed(step, _say(line)))
            elif may:
                allowed[may] = str(line.get("name") or line.get("address"))
    if not found:
        seen = "".join(f"; {name} was asked for, which is allowed: {why}" for why, name in sorted(allowed.items()))
        return [passed(history.steps[-1], f"nothing outside was asked for{seen}")]
    return _without_repetitions(found)


def _told(history: History) -> Iterator[tuple[StepRecord, Sequence[dict[str, Any]] | None]]:
    """Return each step and what was asked for in it, None where that cannot be told."""
    steps = [step for step in history.of_kind(*{step.kind for step in history.steps}) if step.kind != "prepare"]
    for step in steps:
        yield step, step.facts.get("asked")
    for event in history.events:
        if event["event"] == AFTERWARDS and steps:
            yield steps[-1], event["asked"]


def _allowance(line: dict[str, Any], allow: Sequence[Allowance]) -> str | None:
    """Return why something may be asked for: empty for the trial's own names, None if it may not."""
    if line.get("known"):
        return ""
    target = str(line.get("name") or line.get("address") or "")
    return next((each.reason for each in allow if fnmatchcase(target, each.name.lower())), None)


def _say(line: dict[str, Any]) -> str:
    by = f"the {line.get('by', 'product')}"
    match line.get("asked"):
        case "name":
            return f"{by} asked for the name {line['name']}"
        case "address":
            port = f" port {line['port']}" if line.get("port") else ""
            return f"{by} tried to reach {line['address']}{port} ({line['protocol']})"
        case _:
            return f"{by} asked for more than could be written down"


def _without_repetitions(found: Sequence[Finding]) -> list[Finding]:
    return list({(finding.verdict, finding.step, finding.reason): finding for finding in found}.values())

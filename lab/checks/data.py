"""Does what was seeded, and what was acknowledged, read back the same?"""

from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.jsonpath import same
from lab.records.model import Finding
from lab.scenario.checks import DataCheck


def data(history: History, _check: DataCheck) -> list[Finding]:
    """Judge each seed and verify step; every later reading is compared with the first."""
    found = []
    for step in history.of_kind("seed"):
        problems = _problems(step.facts.get("actions", []))
        if problems:
            found.append(failed(step, f"seeding failed: {'; '.join(problems)}"))
    first: StepRecord | None = None
    for step in history.of_kind("verify"):
        if "reads" in step.facts:
            first = first or step
            found += _reading(step, first)
        elif step.outcome != "skipped":
            found.append(unknown(step, "it was not recorded what was read back"))
    return found


def _reading(step: StepRecord, first: StepRecord) -> list[Finding]:
    reads, acknowledged = step.facts["reads"], step.facts.get("acknowledged", [])
    found = []
    problems = _problems(reads)
    if problems:
        found.append(failed(step, f"cannot be read back: {'; '.join(problems)}"))
    lost = _problems(acknowledged)
    if lost:
        found.append(failed(step, f"was acknowledged before the stop and is gone: {'; '.join(lost)}"))
    now = {done["name"]: done for done in reads}
    for before in first.facts["reads"]:
        after = now.get(before["name"])
        if after is None:
            found.append(unknown(step, f"version {step.facts.get('version')} is not asked for '{before['name']}'"))
        elif not before["problem"] and not after["problem"]:
            found += _changed(step, before, after)
    if not found and reads:
        also = f" and {len(acknowledged)} acknowledged" if acknowledged else ""
        found.append(passed(step, f"{len(reads)} items{also} read back the same"))
    return found


def _changed(step: StepRecord, before: dict[str, Any], after: dict[str, Any]) -> list[Finding]:
    differences = [
        f"{name} was {value!r:.200} and is {after['picked'].get(name)!r:.200}"
        for name, value in sorted(before["picked"].items())
        if not same(after["picked"].get(name), value)
    ]
    nothing = [name for name, value in sorted(before["picked"].items()) if value is after["picked"].get(name) is None]
    found = [failed(step, f"{before['name']}: {', '.join(differences)}")] if differences else []
    if nothing:
        found.append(unknown(step, f"{before['name']}: there is nothing to compare as {', '.join(nothing)}"))
    return found


def _problems(actions: list[dict[str, Any]]) -> list[str]:
    return [f"{done['name']}: {done['problem']}" for done in actions if done["problem"]]

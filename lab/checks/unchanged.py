"""Does installing the same version once more change nothing?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.rows import lost_rows
from lab.history import History, StepRecord
from lab.jsonpath import same
from lab.records.model import Finding
from lab.scenario.checks import UnchangedCheck

CHANGES = ("added", "changed", "removed")
AFTERWARDS = ("verify", "ledger", "inspect")


def unchanged(history: History, _check: UnchangedCheck) -> list[Finding]:
    """Judge each reinstall step, and the first look of each kind after it against the last one before."""
    found: list[Finding] = []
    last: dict[str, StepRecord] = {}
    before: dict[str, StepRecord] = {}
    for step in history.of_kind("reinstall", *AFTERWARDS):
        if step.kind == "reinstall":
            found += _judged(step)
            before = dict(last) if step.outcome == "done" else {}
        else:
            earlier = before.pop(step.kind, None)
            found += [failed(step, reason) for reason in _compared(earlier, step)] if earlier else []
            last[step.kind] = step
    return found


def _judged(step: StepRecord) -> list[Finding]:
    facts = step.facts
    if step.outcome == "skipped":
        return [skipped(step, step.reason)]
    if step.outcome == "failed":
        return [failed(step, step.reason)]
    if any(name not in facts for name in (*CHANGES, "configuration_before", "configuration_after")):
        return [unknown(step, "it was not recorded what the second installation changed")]
    if facts.get("truncated"):
        return [unknown(step, "there were more files than are looked at")]
    found = [failed(step, reason) for reason in _broken(facts)]
    unseen = facts.get("has_database") and None in (facts.get("tables_before"), facts.get("tables_after"))
    if unseen:
        found.append(unknown(step, "it could not be seen whether the database stayed as it was"))
    if found:
        return found
    tables = len(facts.get("tables_before") or {})
    looked = f"{len(facts['configuration_before'])} configuration files, {tables} tables"
    return [passed(step, f"installed again: no installed file, {looked} and no data changed")]


def _broken(facts: dict[str, Any]) -> Iterator[str]:
    for kind in CHANGES:
        if facts[kind]:
            shown = ", ".join(facts[kind][:5])
            yield f"the second installation {kind} {len(facts[kind])} files: {shown}"
    was, now = facts["configuration_before"], facts["configuration_after"]
    touched = sorted(path for path in was if now.get(path) != was[path])
    if touched:
        yield f"the second installation changed the configuration: {', '.join(touched)}"
    old, new = facts.get("tables_before"), facts.get("tables_after")
    if old is not None and new is not None and old != new:
        names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        yield f"the second installation changed the database: {', '.join(names[:5])}"


def _compared(before: StepRecord, after: StepRecord) -> Iterator[str]:
    """Say what is different at the first look after a reinstallation."""
    was, now = before.facts, after.facts
    if after.kind == "verify":
        yield from _read_otherwise(was.get("reads", []), now.get("reads", []))
    elif after.kind == "ledger" and "tables" in now:
        for name, table in was.get("tables", {}).items():
            lost = lost_rows(table, now["tables"].get(name))
            if lost:
                yield f"after the second installation, {name} lacks {lost} rows"
    elif after.kind == "inspect":
        for key in ("version", "installed_content"):
            if was.get(key) and now.get(key) and was[key] != now[key]:
                yield f"after the second installation, the {key.replace('_', ' ')} is another one"


def _read_otherwise(was: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[str]:
    old = {done["name"]: done for done in was if not done["problem"]}
    for done in now:
        if done["name"] in old and done["problem"]:
            yield f"after the second installation, {done['name']}: {done['problem']}"
        elif done["name"] in old and not same(old[done["name"]]["picked"], done["picked"]):
            yield f"after the second installation, {done['name']} reads otherwise"

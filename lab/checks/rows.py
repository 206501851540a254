"""Did any table lose rows that no other table gained, and is the database sound?"""

from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.model import RowsCheck


def rows(history: History, _check: RowsCheck) -> list[Finding]:
    """Judge each ledger for soundness, and each against the one before it."""
    found: list[Finding] = []
    before: StepRecord | None = None
    for step in history.of_kind("ledger"):
        if "tables" not in step.facts:
            reason = step.facts.get("unknown") or "; ".join(step.facts.get("failures", [])) or step.reason
            found.append((failed if step.facts.get("failures") else unknown)(step, reason))
            continue
        facts = step.facts
        if facts["integrity"] != "ok":
            found.append(failed(step, f"the database is damaged: {facts['integrity']:.300}"))
        if facts["foreign_key_orphans"]:
            found.append(failed(step, f"{facts['foreign_key_orphans']} rows refer to rows that are not there"))
        if before is not None:
            moves = [move for given in history.given.values() for move in given.get("moves", [])]
            found += _compare(before, step, moves)
        before = step
    return found


def _compare(before: StepRecord, after: StepRecord, moves: list[dict[str, Any]]) -> list[Finding]:
    """Balance what each table lost against what its declared target, or else any table, gained."""
    old, new = before.facts["tables"], after.facts["tables"]
    lost = {name: _lost(table, new.get(name)) for name, table in old.items()}
    gained = {name: max(0, table["rows"] - old.get(name, {"rows": 0})["rows"]) for name, table in new.items()}
    found = []
    merged = {move["from"] for move in moves if move["merged"]}
    for name, count in sorted(lost.items()):
        if not count or name in merged:
            continue
        targets = [move["to"] for move in moves if move["from"] == name]
        takers = targets or [table for table in gained if table not in old or gained[table]]
        covered = sum(gained.get(table, 0) for table in takers)
        where = ", ".join(targets) if targets else "all other tables together"
        for table in takers:
            gained[table] = 0
        if covered < count:
            total = old[name]["rows"]
            found.append(failed(after, f"{name} lost {count} of {total} rows; {where} gained {covered}"))
        elif covered > count and targets:
            found.append(failed(after, f"{name} lost {count} rows, but {where} gained {covered}: rows were doubled"))
    if not found:
        kept = sum(table["rows"] for table in old.values())
        found.append(passed(after, f"{kept} rows in {len(old)} tables, none lost"))
    return found


def _lost(old: dict[str, Any], new: dict[str, Any] | None) -> int:
    """Count rows that are gone: by key where keys are known and mean the same, else by number."""
    if new is None:
        return int(old["rows"])
    if old["keys"] is not None and new["keys"] is not None and old["key"] and old["key"] == new["key"]:
        return len(set(old["keys"]) - set(new["keys"]))
    return max(0, int(old["rows"]) - int(new["rows"]))

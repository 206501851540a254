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
    moves: list[dict[str, Any]] = []
    for step in history.of_kind("ledger", "upgrade"):
        if step.kind == "upgrade":  # only a new version moves rows
            moves = [*moves, *history.given.get(step.parameters["version"], {}).get("moves", [])]
            continue
        if "tables" not in step.facts:
            reason = step.facts.get("unknown") or "; ".join(step.facts.get("failures", [])) or step.reason
            found.append((failed if step.facts.get("failures") else unknown)(step, reason))
            continue
        facts = step.facts
        for table, why in sorted(facts.get("unreadable", {}).items()):
            found.append(unknown(step, f"{table} cannot be read from beside the product: {why}"))
        if facts["integrity"] != "ok":
            found.append(failed(step, f"the database is damaged: {facts['integrity']:.300}"))
        if facts["foreign_key_orphans"]:
            found.append(failed(step, f"{facts['foreign_key_orphans']} rows refer to rows that are not there"))
        if before is not None:
            found += _compare(before, step, moves)
        before, moves = step, []
    return found


def _compare(before: StepRecord, after: StepRecord, moves: list[dict[str, Any]]) -> list[Finding]:
    """Balance what each table lost against what its declared targets, or else other tables, gained."""
    old, new = before.facts["tables"], after.facts["tables"]
    total = sum(table["rows"] for table in old.values())
    if not total:
        return [unknown(after, "there was not one row before, so that none could be lost")]
    gained = {name: max(0, table["rows"] - old.get(name, {"rows": 0})["rows"]) for name, table in new.items()}
    targets = {name: [move["to"] for move in moves if move["from"] == name] for name in old}
    merged = {move["from"] for move in moves if move["merged"]}
    lost = {name: count for name in sorted(old) if (count := _lost(old[name], new.get(name)))}
    found = []
    filled: set[str] = set()
    for name in sorted(lost, key=lambda name: (not targets[name], name)):  # what is declared is balanced first
        missing = [target for target in targets[name] if target not in new]
        if missing:
            found.append(failed(after, f"{name} lost {lost[name]} rows; there is no table {', '.join(missing)}"))
        if name in merged or missing:
            continue
        takers = targets[name] or [table for table in gained if table != name]
        covered = 0
        for taker in takers:
            can_take = gained[taker] if targets[name] else _takes(old, new, name, taker, gained[taker])
            taken = min(can_take, lost[name] - covered)
            covered, gained[taker] = covered + taken, gained[taker] - taken
        filled.update(targets[name])
        where = ", ".join(targets[name]) or "all other tables together"
        new_tables = [] if targets[name] else [table for table in gained if table not in old]
        if covered < lost[name] <= covered + sum(gained[table] for table in new_tables):
            _allot(gained, new_tables, lost[name] - covered)
            reason = f"{name} lost {lost[name]} rows; a new table may hold them under other keys"
            found.append(unknown(after, f"{reason}: declare the move in the definition"))
        elif covered < lost[name]:
            reason = f"{name} lost {lost[name]} of {old[name]['rows']} rows; {where} gained {covered}"
            found.append(failed(after, reason + ("" if targets[name] else " of them")))
    found += [
        failed(after, f"{target} gained {gained[target]} rows more than were moved to it: rows were doubled")
        for target in sorted(filled)
        if gained[target]
    ]
    return found or [passed(after, f"{total} rows in {len(old)} tables, none lost")]


def _allot(gained: dict[str, int], tables: list[str], rows: int) -> None:
    """Use up what tables gained, so that no row stands for two that were lost."""
    for table in tables:
        taken = min(gained[table], rows)
        gained[table], rows = gained[table] - taken, rows - taken


def _takes(old: dict[str, Any], new: dict[str, Any], loser: str, taker: str, gained: int) -> int:
    """Say how many of the rows that a table lost another one may have taken, where no move is declared.

    A table that grows on its own, such as the record of migrations, takes nothing: the keys must be the same ones.
    """
    lost, had, has = old[loser], old.get(taker, {"keys": []}), new[taker]
    if lost["keys"] is None or had["keys"] is None or has["keys"] is None:
        return gained
    if not lost["key"] or lost["key"] != has["key"]:
        return 0
    gone = set(lost["keys"]) - set(new.get(loser, {"keys": []})["keys"] or [])
    return min(gained, len(gone & (set(has["keys"]) - set(had["keys"]))))


def _lost(old: dict[str, Any], new: dict[str, Any] | None) -> int:
    """Count rows that are gone: by key where keys are known and mean the same, else by number."""
    if new is None:
        return int(old["rows"])
    if old["keys"] is not None and new["keys"] is not None and old["key"] and old["key"] == new["key"]:
        return len(set(old["keys"]) - set(new["keys"]))
    return max(0, int(old["rows"]) - int(new["rows"]))

"""Did any table lose rows that no other table gained, and is the database sound?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import RowsCheck


def rows(history: History, _check: RowsCheck) -> list[Finding]:
    """Judge each ledger for soundness, and each against the one before it."""
    found: list[Finding] = []
    before: StepRecord | None = None
    moves: list[dict[str, Any]] = []
    saved: StepRecord | None = None
    for step in history.of_kind("ledger", "upgrade", "backup", "downgrade", "restore"):
        if step.kind == "backup":
            saved = before
        elif step.kind == "restore" and step.outcome != "skipped":
            before, moves = saved, []  # what was done since the backup is gone on purpose
        if step.kind in {"backup", "downgrade", "restore"}:
            continue
        if step.kind == "upgrade":  # only a new version moves rows
            moves = [*moves, *history.given.get(step.parameters["version"], {}).get("moves", [])]
            continue
        if "tables" not in step.facts:
            reason = step.facts.get("unknown") or "; ".join(step.facts.get("failures", [])) or step.reason
            found.append((failed if step.facts.get("failures") else unknown)(step, reason))
            continue
        found += _soundness(step)
        if before is not None:
            found += _compare(before, step, moves)
        moves = [move for move in moves if not move["merged"] and _holds_rows(step.facts, move["from"])]
        before = step
    return found


def _soundness(step: StepRecord) -> Iterator[Finding]:
    """Judge a ledger by itself."""
    facts = step.facts
    for table, why in sorted(facts.get("unreadable", {}).items()):
        yield unknown(step, f"{table} cannot be read from beside the product: {why}")
    if "integrity" not in facts or "foreign_key_orphans" not in facts:
        yield unknown(step, "it was not recorded whether the database is sound")
    if facts.get("integrity", "ok") != "ok":
        yield failed(step, f"the database is damaged: {facts['integrity']:.300}")
    if facts.get("foreign_key_orphans"):
        yield failed(step, f"{facts['foreign_key_orphans']} rows refer to rows that are not there")


def _holds_rows(facts: dict[str, Any], table: str) -> bool:
    """Whether a table that was to be moved still holds rows, so that they may move later."""
    return bool(facts["tables"].get(table, {}).get("rows"))


def _compare(before: StepRecord, after: StepRecord, moves: list[dict[str, Any]]) -> list[Finding]:
    """Balance what each table lost against what its declared targets, or else other tables, gained."""
    unseen = {*before.facts.get("unreadable", {}), *after.facts.get("unreadable", {})}
    old, new = ({name: each for name, each in step.facts["tables"].items() if name not in unseen}
                for step in (before, after))  # fmt: skip
    total = sum(table["rows"] for table in old.values())
    if not total:
        return [unknown(after, "there was not one row before, so that none could be lost")]
    gained = {name: max(0, table["rows"] - old.get(name, {"rows": 0})["rows"]) for name, table in new.items()}
    targets = {name: [move["to"] for move in moves if move["from"] == name] for name in old}
    merged = {move["from"] for move in moves if move["merged"]}
    lost = {name: count for name in sorted(old) if (count := lost_rows(old[name], new.get(name)))}
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
        new_tables = (
            [] if targets[name] else [each for each in gained if each not in old and _may(old[name], new[each])]
        )
        if covered < lost[name] <= covered + sum(gained[table] for table in new_tables):
            _allot(gained, new_tables, lost[name] - covered)
            reason = f"{name} lost {lost[name]} rows; a new table may hold them under other keys"
            found.append(unknown(after, f"{reason}: declare the move in the definition"))
        elif covered < lost[name]:
            reason = f"{name} lost {lost[name]} of {old[name]['rows']} rows; {where} gained {covered}"
            found.append(failed(after, reason + ("" if targets[name] else " of them")))
    found += _unmoved(old, new, targets, merged | set(lost), after)
    found += [
        failed(after, f"{target} gained {gained[target]} rows more than were moved to it: rows were doubled")
        for target in sorted(filled)
        if gained[target]
    ]
    return found or [passed(after, f"{total} rows in {len(old)} tables, none lost")]


def _unmoved(
    old: dict[str, Any], new: dict[str, Any], targets: dict[str, list[str]], judged: set[str], after: StepRecord
) -> list[Finding]:
    """Find tables that still hold rows which they were to move, while their targets have not gained as many."""
    found = []
    for name in sorted(set(targets) - judged):
        rows = old[name]["rows"]
        gains = sum(
            max(0, new.get(target, {"rows": 0})["rows"] - old.get(target, {"rows": 0})["rows"])
            for target in targets[name]
        )
        if targets[name] and gains < rows:
            reason = f"{name} was to move its {rows} rows to {', '.join(targets[name])}, which gained {gains}"
            found.append(failed(after, reason))
    return found


def _allot(gained: dict[str, int], tables: list[str], rows: int) -> None:
    """Use up what tables gained, so that no row stands for two that were lost."""
    for table in tables:
        taken = min(gained[table], rows)
        gained[table], rows = gained[table] - taken, rows - taken


def _takes(old: dict[str, Any], new: dict[str, Any], loser: str, taker: str, gained: int) -> int:
    """Say how many of the rows that a table lost another one may have taken, where no move is declared.

    A table that grows on its own, such as the record of migrations, takes nothing: the keys must be the same ones, and
    what they are the keys of must be alike.
    """
    lost, had, has = old[loser], old.get(taker, {"keys": []}), new[taker]
    if not _alike(lost, has):
        return 0
    if lost["keys"] is None or had["keys"] is None or has["keys"] is None:
        return gained
    if not lost["key"] or lost["key"] != has["key"]:
        return 0
    gone = set(lost["keys"]) - set(new.get(loser, {"keys": []})["keys"] or [])
    return min(gained, len(gone & (set(has["keys"]) - set(had["keys"]))))


def _alike(lost: dict[str, Any], taker: dict[str, Any]) -> bool:
    """Whether a table has the key of another by name, and one more of its columns if it has more than the key.

    Every table may count its rows from 1 in a column `id`: equal keys alone do not make them the same rows.
    """
    columns, key = set(taker["columns"]), set(lost["key"])
    more = set(lost["columns"]) - key
    return key <= columns and bool(more & columns if more else columns == key)


def _may(lost: dict[str, Any], taker: dict[str, Any]) -> bool:
    """Whether a new table may hold lost rows although its keys do not tell: not if only the key's name is common."""
    only_key = len(lost["columns"]) == len(lost["key"])
    return not lost["key"] or lost["key"] != taker["key"] or only_key or _alike(lost, taker)


def lost_rows(old: dict[str, Any], new: dict[str, Any] | None) -> int:
    """Count rows that are gone: by key where keys are known and mean the same, else by number."""
    if new is None:
        return int(old["rows"])
    if old["keys"] is not None and new["keys"] is not None and old["key"] and old["key"] == new["key"]:
        return len(set(old["keys"]) - set(new["keys"]))
    return max(0, int(old["rows"]) - int(new["rows"]))

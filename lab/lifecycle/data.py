"""Steps `seed`, `verify`, `exercise` and `ledger`: data goes in, is read back, used, and counted row by row."""

import json
from typing import Any

from lab.history import StepSkippedError
from lab.lifecycle.actions import perform_all
from lab.lifecycle.database import read_ledger, unseen
from lab.lifecycle.setting import Session
from lab.scenario.steps import ExerciseStep, LedgerStep, SeedStep, VerifyStep


def seed(session: Session, _step: SeedStep, facts: dict[str, Any]) -> None:
    """Perform the definition's seed actions."""
    facts["actions"] = perform_all(session, session.definition.seed)
    note_failures(facts, "actions")


def exercise(session: Session, _step: ExerciseStep, facts: dict[str, Any]) -> None:
    """Perform what users do with the running product."""
    if not session.definition.exercise:
        raise StepSkippedError("the definition names nothing to exercise")
    facts["version"] = session.definition.label
    facts["actions"] = perform_all(session, session.definition.exercise)
    note_failures(facts, "actions")


def verify(session: Session, _step: VerifyStep, facts: dict[str, Any]) -> None:
    """Perform the definition's reads, and those owed for answers given before a stop."""
    facts["version"] = session.definition.label
    facts["reads"] = perform_all(session, session.definition.read)
    facts["acknowledged"] = perform_all(session, session.owed)
    session.owed = []
    note_failures(facts, "reads", "acknowledged")


def ledger(session: Session, _step: LedgerStep, facts: dict[str, Any]) -> None:
    """Record every table's rows by key, and whether the database is sound."""
    facts["version"] = session.definition.label
    result = read_ledger(session)
    if result is None:
        facts["unknown"] = "the definition names no database for this cell"
        return
    if not_seen := unseen(result):  # a slow machine, or a product that locks its own file, broke no promise
        facts["unknown"] = not_seen
        return
    if not result.ok:
        facts.setdefault("failures", []).append(f"the database cannot be read: {result.tail(2)}")
        return
    facts |= json.loads(result.stdout)


def note_failures(facts: dict[str, Any], *names: str) -> None:
    """List what did not go as expected, so that the step's outcome says it."""
    failed = [f"{done['name']}: {done['problem']}" for name in names for done in facts[name] if done["problem"]]
    if failed:
        facts["failures"] = failed

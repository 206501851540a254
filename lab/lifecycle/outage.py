"""Steps `stop-database`, `start-database` and `watch`: the database goes and comes back, and what the product says."""

import time
from collections.abc import Callable
from typing import Any

from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.actions import expected, perform_all
from lab.lifecycle.setting import Session
from lab.lifecycle.start import PROBE_SECONDS, as_facts
from lab.product.actions import Request
from lab.scenario.steps import StartDatabaseStep, StopDatabaseStep, WatchStep

POLL_SECONDS = 0.1
IN_ROW = 3
"""So many answers of one kind in a row count as what the product says."""
MOST_PROBES = 50
"""Probes of a watch that the history's facts list; each is an event of its own."""
NO_SERVER = "this cell has no database server that could be stopped: the product keeps its data in a file"


def stop_database(session: Session, _step: StopDatabaseStep, facts: dict[str, Any]) -> None:
    """Stop the database server under the product, as a restart or a failure of it would.

    Raises StepSkippedError where there is none.
    """
    _turn(session, facts, session.environment.services.stop_database, runs=False)


def start_database(session: Session, _step: StartDatabaseStep, facts: dict[str, Any]) -> None:
    """Start the database server again.

    Raises StepSkippedError where there is none.
    """
    _turn(session, facts, session.environment.services.start_database, runs=True)


def _turn(session: Session, facts: dict[str, Any], turn: Callable[[], None], *, runs: bool) -> None:
    _needs_server(session)
    turn()
    session.database_runs, session.database_changed_at = runs, time.monotonic()
    facts["state"] = as_facts(session.environment.product.state())


def watch(session: Session, step: WatchStep, facts: dict[str, Any]) -> None:
    """Ask the product for its health until it says, several times in a row, what the step waits for.

    With the database stopped the definition's `without_database` is asked, too. What the product says is recorded; what
    that is worth, the checks say. Raises StepSkippedError where there is nothing to watch.
    """
    _needs_server(session)
    health = session.definition.health
    if health is None:
        raise StepSkippedError("the definition names no health endpoint")
    request, answer = Request(path=health.path), expected(health.expect, session.scope())
    facts |= {"database": "running" if session.database_runs else "stopped", "until": step.until}
    facts |= {"window": step.seconds, "version": session.definition.label, "reached": False, "probes": []}
    deadline = session.database_changed_at + step.seconds
    in_row = count = 0
    while not facts["reached"]:
        result = session.http.send(request, PROBE_SECONDS, event="probe")
        problem, count = result.problem(answer), count + 1
        at = round(time.monotonic() - session.database_changed_at, 4)
        if len(facts["probes"]) < MOST_PROBES:
            facts["probes"].append({"at": at, "status": result.status, "problem": problem})
        in_row = in_row + 1 if bool(problem) == (step.until == "unhealthy") else 0
        facts |= {"asked": count, "last_at": at, "last_status": result.status, "last_problem": problem}
        if in_row == 1:
            facts["since"] = at
        facts["reached"] = in_row == IN_ROW
        if problem and not session.environment.product.state().running:
            break
        if time.monotonic() > deadline:
            break
        session.record.pause(POLL_SECONDS)
    facts["state"] = as_facts(session.environment.product.state())
    if not facts["state"]["running"]:
        facts["reached"] = step.until == "unhealthy"
        if step.until == "healthy":
            raise StepFailedError(f"the product had ended with exit code {facts['state']['exit_code']}")
    elif not session.database_runs:
        facts["requests"] = perform_all(session, session.definition.without_database)


def _needs_server(session: Session) -> None:
    if not session.setting.has_database_server:
        raise StepSkippedError(NO_SERVER)

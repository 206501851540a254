"""Step `restart`: the service manager ends the running product and starts it again, as an operator has it do."""

import time
from typing import Any

from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.http import Door
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts
from lab.scenario.steps import RestartStep

NO_MANAGER = "no service manager runs the product here"


def restart(session: Session, step: RestartStep, facts: dict[str, Any]) -> None:
    """Restart the product, and record its states before and after.

    Raises StepSkippedError where there is no service manager, StepFailedError where it had ended before, or where the
    process that runs afterwards is the one that ran before.
    """
    manager = session.environment.manager
    if manager is None:
        raise StepSkippedError(NO_MANAGER)
    before = running_before(session, facts)
    began = time.monotonic()
    state = manager.restart(timeout=step.seconds)
    session.started_at = time.monotonic()
    facts |= {"seconds": round(session.started_at - began, 4), "state": as_facts(state)}
    facts["words"] = manager.words()
    come_back(session)
    if state.pid == before and state.running:
        raise StepFailedError(f"process {before} runs as before: nothing was restarted")


def running_before(session: Session, facts: dict[str, Any]) -> int:
    """Record the state before, and return the id of the product's process.

    Raises StepFailedError where there is none.
    """
    before = session.environment.product.state()
    facts |= {"version": session.definition.label, "before": as_facts(before)}
    if not before.running:
        raise StepFailedError(f"the product was not running before: it had ended with exit code {before.exit_code}")
    return before.pid


def come_back(session: Session) -> None:
    """Let later requests go to the product where it is now."""
    session.http.close()
    session.door = Door(session.environment.product.base_url(), session.record)

"""Step `reboot`: the machine goes down and comes up again, and the product with it."""

import time
from typing import Any

from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.restart import NO_MANAGER, come_back, running_before
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts
from lab.scenario.steps import RebootStep


def reboot(session: Session, step: RebootStep, facts: dict[str, Any]) -> None:
    """Restart the machine, and record how it went down, how it came up, and the product's state then.

    Raises StepSkippedError where no machine can be restarted, StepFailedError where the product did not run before or
    does not come up with the machine.
    """
    manager = session.environment.manager
    if manager is None or "reboot" not in session.environment.capabilities:
        raise StepSkippedError(NO_MANAGER if manager is None else "this machine is not the lab's to restart")
    running_before(session, facts)
    facts["machine"] = manager.reboot(timeout=step.seconds)
    session.started_at = time.monotonic()
    come_back(session)
    state = session.environment.product.state()
    facts |= {"state": as_facts(state), "base_url": session.http.base_url}
    unit = state.extra.get("unit", {})
    if unit.get("active_state") == "inactive":
        why = f"its unit is {unit['enabled'] or 'not installed'}"
        raise StepFailedError(f"the product did not come up with the machine: {why}")

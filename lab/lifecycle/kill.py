"""Step `kill`: the product is ended by SIGKILL, right after it has acknowledged something that it then owes."""

from typing import Any

from lab.history import StepFailedError
from lab.lifecycle.actions import expected, rendered
from lab.lifecycle.setting import Session
from lab.lifecycle.start import as_facts
from lab.lifecycle.stop import kill as kill_product
from lab.scenario.steps import KillStep


def kill(session: Session, _step: KillStep, facts: dict[str, Any]) -> None:
    """Have a request answered, and kill at once; what was answered is owed at the next `verify`.

    Raises StepFailedError when the product does not run, or does not answer as promised.
    """
    state = session.environment.product.state()
    facts |= {"version": session.definition.label, "before": as_facts(state), "acknowledged": False}
    if not state.running:
        raise StepFailedError(f"there was nothing to kill: the product had ended with exit code {state.exit_code}")
    wanted = session.definition.in_flight
    if wanted is not None:
        scope = session.scope()
        _, problem = session.ask(rendered(wanted.request, scope), expected(wanted.expect, scope))
        if problem:
            raise StepFailedError(f"before it was killed, {wanted.request.method} {wanted.request.path}: {problem}")
        facts["acknowledged"] = True
        session.owed = list(wanted.read)
    kill_product(session)
    facts["after"] = as_facts(session.environment.product.state())

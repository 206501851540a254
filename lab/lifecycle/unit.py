"""What the service manager is told of a product: the unit that it brings, and how long its end may take."""

import shlex

from lab.history import StepFailedError
from lab.lifecycle.configure import current
from lab.lifecycle.setting import Session
from lab.product.definition import Definition
from lab.template import render

STOP_SECONDS = 30.0
"""For a product whose definition names no way to stop."""


def own_unit(session: Session) -> str:
    """Return the systemd unit that the installed version hands out, empty where it has none or nothing reads it.

    Raises StepFailedError where it should hand one out and does not.
    """
    wanted = session.definition.unit
    if wanted is None or session.environment.manager is None:
        return ""
    if session.slot not in session.units:
        argv = render(wanted.argv, session.scope())
        asked = session.environment.run(
            argv,
            timeout=session.setting.timeouts.command,
            environment=render(current(session).environment, session.scope(session.configured)),
            installed=True,
        )
        session.keep_output(asked)
        if not asked.ok or b"[Service]" not in asked.stdout:
            said = asked.tail(3) or "no unit"
            raise StepFailedError(f"'{shlex.join(argv)}' did not print a systemd unit: {said}")
        session.units[session.slot] = asked.stdout.decode("utf8", "replace")
    return session.units[session.slot]


def stop_seconds(definition: Definition) -> float:
    """Return the seconds that a service manager gives the product to end: those of its own way, else the longest."""
    by_manager = [way.budget for way in definition.stop.values() if way.service]
    return max(by_manager or [way.budget for way in definition.stop.values()], default=STOP_SECONDS)

"""Step `downgrade`: the installer puts an older version over the newer one; and what was promised of that."""

from typing import Any

from lab.history import StepFailedError
from lab.lifecycle.install import run_installer
from lab.lifecycle.setting import Session
from lab.scenario.steps import DowngradeStep


def downgrade(session: Session, step: DowngradeStep, facts: dict[str, Any]) -> None:
    """Install over the newer version; data and configuration stay as they are.

    Raises StepFailedError when the installer fails.
    """
    newer = session.definition
    facts |= {"expected": "success", "promise": newer.rollback, "came_from": newer.label}
    failure = run_installer(session, step.version, facts, upgrade=True)
    if failure is not None:
        raise StepFailedError(f"the installer does not go back from {newer.label}:\n{failure}")
    session.came_back_from, session.installed = session.installed, step.version


def skip_promise(session: Session) -> str:
    """Return what the installed version promises to those who come to it directly from the run's old version."""
    old = session.setting.definitions.get("from")
    return next((skip.promise for skip in session.definition.skips if old and skip.old == old.label), "works")

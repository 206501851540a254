"""Step `reinstall`: the same installer installs the same version once more; what changes by it is recorded."""

import re
from typing import Any

from lab.environment.survey import bounded, compare
from lab.history import StepFailedError, StepSkippedError
from lab.lifecycle.configure import digests
from lab.lifecycle.install import run_installer
from lab.lifecycle.refuse import tables_of
from lab.lifecycle.setting import Session
from lab.lifecycle.survey import AS_IMAGE, look
from lab.scenario.steps import ReinstallStep

BOOKKEEPING = re.compile(r"/__pycache__(/|$)|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json)$"
                         r"|/pipx_metadata\.json$|/pipx/(?:logs|\.cache|shared)(?:/|$)")  # fmt: skip
"""What installers note for themselves, and byte code: both hold times."""


def reinstall(session: Session, step: ReinstallStep, facts: dict[str, Any]) -> None:
    """Run the installer again, and compare files, configuration and tables before and after.

    Raises StepFailedError when the installer fails, StepSkippedError where an image is installed.
    """
    if session.setting.as_image:
        raise StepSkippedError(AS_IMAGE)
    facts |= {"expected": "success", "tables_before": tables_of(session), "configuration_before": digests(session)}
    before = look(session)
    failure = run_installer(session, step.version, facts, upgrade=True)
    if failure is not None:
        raise StepFailedError(f"the installer failed over its own work:\n{failure}")
    told = compare(before, look(session))
    for kind in ("added", "changed", "removed"):
        if kind in told:
            facts[kind] = bounded([path for path in told[kind] if not BOOKKEEPING.search(path)])
    facts |= {"truncated": told["truncated"], "looked": told["looked"]}
    facts |= {"tables_after": tables_of(session), "configuration_after": digests(session)}
    facts["has_database"] = session.setting.database(session.slot) is not None
    session.installed = step.version

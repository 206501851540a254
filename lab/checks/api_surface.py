"""Does the new version serve what the old one served, but for what was announced?"""

import re
from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import ApiSurfaceCheck


def api_surface(history: History, _check: ApiSurfaceCheck) -> list[Finding]:
    """Compare the OpenAPI documents before and after the upgrade with the announced removals."""
    return [
        _compared(before, after, history.given["to"].get("removes", []))
        for before, upgrade, after in history.across_upgrades("inspect")
        if upgrade.parameters.get("version") == "to"
    ]


def _compared(before: StepRecord, after: StepRecord, removes: list[dict[str, Any]]) -> Finding:
    old, new = before.facts.get("operations"), after.facts.get("operations")
    if not old or new is None:
        return unknown(after if old else before, "the product shows no OpenAPI document with operations in it")
    announced = {_shape(removal["operation"]) for removal in removes}
    served = {_shape(operation) for operation in new}
    gone = [operation for operation in old if _shape(operation) not in served]
    silent = [operation for operation in gone if _shape(operation) not in announced]
    if silent:
        return failed(after, f"{len(silent)} operations removed without announcement: {', '.join(silent)}")
    still = sorted(announced & served)
    if still:
        return failed(after, f"announced as removed, but still served: {', '.join(still)}")
    return passed(after, f"{len(old)} operations before, {len(new)} after, {len(gone)} removals all announced")


def _shape(operation: str) -> str:
    """Two operations are the same if they differ only in the names of path parameters."""
    return re.sub(r"\{[^}]*\}", "{}", operation)

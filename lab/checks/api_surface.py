"""Does the new version serve what the old one served, but for what was announced?"""

import re

from lab.checks.base import failed, passed, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.model import ApiSurfaceCheck


def api_surface(history: History, _check: ApiSurfaceCheck) -> list[Finding]:
    """Compare the OpenAPI documents before and after the upgrade with the announced removals."""
    inspected = history.of_kind("inspect")
    if len(inspected) < 2:  # noqa: PLR2004 - before and after
        return []
    before, after = inspected[0], inspected[-1]
    old, new = before.facts.get("operations"), after.facts.get("operations")
    if old is None or new is None:
        return [unknown(before if old is None else after, "the product shows no OpenAPI document")]
    announced = {_shape(removal["operation"]) for removal in history.given["to"].get("removes", [])}
    served = {_shape(operation) for operation in new}
    gone = [operation for operation in old if _shape(operation) not in served]
    silent = [operation for operation in gone if _shape(operation) not in announced]
    if silent:
        return [failed(after, f"{len(silent)} operations removed without announcement: {', '.join(silent)}")]
    still = sorted(announced & served)
    if still:
        return [failed(after, f"announced as removed, but still served: {', '.join(still)}")]
    return [passed(after, f"{len(old)} operations before, {len(new)} after, {len(gone)} removals all announced")]


def _shape(operation: str) -> str:
    """Two operations are the same if they differ only in the names of path parameters."""
    return re.sub(r"\{[^}]*\}", "{}", operation)

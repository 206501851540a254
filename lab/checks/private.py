"""Does the product keep configuration, environment, database and secrets from other users of the machine?"""

from collections.abc import Iterator
from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import PrivateCheck


def private(history: History, _check: PrivateCheck) -> list[Finding]:
    """Judge what each inspect step saw with another user's eyes."""
    return [each for step in history.of_kind("inspect") if "exposed" in step.facts for each in _judged(step)]


def _judged(step: StepRecord) -> list[Finding]:
    told = step.facts["exposed"]
    if told is None:
        return [unknown(step, "nobody looked with another user's eyes")]
    if not told["files"]:
        return [unknown(step, "there was no file that other users must not read")]
    broken = list(_broken(told))
    kept = sum(not readable for readable in told["files"].values())
    well = f"the user {told['user']} can read none of {kept} files, and no secret anywhere"
    return [failed(step, reason) for reason in broken] or [passed(step, well)]


def _broken(told: dict[str, Any]) -> Iterator[str]:
    for secret, place in told["secrets"]:
        yield f"the user {told['user']} finds the secret '{secret}' in {place}"
    for path, readable in sorted(told["files"].items()):
        if readable and path not in told["meant"]:
            yield f"the user {told['user']} can read {path}"

"""Did the product become healthy in time, and stay so for several answers, with the body it promises?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import HealthCheck


def health(history: History, _check: HealthCheck) -> list[Finding]:
    """Judge every ready step, and the start step before it where that was as far as it got."""
    found = [failed(step, step.reason) for step in history.of_kind("start") if step.outcome == "failed"]
    for step in history.of_kind("ready"):
        facts = step.facts
        if facts.get("asked") is False:
            found.append(unknown(step, "the definition names no health endpoint"))
        elif step.outcome == "failed":
            found.append(failed(step, step.reason))
        elif step.outcome == "done":
            found.append(_measured(step))
    return found


def _measured(step: StepRecord) -> Finding:
    """Judge what was measured; an answer that comes from something else than the product is no health."""
    facts = step.facts
    running = facts.get("state", {}).get("running")
    in_row, wanted, seconds = facts.get("in_row", 0), facts.get("consecutive"), facts.get("seconds_to_ready")
    if running is False:
        return failed(step, f"healthy {in_row} times in a row, but then the product's process was not running")
    if running is None or wanted is None or seconds is None or in_row < wanted:
        return unknown(step, "it was not recorded that the running product answered healthy as often as wanted")
    return passed(step, f"healthy {in_row} times in a row, ready after {seconds:.2f} s")

"""Did the product become healthy in time, and stay so for several answers, with the body it promises?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.model import HealthCheck


def health(history: History, _check: HealthCheck) -> list[Finding]:
    """Judge every ready step, and the start step before it where that was as far as it got."""
    found = [failed(step, step.reason) for step in history.of_kind("start") if step.outcome == "failed"]
    for step in history.of_kind("ready"):
        facts = step.facts
        if facts.get("asked") is False:
            found.append(unknown(step, "the definition names no health endpoint"))
        elif step.outcome == "failed":
            found.append(failed(step, step.reason))
        elif step.outcome == "done" and facts["in_row"] >= facts["consecutive"]:
            found.append(
                passed(
                    step,
                    f"healthy {facts['in_row']} times in a row, ready after {facts['seconds_to_ready']:.2f} s",
                )
            )
    return found

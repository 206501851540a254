"""Do times and memory stay within their budgets?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import DurationsCheck, MemoryCheck

MEGABYTE = 1_000_000


def seconds_of(step: StepRecord) -> float | None:
    """Return the seconds that count: to readiness from the start, else of the step."""
    if step.kind == "ready":
        value = step.facts.get("seconds_to_ready")
        return float(value) if value is not None else None
    if step.kind == "stop":
        value = step.facts.get("seconds")
        return float(value) if value is not None else None
    return step.seconds


def durations(history: History, check: DurationsCheck) -> list[Finding]:
    """Judge every step of a kind that has a budget; what a busy machine may explain is not held against the product."""
    budgets = {"install": check.install, "upgrade": check.install, "ready": check.ready, "stop": check.stop}
    found = []
    for step in history.steps:
        budget, seconds = budgets.get(step.kind), seconds_of(step)
        if budget is None or step.outcome != "done":
            continue
        if seconds is None:
            found.append(unknown(step, f"it was not measured how long {step.kind} took"))
            continue
        said = f"{step.kind} took {seconds:.2f} s, its budget is {budget:g} s"
        waited = step.facts.get("waited")
        if seconds > budget and waited is not None and seconds - waited <= budget:
            busy = f"in {waited:.2f} s of it the product was ready and had no processor"
            found.append(unknown(step, f"{said}, but {busy}: try it with fewer workers"))
        else:
            found.append((failed if seconds > budget else passed)(step, said))
    return found


def memory(history: History, check: MemoryCheck) -> list[Finding]:
    """Judge the memory at rest that each inspect step measured."""
    found = []
    for step in history.of_kind("inspect"):
        current = step.facts.get("memory", {}).get("current")
        if not current:  # a running process of no bytes was not measured, whatever the environment says
            found.append(unknown(step, "the environment cannot measure memory"))
            continue
        said = f"{current / MEGABYTE:.0f} MB at rest, its budget is {check.max_mb:g} MB"
        found.append((failed if current > check.max_mb * MEGABYTE else passed)(step, said))
    return found

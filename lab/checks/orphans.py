"""Does the product take its processes with it when it stops?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import OrphansCheck


def orphans(history: History, _check: OrphansCheck) -> list[Finding]:
    """Judge each stop of a product that stood below an init."""
    found = []
    watched = False
    for step in history.of_kind("start", "stop"):
        if step.kind == "start":
            watched = bool(step.parameters.get("under_init"))
        elif watched:
            found.append(_judged(step))
    return found


def _judged(step: StepRecord) -> Finding:
    left = step.facts.get("left_behind")
    if step.outcome == "failed":
        return unknown(step, f"its stop was not seen: {step.reason}")
    if left is None:
        return unknown(step, "nobody watched which processes were left behind")
    if step.facts.get("killed"):
        return unknown(step, "it took SIGKILL, after which no product can take anything with it")
    if left:
        return failed(step, f"{len(left)} processes left behind: {'; '.join(left):.300}")
    return passed(step, "no process was left behind")

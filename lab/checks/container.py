"""Does the product's own image bring a health check that turns healthy, and an unprivileged user?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.model import ContainerCheck

ROOT = frozenset({"", "0", "root", "0:0", "root:root"})


def container(history: History, _check: ContainerCheck) -> list[Finding]:
    """Judge how each start's container was declared, and what its health check said once the product was ready."""
    found = []
    for step in history.of_kind("start"):
        state = step.facts.get("state", {})
        if not step.facts.get("image"):
            found.append(unknown(step, "the product does not run from an image of its own"))
        elif not state.get("healthcheck"):
            found.append(failed(step, "the image declares no HEALTHCHECK"))
        elif state.get("user") in ROOT:
            found.append(failed(step, "the image runs its product as root"))
        else:
            found.append(passed(step, f"the image declares a HEALTHCHECK and runs as {state['user']}"))
    for step in history.of_kind("ready"):
        state = step.facts.get("state", {})
        if state.get("healthcheck") and state.get("running"):
            verdict = passed if state["health"] == "healthy" else failed
            found.append(verdict(step, f"the image's own health check says {state['health'] or 'nothing'}"))
    return found

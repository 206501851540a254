"""Does the product's own image bring a health check that turns healthy, and an unprivileged user?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import ContainerCheck

ROOT = frozenset({"", "0", "root"})
"""Users, whatever their group, that are no unprivileged user; an image that names none runs as root."""


def container(history: History, _check: ContainerCheck) -> list[Finding]:
    """Judge how each start's container was declared, and what its health check said once the product was ready."""
    found = []
    asked = False
    for step in history.of_kind("start", "ready"):
        state = step.facts.get("state")
        if state is None:
            continue  # no container was seen: the step says why
        if step.kind == "start":
            found.append(_declared(step))
        elif state.get("healthcheck") and state.get("running"):
            asked = True
            found.append(_answered(step))
    if found and not asked and all(finding.verdict == "pass" for finding in found):
        found.append(unknown(history.of_kind("start")[-1], "the image's own health check was never seen to answer"))
    return found


def _answered(step: StepRecord) -> Finding:
    health = step.facts["state"]["health"]
    if health == "starting":  # a long interval breaks no promise
        waited = f" of {step.facts['window']:g} s" if "window" in step.facts else ""
        return unknown(step, f"the image's own HEALTHCHECK had not answered when the wait{waited} ended")
    verdict = passed if health == "healthy" else failed
    return verdict(step, f"the image's own health check says {health or 'nothing'}")


def _declared(step: StepRecord) -> Finding:
    state = step.facts["state"]
    user = state.get("user")
    if not step.facts.get("image"):
        return unknown(step, "the product does not run from an image of its own")
    if "healthcheck" not in state or user is None:
        return unknown(step, "the environment does not tell what the image declares")
    if not state["healthcheck"]:
        return failed(step, "the image declares no HEALTHCHECK")
    if user.partition(":")[0] in ROOT:
        return failed(step, "the image runs its product as root")
    return passed(step, f"the image declares a HEALTHCHECK and runs as {user}")

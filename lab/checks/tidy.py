"""Does the running product write nowhere but into its own folders?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.leftovers import remarks
from lab.history import History, StepRecord
from lab.product.upkeep import sort_out
from lab.records.model import Finding
from lab.scenario.checks import TidyCheck

NOT_RUNNING = frozenset({"install", "upgrade", "downgrade", "reinstall", "uninstall"})
"""Steps by which others than the running product write."""


def tidy(history: History, _check: TidyCheck) -> list[Finding]:
    """Judge each survey between which and the one before the product ran, and nothing was installed."""
    found: list[Finding] = []
    ran = installed = False
    for step in history.of_kind("survey", "start", *NOT_RUNNING):
        if step.kind == "start":
            ran = True
        elif step.kind in NOT_RUNNING:
            installed = True
        elif step.outcome == "skipped":
            found.append(skipped(step, step.reason))
        else:
            if ran and not installed:
                found += _judged(step)
            ran = installed = False
    return found


def _judged(step: StepRecord) -> list[Finding]:
    facts = step.facts
    if "outside" not in facts or "exempt" not in facts or "files" in facts.get("not_compared", []):
        return [unknown(step, "it was not recorded what was written while the product ran")]
    if facts.get("truncated"):
        return [unknown(step, "there were more files than are looked at")]
    allowed, others = sort_out(facts["outside"], facts["exempt"])
    if others:
        shown = ", ".join(others[:8])
        return [failed(step, f"{len(others)} paths outside of its folders were written while it ran: {shown}")]
    looked = "; ".join(facts.get("looked", []))
    said = f"{facts['written']} paths written, all in its own folders (looked at {looked})"
    return [passed(step, said + "".join(remarks(allowed, facts["exempt"])))]

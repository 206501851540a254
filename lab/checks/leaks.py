"""Has anything of the host's own network settings stayed behind after the installation?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LeaksCheck


def leaks(history: History, _check: LeaksCheck) -> list[Finding]:
    """Judge each search, once for each setting that was found and once more for the lab's own evidence."""
    return [finding for step in history.of_kind("search") for finding in _judged(step)]


def _judged(step: StepRecord) -> list[Finding]:
    names, files = step.facts.get("sought"), step.facts.get("files")
    if not names or not files:
        return [unknown(step, step.reason or "nothing was searched")]
    found: list[Finding] = []
    for name in names:
        hits = [hit for hit in step.facts.get("found", []) if hit["setting"] == name]
        for whose in ("", "lab"):
            places = [hit["where"] for hit in hits if hit.get("whose", "") == whose]
            if not places:
                continue
            shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")  # noqa: PLR2004
            if whose:
                reason = f"the value of {name} stands in the lab's own evidence: {shown}"
                found.append(Finding(verdict="error", step=step.id, reason=reason))
            else:
                found.append(failed(step, f"the value of {name}, meant for the installer alone, stands in {shown}"))
    unread = step.facts.get("unread", [])
    if unread:
        found.append(unknown(step, f"{len(unread)} files could not be searched: {unread[0]}"))
    looked_at = step.facts.get("looked_at")
    if not looked_at:
        found.append(unknown(step, "the variables of the running product could not be seen"))
    if found:
        return found
    also = ", ".join(looked_at or [])
    return [passed(step, f"{', '.join(names)}: nowhere in {files} files, nor in {also}")]

"""Does every proof name the version that was installed, and is the new version another artifact than the old one?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.checks import VersionCheck


def version(history: History, check: VersionCheck) -> list[Finding]:
    """Judge the proofs of each inspect step, then the artifacts."""
    found = []
    for step in history.of_kind("inspect"):
        expected = step.facts.get("version")
        proofs = step.facts.get("proofs", {})
        told = {place: proof["version"] for place, proof in proofs.items() if "version" in proof}
        wrong = {place: value for place, value in told.items() if value != expected}
        silent = {place: proof["problem"] for place, proof in proofs.items() if "problem" in proof}
        if wrong:
            said = ", ".join(f"{place} says {value}" for place, value in sorted(wrong.items()))
            right = ", ".join(sorted(set(told) - set(wrong))) or "none"
            found.append(failed(step, f"version {expected} is installed, but {said} (right: {right})"))
        elif silent:
            said = "; ".join(f"{place}: {problem}" for place, problem in sorted(silent.items()))
            found.append(failed(step, f"version {expected} cannot be proved: {said}"))
        elif len(told) < check.proofs:
            found.append(unknown(step, f"{len(told)} proofs of the version, {check.proofs} wanted"))
        else:
            found.append(passed(step, f"{expected} by {', '.join(sorted(told))}"))
    return found + _artifacts(history)


def _artifacts(history: History) -> list[Finding]:
    found = []
    for step in history.of_kind("upgrade"):
        old, new = step.facts.get("from_digest"), step.facts.get("digest")
        if old and new and old == new:
            found.append(failed(step, f"old and new version are the same artifact ({new[:19]}…): nothing was upgraded"))
    told_apart = set()
    for before, upgrade, after in history.across_upgrades("inspect"):
        was, now = before.facts.get("installed_content"), after.facts.get("installed_content")
        if was and now:
            told_apart.add(upgrade.id)
            if was == now:
                reason = "the files of the installed package are the same before and after the upgrade"
                found.append(failed(after, reason))
    for step in history.of_kind("upgrade"):
        known = step.facts.get("from_digest") and step.facts.get("digest")
        if step.outcome == "done" and not known and step.id not in told_apart:
            found.append(unknown(step, "nothing recorded tells the old version's artifact from the new one's"))
    return found

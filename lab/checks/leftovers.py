"""Does uninstalling leave nothing behind but configuration and data?"""

from collections.abc import Iterator, Sequence
from typing import Any

from lab.checks.base import failed, passed, skipped, unknown
from lab.history import History, StepRecord
from lab.product.upkeep import sort_out
from lab.records.model import Finding
from lab.scenario.checks import LeftoversCheck
from lab.wording import some

WORDS = {
    "accounts": "the account {0} is still there",
    "units": "the unit {0} is still there",
    "ports": "port {0} is still listened on",
    "processes": "'{0}' still runs",
}
"""What is said of each thing that stays."""
MUST_SEE = ("files", "ports", "processes")
"""Parts without which nothing can be said; accounts and units are not there to be seen in every environment."""


def leftovers(history: History, _check: LeftoversCheck) -> list[Finding]:
    """Judge each uninstall step against what was there before the first install."""
    found = []
    for step in history.of_kind("uninstall"):
        if step.outcome == "skipped":
            found.append(skipped(step, step.reason))
        elif step.outcome == "failed" and "stayed" not in step.facts:
            found.append(failed(step, step.reason))
        elif "stayed" not in step.facts or "exempt" not in step.facts:
            found.append(unknown(step, "it was not recorded what was there before the installation"))
        else:
            found += _judged(step)
    return found


def _judged(step: StepRecord) -> list[Finding]:
    facts = step.facts
    stayed: dict[str, Any] = facts["stayed"]
    exempt, files = sort_out(stayed["files"], facts["exempt"])
    broken = [*facts.get("failures", []), *_broken(facts, stayed, files)]
    found = [failed(step, reason) for reason in broken]
    missing = [part for part in MUST_SEE if part in facts.get("unseen", [])]
    if missing:
        found.append(unknown(step, f"nobody could see {', '.join(missing)}"))
    if facts.get("truncated"):
        found.append(unknown(step, "there were more files than are looked at"))
    if found:
        return found
    kept = stayed["configuration and data"]
    said = "nothing stayed" if facts["purge"] or not kept else "nothing stayed but configuration and data"
    unseen = facts.get("unseen", [])
    looked = f" (looked at {'; '.join(facts.get('looked', []))}" + (
        f"; not at {' and '.join(unseen)})" if unseen else ")"
    )
    return [passed(step, said + looked + "".join(remarks(exempt, facts["exempt"])))]


def _broken(facts: dict[str, Any], stayed: dict[str, Any], files: Sequence[str]) -> Iterator[str]:
    if files:
        yield f"{some(len(files), 'file')} stayed that the installation had brought: {', '.join(files[:8])}"
    for part, words in WORDS.items():
        yield from (words.format(each) for each in stayed.get(part, []))
    if facts["purge"] and stayed["configuration and data"]:
        yield f"it was to remove configuration and data, of which {stayed['configuration and data']} files stayed"
    if not facts["purge"] and facts.get("lost"):
        yield f"it removed configuration or data, which nobody asked for: {', '.join(facts['lost'][:8])}"


def remarks(allowed: Sequence[tuple[str, str]], exempt: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say of each exemption what it was used for; what the step itself has sorted out, it has counted."""
    for each in exempt:
        used = each.get("used", 0) + sum(pattern == each["path"] for _, pattern in allowed)
        what = f"{some(used, 'file')} as is allowed" if used else "nothing that had to be allowed"
        yield f"; {what}: {each['path']} ({each['reason']})"

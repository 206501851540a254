"""Is the configuration untouched, and in force?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.model import ConfigurationCheck


def configuration(history: History, _check: ConfigurationCheck) -> list[Finding]:
    """Judge each inspect step: files as written, and each proof as expected and as it was the first time."""
    found = []
    inspected = [step for step in history.of_kind("inspect") if "configuration" in step.facts]
    for step in inspected:
        broken = _broken(step, inspected[0])
        found += [failed(step, reason) for reason in broken]
        proofs = step.facts["configuration"]
        if not broken and not proofs:
            found.append(unknown(step, "the definition names no proof that the configuration is in force"))
        elif not broken:
            files = len(step.facts["configuration_files"])
            found.append(passed(step, f"{files} files untouched, {len(proofs)} settings seen in force"))
    return found


def _broken(step: StepRecord, first: StepRecord) -> list[str]:
    written, now = step.facts["configuration_written"], step.facts["configuration_files"]
    broken = [
        f"{path} is gone" if not now.get(path) else f"{path} was changed"
        for path, digest in sorted(written.items())
        if now.get(path) != digest
    ]
    before = {done["name"]: done for done in first.facts["configuration"]}
    for done in step.facts["configuration"]:
        if done["problem"]:
            broken.append(f"not in force: {done['name']}: {done['problem']}")
        elif done["name"] in before and done["picked"] != before[done["name"]]["picked"]:
            broken.append(f"{done['name']} was {before[done['name']]['picked']} and is {done['picked']}")
    return broken

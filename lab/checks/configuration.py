"""Is the configuration untouched, and in force?"""

from lab.checks.base import failed, passed, unknown
from lab.history import History, StepRecord
from lab.jsonpath import same
from lab.records.model import Finding
from lab.scenario.checks import ConfigurationCheck


def configuration(history: History, _check: ConfigurationCheck) -> list[Finding]:
    """Judge each inspect step: files as written, and each proof as expected and as it was the first time."""
    found = []
    inspected = [step for step in history.of_kind("inspect") if "configuration_written" in step.facts]
    for step in inspected:
        broken, missing = _broken(step, inspected[0]), _missing(step, inspected[0])
        found += [failed(step, reason) for reason in broken]
        found += [unknown(step, reason) for reason in missing]
        proofs = step.facts["configuration"]
        if not broken and not missing:
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
        elif done["name"] in before and not before[done["name"]]["problem"]:
            was = before[done["name"]]["picked"]
            if not same(was, done["picked"]):
                broken.append(f"{done['name']} was {was} and is {done['picked']}")
    return broken


def _missing(step: StepRecord, first: StepRecord) -> list[str]:
    """Say which proofs there are not: none at all, one that the first version had, one that shows nothing."""
    proofs = step.facts["configuration"]
    if not proofs and not first.facts["configuration"]:
        return ["the definition names no proof that the configuration is in force"]
    now = {done["name"] for done in proofs}
    version = step.facts.get("version")
    return [
        f"version {version} is not asked for '{done['name']}'"
        for done in first.facts["configuration"]
        if done["name"] not in now
    ] + [
        f"{done['name']}: there is nothing to read as '{name}'"
        for done in proofs
        for name, value in sorted(done["picked"].items())
        if value is None and not done["problem"]
    ]

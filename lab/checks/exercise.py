"""Does what users do with the product work?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.checks import ExerciseCheck


def exercise(history: History, _check: ExerciseCheck) -> list[Finding]:
    """Judge each action of each exercise step."""
    found = []
    for step in history.of_kind("exercise"):
        if step.outcome == "skipped":
            found.append(skipped(step, step.reason))
            continue
        actions, version = step.facts.get("actions"), step.facts.get("version")
        if not actions:
            found.append(unknown(step, "it was not recorded what was done with the product"))
            continue
        problems = [f"{done['name']}: {done['problem']}" for done in actions if done["problem"]]
        found += [failed(step, f"version {version}: {problem}") for problem in problems]
        if not problems:
            found.append(passed(step, f"{len(actions)} things that users do worked on {version}"))
    return found

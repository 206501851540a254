"""Did the installer succeed, or refuse as requires-python says it must?"""

from lab.checks.base import failed, passed
from lab.history import History
from lab.records.model import Finding
from lab.scenario.model import InstallCheck


def install(history: History, _check: InstallCheck) -> list[Finding]:
    """Judge every install and upgrade step, documented upgrade steps included."""
    found = []
    for step in history.of_kind("install", "upgrade"):
        label = step.facts.get("label", "")
        if step.outcome == "failed":
            found.append(failed(step, step.reason))
        elif step.outcome != "done":
            continue  # the lab did not get to see what the installer would have done
        elif step.facts.get("expected") == "refusal":
            found.append(passed(step, f"{label} refused Python {step.facts['python']} cleanly, as it declares"))
        else:
            extra = len(step.facts.get("documented_steps", []))
            found.append(passed(step, f"{label} installed" + (f", with {extra} documented steps" if extra else "")))
    return found

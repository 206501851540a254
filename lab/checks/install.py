"""Did the installer succeed, or refuse as requires-python says it must?"""

from typing import Any

from lab.checks.base import failed, passed, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.checks import InstallCheck


def install(history: History, _check: InstallCheck) -> list[Finding]:
    """Judge every install and upgrade step, and the steps that the documentation asks for beside them."""
    found = []
    for step in history.of_kind("install", "setup", "upgrade", "downgrade", "reinstall"):
        label, extra = step.facts.get("label", ""), step.facts.get("extra_steps", [])
        if step.outcome == "failed":
            found.append(failed(step, step.reason))
        elif step.outcome != "done":
            continue  # the lab did not get to see what the installer would have done
        elif step.facts.get("expected") == "refusal":
            found.append(passed(step, f"{label} refused Python {step.facts.get('python')} cleanly, as it declares"))
        elif step.kind == "setup" and not extra:
            found.append(unknown(step, "no step before the first start is on record"))
        else:
            done = f"{label} installed" if step.kind != "setup" else f"{label} set up"
            found.append(passed(step, done + _how(step.facts) + _beyond(extra)))
    return found


def _how(facts: dict[str, Any]) -> str:
    """Say what was not as usual about an installation."""
    said = [f"as of {facts['as_of']}"] if facts.get("as_of") else []
    said += [str(facts["lock_left_out"])] if facts.get("lock_left_out") else []
    return f" ({', '.join(said)})" if said else ""


def _beyond(extra: list[dict[str, Any]]) -> str:
    """Say which steps beyond installing there were: documented ones are counted, workarounds are told."""
    workarounds = [each["undocumented"] for each in extra if each.get("undocumented")]
    documented = len(extra) - len(workarounds)
    said = [f"{documented} documented steps"] if documented else []
    said += [f"an undocumented step, without which {reason}" for reason in workarounds]
    return f", with {' and '.join(said)}" if said else ""

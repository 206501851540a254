"""Does the product say so when its database is gone, and recover when it is back?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import HonestHealthCheck

NEEDED = ("database", "until", "asked", "reached", "state")
"""Facts without which nothing can be said of a watch."""
ANSWERS = {"stopped": "unhealthy", "running": "healthy"}
"""What an honest product says, by what its database does."""


def honest_health(history: History, _check: HonestHealthCheck) -> list[Finding]:
    """Judge what was answered while the database was stopped, and after its return."""
    found = []
    for step in history.of_kind("watch"):
        facts = step.facts
        if step.outcome == "skipped":
            found.append(skipped(step, step.reason))
        elif any(name not in facts for name in NEEDED) or not facts["asked"]:
            found.append(unknown(step, "it was not recorded what the product said"))
        elif facts["until"] != ANSWERS.get(facts["database"]):
            reason = f"the product was watched until {facts['until']} while its database was {facts['database']}"
            found.append(unknown(step, reason))
        else:
            found += _outage(step) if facts["database"] == "stopped" else [_recovery(step)]
    return found


def _outage(step: StepRecord) -> list[Finding]:
    facts = step.facts
    found = []
    if not facts["state"]["running"]:
        found.append(passed(step, f"ended with exit code {facts['state']['exit_code']} when its database was stopped"))
    elif not facts["reached"]:
        reason = (
            f"answered healthy for {facts['last_at']:.0f} s while its database was stopped "
            f"({facts['asked']} answers; the last: {facts['last_problem'] or 'healthy'})"
        )
        found.append(failed(step, reason))
    else:
        said = f"{facts['since']:.1f} s after its database was stopped ({facts['last_problem']:.120})"
        found.append(passed(step, f"no longer healthy {said}"))
    wrong = [done for done in facts.get("requests", []) if done["problem"]]
    return found + [
        failed(step, f"while its database was stopped: {done['name']}: {done['problem']}") for done in wrong
    ]


def _recovery(step: StepRecord) -> Finding:
    facts = step.facts
    if facts["reached"] and facts["state"]["running"]:
        return passed(step, f"healthy again {facts['since']:.1f} s after its database was back")
    why = step.reason or facts["last_problem"] or "its process had ended"
    return failed(step, f"not healthy again within {facts['window']:g} s of its database's return: {why}")

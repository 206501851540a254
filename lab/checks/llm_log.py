"""Does the product's log tell of a model's failure?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.conversations import held, unrecorded
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LlmLogCheck


def llm_log(history: History, _check: LlmLogCheck) -> list[Finding]:
    """Judge each step with faults: who reads the log must see, of each provider, that it failed."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        elif any(case["fault"] is not None for case in cases):
            found += _judged(step)
    return found


def _judged(step: StepRecord) -> list[Finding]:
    log, logged = step.facts.get("log"), step.facts.get("logged")
    if log is None or "logged" not in step.facts:
        return [unknown(step, "the product's log was not searched for failures")]
    if logged is None:
        return [skipped(step, "the definition does not say, in 'logged', how the log tells of a failure")]
    owing = {name: counted for name, counted in logged.items() if counted["owed"]}
    if owing and log["missing"]:
        return [unknown(step, f"the product's log is not whole: {log['missing']}")]
    silent = [
        failed(step, f"{name}: {counted['lines']} lines of log tell of failures in {counted['owed']} conversations")
        for name, counted in owing.items()
        if counted["lines"] < counted["owed"]
    ]
    if silent or not owing:  # where nothing failed in earnest, there is nothing to tell
        return silent
    name, counted = next(iter(owing.items()))
    told = f"{counted['lines']} lines of log for {counted['owed']} conversations"
    return [passed(step, f"the failures of {len(owing)} providers are told; the first: {name}, {told}")]

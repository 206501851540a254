"""Does a key of a provider, or a secret, stand where others read it?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LlmKeysCheck


def llm_keys(history: History, _check: LlmKeysCheck) -> list[Finding]:
    """Judge what was found in the log and in the answers, step by step."""
    found = []
    for step in history.of_kind("converse"):
        found += [skipped(step, step.reason)] if step.outcome == "skipped" else _judged(step)
    return found


def _judged(step: StepRecord) -> list[Finding]:
    keys, log = step.facts.get("keys"), step.facts.get("log")
    if keys is None or log is None:
        return [unknown(step, "the product's log was not searched")]
    found = [
        failed(step, f"the {kind} {each[kind]} stands in {each['where']}")
        for each in keys
        for kind in ("key", "secret")
        if kind in each
    ]
    if log["missing"]:
        found.append(unknown(step, f"the product's log is not whole: {log['missing']}"))
    found += [unknown(step, f"{where} was too long to be searched to its end") for where in step.facts["unsearched"]]
    searched = (log["stdout"] + log["stderr"]) / 1000
    return found or [passed(step, f"no key in {searched:.1f} kB of log, none in an answer")]

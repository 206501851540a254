"""Does a key of a provider stand where others read it?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.history import History
from lab.records.model import Finding
from lab.scenario.checks import LlmKeysCheck


def llm_keys(history: History, _check: LlmKeysCheck) -> list[Finding]:
    """Judge what was found in the log and in the answers, step by step."""
    found = []
    for step in history.of_kind("converse"):
        if step.outcome == "skipped":
            found.append(skipped(step, step.reason))
        elif (keys := step.facts.get("keys")) is None:
            found.append(unknown(step, "the product's log was not searched"))
        else:
            found += [failed(step, f"the key {each['key']} stands in {each['where']}") for each in keys]
            found += [] if keys else [passed(step, "no key in the log, none in an answer")]
    return found

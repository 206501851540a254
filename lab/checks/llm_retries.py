"""Is a failing provider asked again seldom enough, late enough, and not before the time it named?"""

from itertools import pairwise
from typing import Any

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.conversations import Case, held, summed, unrecorded
from lab.history import History, StepRecord
from lab.product.llm import SPOKEN
from lab.records.model import Finding
from lab.scenario.checks import LlmRetriesCheck
from lab.wording import some

CLOCK = 0.02
"""Seconds by which a client that counts from the arrival of an answer may seem early, even earlier than its end."""
TOOL_FAULTS = frozenset({"bad-arguments", "unknown-tool"})
"""After these the next request is the conversation's next turn, and no retry."""
READABLE = frozenset({"malformed-chunk"})
"""What the model said can be whole under these, and a conversation with tools go on."""


def llm_retries(history: History, check: LlmRetriesCheck) -> list[Finding]:
    """Judge the requests of each conversation in which a fault was given."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        relevant = [case for case in cases if case["fault"] is not None and case["fault"] not in TOOL_FAULTS]
        found += summed(step, [_judged(step, case, check.pause) for case in relevant])
    return found


def _judged(step: StepRecord, case: Case, pause: float) -> Finding:
    asked = [each for each in case["attempts"] if each["endpoint"] in SPOKEN]
    if not asked:
        return unknown(step, f"{case['name']}: it reached no model")
    retries = [(before, after) for before, after in pairwise(asked) if _is_retry(case, before, after)]
    if any(before["finished"] is None for before, _ in retries):
        return unknown(step, f"{case['name']}: the end of a request is not in the mock's journal")
    most = 0 if case["once"] else step.facts.get("retries", 0)
    if len(retries) > most:
        why = "which cannot help" if case["once"] else f"and {most} times at most was promised"
        return failed(step, f"{case['name']}: asked again {len(retries)} times, {why}")
    for number, (before, after) in enumerate(retries, start=1):
        told = case["wait"] if before.get("faults") else 0.0
        if early := _early(after["received"] - before["finished"], told, pause):
            return failed(step, f"{case['name']}: asked again {early} (retry {number})")
    return passed(step, f"{case['name']}: {some(len(asked), 'request')}")


def _is_retry(case: Case, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether a request asks again for what the one before it did not get."""
    goes_on = (after.get("turn") or 0) > (before.get("turn") or 0)
    return before["outcome"] != "answered" and not (goes_on and case["fault"] in READABLE)


def _early(waited: float, told: float, pause: float) -> str:
    """Say how a retry came too early after so many seconds, nothing if it did not."""
    if waited < -CLOCK:
        return f"{-waited:.2f} s before the earlier request had ended"
    if waited < told - CLOCK:
        return f"{max(0.0, waited):.2f} s after it was told to wait {told:g} s"
    return f"{max(0.0, waited):.3f} s after a failure, without a pause of {pause:g} s" if waited < pause else ""

"""Is a failing provider asked again seldom enough, late enough, and not before the time it named?"""

from itertools import pairwise

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.conversations import Case, held, summed, unrecorded
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LlmRetriesCheck

CLOCK = 0.02
"""Seconds by which a client that counts from the arrival of an answer may seem early."""
TOOL_FAULTS = frozenset({"bad-arguments", "unknown-tool"})
"""After these the next request is the conversation's next turn, and no retry."""


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
    tries = [each for each in case["attempts"] if each.get("turn") in {None, 1}]
    if not tries:
        return unknown(step, f"{case['name']}: it reached no model")
    if any(each["finished"] is None for each in tries[:-1]):
        return unknown(step, f"{case['name']}: the end of a request is not in the mock's journal")
    again, most = len(tries) - 1, 0 if case["once"] else step.facts.get("retries", 0)
    if again > most:
        why = "which cannot help" if case["once"] else f"and {most} times at most was promised"
        return failed(step, f"{case['name']}: asked again {again} times, {why}")
    for number, (before, after) in enumerate(pairwise(tries), start=1):
        waited = after["received"] - before["finished"]
        told = case["wait"] if before.get("faults") else 0.0
        if waited < told - CLOCK:
            reason = f"asked again {waited:.2f} s after it was told to wait {told:g} s (retry {number})"
            return failed(step, f"{case['name']}: {reason}")
        if waited < pause:
            reason = f"asked again {waited:.3f} s after a failure, without a pause of {pause:g} s (retry {number})"
            return failed(step, f"{case['name']}: {reason}")
    return passed(step, f"{case['name']}: {len(tries)} requests")

"""Is a failing model told as such, in time, and no broken answer presented as a whole one?"""

from lab.checks.base import failed, passed, skipped, unknown
from lab.checks.conversations import Case, held, said, summed, unrecorded, whole
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LlmFaultsCheck
from lab.wording import some


def llm_faults(history: History, _check: LlmFaultsCheck) -> list[Finding]:
    """Judge each conversation in which a fault was given."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        found += summed(step, [_judged(step, case) for case in cases if case["fault"] is not None])
    return found


def _judged(step: StepRecord, case: Case) -> Finding:
    if not any(each.get("faults") for each in case["attempts"]):
        return unknown(step, f"{case['name']}: the fault was never given: {said(case)}")
    if wrong := _wrong(case, retries=step.facts.get("retries", 0)):
        return failed(step, f"{case['name']}: {wrong}: {said(case)}")
    if case["claim"] == "answer" and case["whole"] is None:
        return unknown(step, f"{case['name']}: what was presented as an answer is not shown")
    if case["claim"] == "answer":
        return passed(step, f"{case['name']}: answered after {some(len(case['attempts']), 'request')}")
    return passed(step, f"{case['name']}: told as a failure after {case['seconds']:.1f} s: {said(case)[:80]}")


def _wrong(case: Case, *, retries: int) -> str:
    """Return what is wrong with the product's answer, nothing if it is as it should be."""
    match case["claim"], case["due"]:
        case "late", _:
            return "hung"
        case "answer", "failure":
            return "presented as an answer"
        case "answer", _:
            return "" if whole(case) else "a broken answer presented as a whole one"
        case "failure", due:
            return "one failure of the provider was not got over" if due == "answer" and retries else ""
        case _:
            return "neither an answer nor a failure as promised"

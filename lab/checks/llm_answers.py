"""Does the product present what each model says, while nothing goes wrong?"""

from lab.checks.base import failed, passed, skipped
from lab.checks.conversations import Case, held, said, summed, unrecorded, whole
from lab.history import History, StepRecord
from lab.product.llm import SPOKEN
from lab.records.model import Finding
from lab.scenario.checks import LlmAnswersCheck


def llm_answers(history: History, _check: LlmAnswersCheck) -> list[Finding]:
    """Judge each conversation in which no fault was given, provider by provider."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        found += summed(step, [_judged(step, case) for case in cases if case["fault"] is None])
    return found


def _judged(step: StepRecord, case: Case) -> Finding:
    if case["claim"] != "answer":
        return failed(step, f"{case['name']}: {said(case)}{_last_seen(case)}")
    if not whole(case):
        return failed(step, f"{case['name']}: not what the model said: {said(case)}")
    if not any(each["outcome"] == "answered" and each["endpoint"] in SPOKEN for each in case["attempts"]):
        return failed(step, f"{case['name']}: {said(case)}, and no model was asked")
    return passed(step, f"{case['name']}: whole, in {case['seconds']:.2f} s")


def _last_seen(case: Case) -> str:
    """Say what the mock saw last of it: a refused request explains an answer that did not come."""
    if not case["attempts"]:
        return "; no model was asked"
    last = case["attempts"][-1]
    if last["outcome"] == "answered":
        return ""
    turn = f", turn {last['turn']}" if last.get("turn") else ""
    return f"; its last request ({last['provider']}{turn}) was {last['outcome']}"

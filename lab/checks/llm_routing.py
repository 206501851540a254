"""Did each conversation reach the provider that it named, and was nothing else asked?"""

from lab.checks.base import failed, passed, skipped
from lab.checks.conversations import Case, held, summed, unrecorded
from lab.history import History, StepRecord
from lab.records.model import Finding
from lab.scenario.checks import LlmRoutingCheck

STREAMED = frozenset({"stream", "streamed-tools"})


def llm_routing(history: History, _check: LlmRoutingCheck) -> list[Finding]:
    """Judge where each request went, and those that belong to no conversation."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        found += summed(step, [finding for case in cases for finding in _judged(step, case)])
        found += [
            failed(
                step, f"a request that no conversation explains: {each['provider']}, {each['path']}: {each['asked']}"
            )
            for each in step.facts.get("others", [])
        ]
    return found


def _judged(step: StepRecord, case: Case) -> list[Finding]:
    if not case["attempts"]:
        return [failed(step, f"{case['name']}: it reached no model")]
    wrong = [
        failed(step, f"{case['name']}: {each['provider']} was asked for {each['model']}, and not {case['provider']}")
        for each in case["attempts"]
        if each["provider"] != case["provider"]
    ]
    wrong += [
        failed(step, f"{case['name']}: the model {each['model']} was asked, and not {case['model']}")
        for each in case["attempts"]
        if each["provider"] == case["provider"] and each["model"] != case["model"]
    ]
    wrong += [
        failed(step, f"{case['name']}: a stream was {'' if each['stream'] else 'not '}asked for")
        for each in case["attempts"]
        if each["outcome"] == "answered" and bool(each["stream"]) != (case["mode"] in STREAMED)
    ]
    return wrong[:1] or [passed(step, f"{case['name']}: {case['model']}, {len(case['attempts'])} requests")]

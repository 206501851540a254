"""Did each conversation reach the provider that it named, and was nothing else asked?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lab.checks.base import failed, passed, skipped
from lab.checks.conversations import Case, held, summed, unrecorded
from lab.history import History, StepRecord
from lab.product.llm import SPOKEN
from lab.records.model import Finding
from lab.scenario.checks import LlmRoutingCheck
from lab.wording import some

Asked = Mapping[str, Any]
"""One request to a model, as a step `converse` records it."""
STREAMED = frozenset({"stream", "streamed-tools"})
TURNS: Mapping[str, int] = {"plain": 1, "stream": 1, "tools": 2, "streamed-tools": 2}
"""How often a model answers in a conversation: with tools it calls one, and is told the result."""


def llm_routing(history: History, _check: LlmRoutingCheck) -> list[Finding]:
    """Judge where each request went, and those that belong to no conversation."""
    found = [skipped(step, step.reason) for step in history.of_kind("converse") if step.outcome == "skipped"]
    for step, cases in held(history):
        if not cases:
            found.append(unrecorded(step))
        found += summed(step, [_judged(step, case) for case in cases])
        for each in step.facts.get("others", []):
            if reason := _beside(each, step) or _unexplained(each):
                found.append(failed(step, f"{reason}: {each['asked']}"))
    return found + _late(history)


def _late(history: History) -> list[Finding]:
    """Say of each step which of its conversations the product went on with after it had answered."""
    told: list[Asked] = next((event.get("late", []) for event in history.events if event["event"] == "llm"), [])
    found = []
    for step, cases in held(history):
        names = {case.get("word"): case["name"] for case in cases}
        mine = [each for each in told if each["word"] in names]
        if mine:
            first = f"{names[mine[0]['word']]}: {mine[0]['provider']} was asked for {mine[0]['model']}"
            found.append(
                failed(step, f"{some(len(mine), 'request')} came after the product had answered; the first: {first}")
            )
    return found


def _judged(step: StepRecord, case: Case) -> Finding:
    spoken = [each for each in case["attempts"] if each["endpoint"] in SPOKEN]
    wrong = [*_wrong(case, spoken), *filter(None, (_beside(each, step) for each in case["attempts"]))]
    if wrong:
        return failed(step, f"{case['name']}: {wrong[0]}")
    return passed(step, f"{case['name']}: {case['model']}, {some(len(spoken), 'request')}")


def _wrong(case: Case, spoken: list[Asked]) -> Iterator[str]:
    """Yield what is wrong with the requests to models of a conversation, the worst first."""
    if not spoken:
        yield "it reached no model"
    for each in spoken:
        if each["provider"] != case["provider"]:
            yield f"{each['provider']} was asked for {each['model']}, and not {case['provider']}"
    for each in spoken:
        if each["model"] != case["model"]:
            yield f"the model {each['model']} was asked, and not {case['model']}"
    answered = [each for each in spoken if each["outcome"] == "answered"]
    for each in answered:
        if bool(each["stream"]) != (case["mode"] in STREAMED):
            yield f"a stream was {'' if each['stream'] else 'not '}asked for"
    yield from _too_often(case, answered)


def _too_often(case: Case, answered: list[Asked]) -> Iterator[str]:
    """Yield how often a model was asked for what it had answered already."""
    turns = TURNS[case["mode"]]
    if turns > 1:
        for turn, times in Counter(each.get("turn") for each in answered).items():
            if times > 1:
                yield f"asked the model {times} times for one answer (turn {turn})"
    if len(answered) > turns:
        yield f"asked the model {len(answered)} times for {'one answer' if turns == 1 else 'a call and an answer'}"


def _beside(each: Asked, step: StepRecord) -> str:
    """Say why a request to an endpoint at which no model speaks is not one that the definition names."""
    endpoint = each.get("endpoint")
    if endpoint is None or endpoint in SPOKEN:
        return ""
    if endpoint not in step.facts.get("also", []):
        return f"{each['provider']} was asked at '{endpoint}', which the definition's 'also' does not name"
    refused = f"{each['provider']} was asked at '{endpoint}', and is no provider of the definition"
    return refused if each["outcome"] == "unmatched" else ""


def _unexplained(each: Asked) -> str:
    """Say that a request belongs to no conversation, nothing where it need not."""
    if each.get("endpoint") is not None and each["endpoint"] not in SPOKEN:
        return ""
    return f"a request that no conversation explains: {each['provider']}, {each['path']}"

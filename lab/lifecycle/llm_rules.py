"""The rules by which the LLM mock takes its part in conversations, and what it takes at one time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.lifecycle.llm_cases import Case, cases
from lab.product.llm import SPEAKING, LlmUse
from lab.scenario.steps import ConverseStep

Rule = dict[str, Any]
"""A rule of the mock, or a part of one."""
NO_RULES: Mapping[str, Any] = {"schema": 1, "strict": False, "rules": []}
"""What the mock is told where nobody says what a product asks: it answers everything."""
MOST_RULES, MOST_BYTES, MOST_VALUES, MOST_LEVELS = 1000, 256 * 1024, 20_000, 32
"""What the mock takes at one time: rules, their text, their values with all keys, and values within values."""
AGAIN, ANYWHERE = "call again", ", any turn"
IN_RESERVE = (AGAIN, ANYWHERE)
"""How the names of rules end that most products have no need of."""
SPOILT_CALLS = frozenset({"bad-arguments", "unknown-tool"})


def rules(use: LlmUse, asked: Sequence[Case]) -> dict[str, Any]:
    """Return the rules under which the mock stands while these conversations go on: nothing else is answered.

    The first rule counts that fits a request. What the user said last goes before all else, for a product that
    remembers tells the model of other conversations, too.
    """
    also = {"provider": sorted(use.providers), "endpoint": sorted(use.also)}
    return {
        "schema": 1,
        "strict": True,
        "rules": [
            *([{"name": "beside the conversations", "match": also, "reply": {}}] if use.also else []),
            *(rule for case in asked for rule in _said_last(case)),
            *(rule for case in asked for rule in _said_anywhere(case)),
        ],
    }


def usual_rules(use: LlmUse) -> dict[str, Any]:
    """Return the rules under which the mock stands otherwise: it answers what the product says it asks, no more."""
    return {
        "schema": 1,
        "strict": True,
        "rules": [{"name": "what the product asks", "match": {"provider": sorted(use.providers)}, "reply": {}}],
    }


def written(told: Mapping[str, Any]) -> bytes:
    """Return rules as the mock reads them: in ASCII, for it takes JSON for YAML, which has no room for all letters."""
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def overfull(use: LlmUse, step: ConverseStep) -> str:
    """Say which limit of the mock the rules of a step would exceed, nothing where they fit."""
    asked = cases(use, step, 0)
    told = rules(use, asked)
    values, levels = _measured(told)
    for found, most, what in (
        (len(told["rules"]), MOST_RULES, "rules"),
        (len(written(told)), MOST_BYTES, "bytes of rules"),
        (values, MOST_VALUES, "values in rules"),
        (levels, MOST_LEVELS, "levels of values within values"),
    ):
        if found > most:
            return f"{len(asked)} conversations ask for {found} {what}, and the LLM mock takes {most} at most"
    return ""


def _measured(value: Any) -> tuple[int, int]:
    """Return how many values there are in one, itself and all keys included, and how many levels."""
    keys = len(value) if isinstance(value, dict) else 0
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [_measured(each) for each in inside]
    return 1 + keys + sum(values for values, _ in found), 1 + max((levels for _, levels in found), default=0)


def _said_last(case: Case) -> Iterator[Rule]:
    """Yield the rules for requests in which the prompt is what the user said last, as it is when a tool has answered.

    Where the product remembers, the first turn of a conversation is not the first of a request: that a call was not
    made yet is then known by its rule, which was not taken yet.
    """
    said = {"user": case.word}
    call, times = _call(case), case.trouble.times
    if not call:
        yield from _without_tools(case, said)
    elif case.fault is not None and times is None:
        # A product that makes do with what is broken is answered, so that what it then presents can be judged.
        yield _rule(case, "answer", {**said, "turn": 2, "result": ""}, _answer(case))
        yield _rule(case, "fault", said, {**call, **_faults(case)})
    else:
        if case.fault is not None:
            yield _rule(case, "fault", said, {**call, **_faults(case)}, times=times)
        if case.fault not in SPOILT_CALLS:
            yield _rule(case, "call", said, call, times=1)
        yield _rule(case, AGAIN, {**said, "turn": 1}, call)
        yield _rule(case, "answer", {**said, **_result(case)}, _answer(case))


def _said_anywhere(case: Case) -> Iterator[Rule]:
    """Yield the rules for requests in which the prompt stands elsewhere; nothing of another case may go before it."""
    said, call, times = {"text": case.word}, _call(case), case.trouble.times
    if not call:
        yield from _without_tools(case, said, ANYWHERE)
        return
    first = {**said, "turn": 1}
    if case.fault is not None:
        yield _rule(case, f"fault{ANYWHERE}", first, {**call, **_faults(case)}, times=times)
    if case.fault is None or times is not None:
        yield _rule(case, f"call{ANYWHERE}", first, call)
    yield _rule(case, f"answer{ANYWHERE}", {**said, **_result(case)}, _answer(case))


def _without_tools(case: Case, said: Rule, where: str = "") -> Iterator[Rule]:
    times = case.trouble.times
    if case.fault is not None:
        yield _rule(case, f"fault{where}", said, {**_answer(case), **_faults(case)}, times=times)
    if case.fault is None or times is not None:
        yield _rule(case, f"answer{where}", said, _answer(case))


def _rule(case: Case, what: str, match: Rule, reply: Rule, *, times: int | None = None) -> Rule:
    """Return a rule whose name begins with the case's word; what is asked where no model speaks is none of it."""
    limited = {} if times is None else {"times": times}
    spoken = list(SPEAKING[case.provider])
    return {"name": f"{case.word} {what}", "match": {**match, "endpoint": spoken}, **limited, "reply": reply}


def _answer(case: Case) -> Rule:
    return {"text": case.text}


def _call(case: Case) -> Rule:
    tool = case.tool
    return {} if tool is None else {"calls": [{"name": tool.name, "arguments": tool.arguments}]}


def _faults(case: Case) -> Rule:
    return {"faults": [dict(each) for each in case.trouble.faults]}


def _result(case: Case) -> Rule:
    """Return what the model must have been told of a call; nothing where the call was spoilt.

    What is no more than an echo of the call, or an apology, is not taken for the tool's result.
    """
    wanted = None if case.tool is None or case.fault in SPOILT_CALLS else case.tool.result
    return {} if wanted is None else {"result": wanted}

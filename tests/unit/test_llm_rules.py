"""What the LLM mock says in a conversation, by its own reading of the rules that it is given."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
from llm_sample import USE

from lab.lifecycle import llm_rules
from lab.lifecycle.llm_cases import TOOLS, TROUBLES, WORD, Case, cases
from lab.lifecycle.llm_rules import (
    MOST_BYTES,
    MOST_LEVELS,
    MOST_RULES,
    MOST_VALUES,
    overfull,
    rules,
    usual_rules,
    written,
)
from lab.llm_mock.question import Question, ToolResult, Turn
from lab.llm_mock.rules import problem, reading, sheet
from lab.llm_mock.rules.rulebook import Rulebook
from lab.llm_mock.wire.base import Received
from lab.product.llm import LlmUse, Mode, ProviderName
from lab.scenario.llm import MODES, LlmFault
from lab.scenario.steps import ConverseStep

EVERY_MODE = LlmUse.model_validate(
    USE.model_dump(by_alias=True) | {"modes": {mode: {"request": {"path": "/run"}} for mode in get_args(Mode)}}
)


def step(**more: object) -> ConverseStep:
    return ConverseStep.model_validate({"step": "converse", **more})


def use(**changed: object) -> LlmUse:
    return LlmUse.model_validate(EVERY_MODE.model_dump(by_alias=True) | changed)


class Mock:
    """The LLM mock's decisions under the rules of a step; what it says is told in a word."""

    def __init__(self, wanted: ConverseStep, use: LlmUse = EVERY_MODE) -> None:
        self.cases = cases(use, wanted, 0)
        self._book = Rulebook(reading.read_rules(written(rules(use, self.cases))))

    def says(self, *turns: Turn, endpoint: str = "chat", provider: str = "openai") -> str:
        return self._decide(Question(provider, endpoint, "m", "0" * 64, turns=turns))

    def gives(self, text: str, *, endpoint: str = "embeddings", provider: str = "openai") -> str:
        return self._decide(Question(provider, endpoint, "v", "0" * 64, inputs=(text,)))

    def _decide(self, question: Question) -> str:
        decided = self._book.decide(Received("POST", "/", {}, {}, b""), question)
        if decided.unmatched:
            return "refused"
        said = "call" if decided.answer.calls else decided.answer.text
        return f"{decided.faults[0].kind}, {said}" if decided.faults else said


def user(case: Case) -> Turn:
    return Turn("user", case.prompt)


def told(text: str) -> tuple[Turn, Turn]:
    """What follows a call: the model's own turn, and what the tool gave."""
    return Turn("assistant"), Turn("tool", results=(ToolResult("call_1", text),))


SAID = "subject0000x"


def whole(case: Case) -> str:
    return case.text


def test_a_model_answers_once_it_is_told_the_tools_result() -> None:
    mock = Mock(step(modes=["tools"]))
    first = user(mock.cases[0])
    assert mock.says(first) == "call"
    assert mock.says(first, *told("no such tool")) == "refused"
    assert mock.says(first, *told("it is 42")) == whole(mock.cases[0])
    assert mock.says(first) == "call"  # for one whose connection broke


def test_a_result_that_nobody_can_know_is_not_asked_for() -> None:
    mock = Mock(step(modes=["tools"]), use(tool={"name": "add"}))
    first = user(mock.cases[0])
    assert [mock.says(first), mock.says(first, *told("anything"))] == ["call", whole(mock.cases[0])]


@pytest.mark.parametrize("fault", [fault for fault in TROUBLES if TROUBLES[fault].times == 1])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_fault_that_passes_is_given_once(fault: LlmFault, mode: Mode) -> None:
    if mode not in MODES[fault]:
        return
    mock = Mock(step(modes=[mode], faults=[fault]))
    (case, *_), kind = mock.cases, TROUBLES[fault].faults[0]["kind"]
    if mode not in TOOLS:
        assert [mock.says(user(case)), mock.says(user(case))] == [f"{kind}, {whole(case)}", whole(case)]
        return
    assert [mock.says(user(case)), mock.says(user(case))] == [f"{kind}, call", "call"]
    assert mock.says(user(case), *told("42")) == whole(case)


@pytest.mark.parametrize("fault", ["bad-arguments", "unknown-tool"])
def test_a_call_that_was_spoilt_needs_no_result(fault: LlmFault) -> None:
    mock = Mock(step(modes=["tools"], faults=[fault]))
    first = user(mock.cases[0])
    assert mock.says(first) == f"{fault}, call"
    assert mock.says(first, *told("the arguments are no JSON")) == whole(mock.cases[0])


@pytest.mark.parametrize("fault", [fault for fault in TROUBLES if TROUBLES[fault].times is None])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_fault_that_stays_is_given_always_and_to_the_first_turn(fault: LlmFault, mode: Mode) -> None:
    if mode not in MODES[fault]:
        return
    mock = Mock(step(modes=[mode], faults=[fault]))
    (case, *_), kind = mock.cases, TROUBLES[fault].faults[0]["kind"]
    said = f"{kind}, {'call' if mode in TOOLS else whole(case)}"
    assert [mock.says(user(case)) for _ in range(4)] == [said] * 4
    assert mock.says(user(case), Turn("assistant", "half a"), Turn("user", case.prompt)) == said
    if mode in TOOLS:  # what comes of making do with half a call is to be seen
        assert mock.says(user(case), *told("no JSON")) == whole(case)


def test_what_was_said_in_earlier_conversations_is_not_answered_again() -> None:
    mock = Mock(step(modes=["plain", "stream"]))
    one, other, *_ = mock.cases
    before = (user(one), Turn("assistant", one.text))
    assert mock.says(*before, user(other)) == whole(other)
    assert mock.says(*before, Turn("user", "Find a title for this.")) == whole(one)


def test_a_product_that_remembers_can_call_tools_and_be_failed() -> None:
    mock = Mock(step(modes=["tools"]))
    one, other, *_ = mock.cases
    before = (user(one), *told("42"), Turn("assistant", one.text))
    assert mock.says(*before, user(other)) == "call"
    assert mock.says(*before, user(other), *told("42")) == whole(other)
    mock = Mock(step(modes=["streamed-tools"], faults=["rate-limit", "truncate"]))
    limited, cut = mock.cases[0], mock.cases[2]
    assert [mock.says(*before, user(limited)) for _ in range(2)] == ["status, call", "call"]
    assert [mock.says(*before, user(cut)) for _ in range(2)] == ["truncate, call"] * 2


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_prompt_that_is_not_what_the_user_said_last_is_answered_all_the_same(mode: Mode) -> None:
    mock = Mock(step(modes=[mode]))
    case, more = mock.cases[0], Turn("user", "Answer in English.")
    said = [mock.says(user(case), more), mock.says(user(case), more, *told("42"))]
    assert said == (["call", whole(case)] if mode in TOOLS else [whole(case)] * 2)
    failing = Mock(step(modes=[mode], faults=["failing", "overloaded"]))
    stays, passes = failing.cases[0], failing.cases[2]
    expected = "call" if mode in TOOLS else whole(passes)
    assert failing.says(user(stays), more).startswith("status, ")
    assert failing.says(user(passes), more).startswith("status, ")
    assert failing.says(user(passes), more) == expected
    if mode in TOOLS:
        assert failing.says(user(stays), more, *told("42")) == whole(stays)


def test_what_is_asked_beside_a_conversation_is_answered_where_the_definition_says_so_and_takes_no_fault() -> None:
    mock = Mock(step(faults=["rate-limit"]), use(also=["embeddings"]))
    case = mock.cases[0]
    assert mock.gives(case.prompt) not in {"refused", whole(case)}
    assert mock.gives(case.prompt, provider="groq") == "refused"
    assert mock.gives(case.prompt, endpoint="moderations") == "refused"
    assert mock.says(user(case)).startswith("status, ")


def test_what_is_asked_beside_a_conversation_is_otherwise_refused() -> None:
    mock = Mock(step())
    assert mock.gives(mock.cases[0].prompt) == "refused"


def test_what_belongs_to_no_conversation_is_refused() -> None:
    assert Mock(step()).says(Turn("user", "Find a title for this.")) == "refused"


def test_a_request_is_known_by_the_rule_that_took_it() -> None:
    asked = cases(EVERY_MODE, step(modes=["plain", "tools"], faults=["rate-limit"]), 0)
    words = [WORD.findall(rule["name"]) for rule in rules(EVERY_MODE, asked)["rules"]]
    assert {word for (word,) in words} == {case.word for case in asked}


def test_otherwise_the_mock_answers_what_the_product_says_it_asks_and_no_more() -> None:
    usual = usual_rules(USE)
    assert usual["strict"]
    assert [rule["match"] for rule in usual["rules"]] == [{"provider": ["cohere", "openai"]}]


def test_the_limits_are_the_mocks_own() -> None:
    own = (reading.RULE_LIMIT, problem.SIZE_LIMIT, sheet.NODE_LIMIT, sheet.DEPTH_LIMIT)
    assert own == (MOST_RULES, MOST_BYTES, MOST_VALUES, MOST_LEVELS)


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


def fits_the_mock(use: LlmUse, wanted: ConverseStep) -> bool:
    try:
        reading.read_rules(written(rules(use, cases(use, wanted, 0))))
    except reading.RulesError:
        return False
    return True


ALL = {"modes": list(get_args(Mode)), "faults": list(get_args(LlmFault))}
PROVIDERS = {provider: {"model": "m"} for provider in get_args(ProviderName)}


@pytest.mark.parametrize("arguments", [lambda n: {"a": [0] * n}, lambda n: {f"a{i}": 0 for i in range(n)}])
def test_values_and_keys_are_counted_as_the_mock_counts_them(arguments: Callable[[int], Any]) -> None:
    def sized(size: int) -> LlmUse:
        return use(providers={"openai": {"model": "m"}}, tool={"name": "a", "arguments": arguments(size)})

    wanted = step(modes=["streamed-tools"], faults=["truncate"])
    most = bisect_left(range(MOST_VALUES), 1, key=lambda size: bool(overfull(sized(size), wanted))) - 1
    assert " values in rules, and " in overfull(sized(most + 1), wanted)
    assert fits_the_mock(sized(most), wanted)
    assert not fits_the_mock(sized(most + 1), wanted)


@pytest.mark.parametrize(
    ("changed", "wanted", "reason"),
    [
        ({"providers": PROVIDERS}, ALL, "372 conversations ask for "),
        ({"tool": {"name": "add", "arguments": {"a": "x" * 200_000}}}, {"modes": ["tools"]}, " bytes of rules, and "),
        ({"tool": {"name": "add", "arguments": {"a": [0] * 9000}}}, {"modes": ["tools"]}, " values in rules, and "),
        ({"tool": {"name": "add", "arguments": nested(26)}}, {"modes": ["tools"]}, "33 levels of values within values"),
    ],
)
def test_more_than_the_mock_takes_is_known_beforehand(
    changed: Mapping[str, Any], wanted: Mapping[str, Any], reason: str
) -> None:
    assert reason in overfull(use(**changed), step(**wanted))
    assert not fits_the_mock(use(**changed), step(**wanted))


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"providers": PROVIDERS}, ALL | {"faults": ALL["faults"][:6]}),
        ({"providers": PROVIDERS}, ALL | {"faults": ALL["faults"][6:]}),
        ({"tool": {"name": "add", "arguments": nested(25)}}, {"modes": ["tools"]}),
        ({"tool": {"name": "\u00e9\u2028\x7f\U0001f600", "arguments": {"\x85": "\x9f\x7f"}}}, {"modes": ["tools"]}),
    ],
)
def test_what_fits_is_taken(changed: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert overfull(use(**changed), step(**wanted)) == ""
    assert fits_the_mock(use(**changed), step(**wanted))


def test_every_limit_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = step(modes=["tools"])
    for limit in ("MOST_RULES", "MOST_BYTES", "MOST_VALUES", "MOST_LEVELS"):
        with monkeypatch.context() as patch:
            patch.setattr(llm_rules, limit, 3)
            assert "takes 3 at most" in overfull(EVERY_MODE, wanted)
    assert overfull(EVERY_MODE, wanted) == ""

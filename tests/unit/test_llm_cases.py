from typing import get_args

import pytest
from llm_sample import USE
from pydantic import ValidationError

from lab.lifecycle.llm_cases import IMPOSSIBLE, TROUBLES, WORD, cases, rules, usual_rules
from lab.llm_mock.fault import KINDS
from lab.product.llm import LlmUse
from lab.scenario.llm import MODES, LlmFault
from lab.scenario.steps import ConverseStep


def step(**more: object) -> ConverseStep:
    return ConverseStep.model_validate({"step": "converse", **more})


def test_every_fault_has_a_meaning_and_modes_and_is_one_that_the_mock_knows() -> None:
    names = set(get_args(LlmFault))
    assert names == set(TROUBLES) == set(MODES)
    assert {each["kind"] for trouble in TROUBLES.values() for each in trouble.faults} <= set(KINDS)


def test_every_provider_is_asked_in_every_mode_by_a_word_of_its_own() -> None:
    found = cases(USE, step(modes=["plain", "tools", "streamed-tools"]), 10)
    assert [case.name for case in found] == ["openai, plain", "cohere, plain", "openai, tools", "cohere, tools"]
    assert len({case.word for case in found}) == len(found)
    assert all(case.word in case.prompt for case in found)
    for one in found:  # no word is the beginning of another one
        assert sum(one.word in other.word for other in found) == 1


def test_faults_go_to_the_modes_in_which_they_can_happen() -> None:
    found = cases(USE, step(modes=["plain", "stream"], faults=["truncate", "hang"]), 0)
    assert {(case.fault, case.mode) for case in found} == {
        ("truncate", "stream"), ("hang", "plain"), ("hang", "stream")
    }  # fmt: skip


def test_a_fault_that_cannot_happen_in_any_mode_of_the_step_is_refused() -> None:
    with pytest.raises(ValidationError, match="'truncate' can only happen in one of: stream"):
        step(modes=["plain"], faults=["truncate"])


def test_a_tools_result_must_be_in_what_the_model_is_told() -> None:
    written = rules(cases(USE, step(modes=["tools"]), 0), seed=1)
    call, answer = written["rules"][:2]
    assert written["strict"]
    assert (call["match"]["turn"], call["reply"]["calls"]) == (1, [{"name": "add", "arguments": {"a": 1}}])
    assert answer["match"]["result"] == {"contains": "42"}


def test_a_fault_that_passes_is_given_so_many_times_and_one_that_stays_always() -> None:
    passing, answer = rules(cases(USE, step(faults=["rate-limit"]), 0), seed=1)["rules"][:2]
    assert (passing["times"], "faults" in answer["reply"]) == (1, False)
    staying = rules(cases(USE, step(faults=["hang"]), 0), seed=1)["rules"][0]
    assert "times" not in staying


def test_otherwise_the_mock_answers_what_the_product_says_it_asks_and_no_more() -> None:
    usual = usual_rules(USE)
    assert usual["strict"]
    assert [rule["match"] for rule in usual["rules"]] == [{"provider": ["cohere", "openai"]}]


def test_what_a_protocol_has_no_room_for_is_not_tried() -> None:
    bedrock = LlmUse.model_validate(USE.model_dump(by_alias=True) | {"providers": {"bedrock": {"model": "m"}}})
    assert ("bedrock", "long-wait") in IMPOSSIBLE
    assert cases(bedrock, step(faults=["long-wait"]), 0) == []
    (limited,) = cases(bedrock, step(faults=["rate-limit"]), 0)
    assert limited.trouble.wait == 0


def test_each_provider_is_overloaded_in_its_own_way() -> None:
    both = LlmUse.model_validate(
        USE.model_dump(by_alias=True) | {"providers": {"anthropic": {"model": "m"}, "groq": {"model": "m"}}}
    )
    found = {case.provider: case.trouble.faults[0]["status"] for case in cases(both, step(faults=["overloaded"]), 0)}
    assert found == {"anthropic": 529, "groq": 503}


def test_a_request_is_known_by_the_rule_that_took_it() -> None:
    for case in cases(USE, step(modes=["plain", "tools"], faults=["rate-limit"]), 0):
        assert all(WORD.findall(rule["name"]) == [case.word] for rule in case.rules())

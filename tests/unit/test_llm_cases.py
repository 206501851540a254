"""Which conversations a step holds, under which faults, and which faults it cannot try."""

import re
from typing import get_args

import pytest
from llm_sample import USE
from pydantic import ValidationError

from lab import paths
from lab.lifecycle.llm_cases import IMPOSSIBLE, TROUBLES, cases, nothing_held, untried
from lab.llm_mock.families import NAMES, known
from lab.llm_mock.fault import KINDS
from lab.product.llm import SPEAKING, SPOKEN, Beside, LlmUse, Mode, ProviderName
from lab.scenario.llm import MODES, LlmFault
from lab.scenario.steps import ConverseStep


def step(**more: object) -> ConverseStep:
    return ConverseStep.model_validate({"step": "converse", **more})


def use(**changed: object) -> LlmUse:
    return LlmUse.model_validate(USE.model_dump(by_alias=True) | changed)


def test_every_fault_has_a_meaning_and_modes_and_is_one_that_the_mock_knows() -> None:
    names = set(get_args(LlmFault))
    assert names == set(TROUBLES) == set(MODES)
    assert {each["kind"] for trouble in TROUBLES.values() for each in trouble.faults} <= set(KINDS)


def test_providers_and_endpoints_have_the_mocks_names() -> None:
    assert get_args(ProviderName) == NAMES
    routes = {name: known(name).family.routes for name in NAMES}
    spoken = {name: {each.endpoint.name for each in found if each.endpoint.spoken} for name, found in routes.items()}
    assert {name: set(found) for name, found in SPEAKING.items()} == spoken
    asked = {each.endpoint for found in routes.values() for each in found if each.method == "POST"}
    assert set(get_args(Beside)) == {endpoint.name for endpoint in asked if not endpoint.spoken}
    assert set(get_args(Beside)).isdisjoint(SPOKEN)


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


def test_a_model_that_calls_tools_can_fail_in_every_way_in_which_another_can() -> None:
    for fault in get_args(LlmFault):
        assert ("stream" in MODES[fault]) <= ("streamed-tools" in MODES[fault])
        assert ("plain" in MODES[fault]) <= ("tools" in MODES[fault])


def test_the_guide_says_in_which_modes_and_with_whom_each_can_happen() -> None:
    guide = (paths.CHECKOUT / "docs" / "writing-a-scenario.md").read_text("utf8")
    table = guide[guide.index("| fault | in which modes |") :].split("\n\n")[0]
    told = {line.split("|")[1].strip(" `"): line.split("|")[2] for line in table.splitlines()[2:]}
    assert list(told) == list(get_args(LlmFault))
    for fault in get_args(LlmFault):
        cell = told[fault]
        modes = set(get_args(Mode)) if cell.startswith(" all") else set(re.findall("`([a-z-]+)`", cell))
        without = {word.lower() for word in re.findall(r"not of (\w+)", cell)}
        assert frozenset(modes) == MODES[fault]
        assert without == {name for name, impossible in IMPOSSIBLE if impossible == fault}


def test_a_fault_that_cannot_happen_in_any_mode_of_the_step_is_refused() -> None:
    with pytest.raises(ValidationError, match="'truncate' can only happen in one of: stream, streamed-tools"):
        step(modes=["plain", "tools"], faults=["truncate"])


@pytest.mark.parametrize(
    "twice", [{"modes": ["plain", "plain"]}, {"faults": ["hang", "failing", "hang"]}, {"also": ["embed", "embed"]}]
)
def test_what_stands_twice_is_refused(twice: dict[str, list[str]]) -> None:
    (names,) = twice.values()
    with pytest.raises(ValidationError, match=f"'{names[0]}' stands here more than once"):
        use(**twice) if "also" in twice else step(**twice)


def test_what_a_protocol_has_no_room_for_is_not_tried() -> None:
    bedrock = use(providers={"bedrock": {"model": "m"}})
    assert ("bedrock", "long-wait") in IMPOSSIBLE
    assert cases(bedrock, step(faults=["long-wait"]), 0) == []
    (limited,) = cases(bedrock, step(faults=["rate-limit"]), 0)
    assert limited.trouble.wait == 0


def test_each_provider_is_overloaded_in_its_own_way() -> None:
    both = use(providers={"anthropic": {"model": "m"}, "groq": {"model": "m"}})
    found = {case.provider: case.trouble.faults[0]["status"] for case in cases(both, step(faults=["overloaded"]), 0)}
    assert found == {"anthropic": 529, "groq": 503}


def test_faults_that_are_not_tried_are_told_with_the_reason() -> None:
    plain = use(modes={"plain": {"request": {"path": "/run"}}}, providers={"bedrock": {"model": "m"}})
    wanted = step(modes=["plain", "stream"], faults=["stall", "hang", "long-wait"])
    assert untried(plain, wanted) == [
        {"fault": "long-wait", "reason": "no provider of the definition can have it: bedrock"},
        {"fault": "stall", "reason": "the definition has none of the modes stream"},
    ]
    assert untried(USE, step(modes=["plain", "stream"], faults=["stall", "hang"])) == []
    assert untried(USE, step()) == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"modes": ["stream", "tools"]}, "the definition has none of the modes stream, tools"),
        ({"modes": ["stream"], "faults": ["hang"]}, "hang: the definition has none of the modes stream"),
        ({"faults": ["long-wait"]}, "long-wait: no provider of the definition can have it: bedrock"),
    ],
)
def test_why_there_is_no_conversation_at_all(wanted: dict[str, list[str]], reason: str) -> None:
    plain = use(modes={"plain": {"request": {"path": "/run"}}}, providers={"bedrock": {"model": "m"}})
    assert cases(plain, step(**wanted), 0) == []
    assert nothing_held(plain, step(**wanted)) == reason

"""What the model calls is run, what cannot be run is told to it, and nothing it says ends the service."""

import pytest
from fastapi.testclient import TestClient

from reference_agents.llm.conversation import Reply
from reference_agents.tests.scripted import DONE, calls, run


def test_calls_are_run_and_their_outputs_told(client: TestClient) -> None:
    called = calls(("add", '{"a": 2, "b": 0.5}'), ("look_up", '{"name": "Ada"}'))
    answer, provider = run(client, [called, DONE], "clerk", stream=True)
    assert (answer["success"], answer["message"]) == (True, "all is well")
    assert answer["tool_calls"] == [
        {"tool_name": "add", "args": {"a": 2, "b": 0.5}},
        {"tool_name": "look_up", "args": {"name": "Ada"}},
    ]
    assert answer["tool_outputs"] == [
        {"tool_name": "add", "output": "2.5"},
        {"tool_name": "look_up", "output": "extension 101"},
    ]
    told = provider.asked[1].messages[-1]
    assert [(each.call.id, each.text, each.failed) for each in told.results] == [
        ("call-0", "2.5", False),
        ("call-1", "extension 101", False),
    ]
    assert all(asked.stream for asked in provider.asked)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("divide", "{}", "there is no tool 'divide', only add, look_up"),
        ("\ud800", "{}", "there is no tool"),
        ("add", '{"a": 2', "are not JSON"),
        ("add", "[" * 100_000, "are not JSON"),
        ("add", '{"a": 1e999, "b": NaN}', "are not JSON"),
        ("add", '{"a": "2", "c": 1}', "do not fit add: a: Input should be a valid number; b: Field required; c: "),
        ("add", "[]", "do not fit add: arguments: "),
        ("look_up", '{"name": "\\ud800"}', "are not JSON"),
        ("add", f'{{"a": 1{"0" * 400}, "b": 1}}', "do not fit add: a: "),
    ],
)
def test_a_call_that_cannot_be_run_is_told_to_the_model(
    client: TestClient, name: str, arguments: str, said: str
) -> None:
    answer, provider = run(client, [calls((name, arguments)), DONE], "clerk")
    assert (answer["success"], answer["message"]) == (True, "all is well")
    assert said in answer["tool_outputs"][0]["output"]
    assert provider.asked[1].messages[-1].results[0].failed
    assert answer["tool_calls"][0]["args"] == arguments


def test_a_model_that_never_stops_calling_is_stopped(client: TestClient) -> None:
    answer, provider = run(client, [calls(("add", "{}"))], "clerk")
    assert (answer["success"], len(provider.asked)) == (False, 5)
    assert "still calls tools after 5 rounds" in answer["message"]


def test_an_agent_without_tools_reports_the_calls_and_makes_none(client: TestClient) -> None:
    answer, provider = run(client, [calls(("add", '{"a": 1, "b": 1}'))])
    assert answer["tool_calls"] == [{"tool_name": "add", "args": '{"a": 1, "b": 1}'}]
    assert (answer["tool_outputs"], len(provider.asked)) == ([], 1)


def test_text_that_cannot_be_stored_is_replaced(client: TestClient) -> None:
    assert run(client, [Reply("half \ud83d", finish="stop")])[0]["message"] == "half ?"

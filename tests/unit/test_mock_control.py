"""Orders to the LLM mock, and what it is told of the versions of a product."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from llm_sample import USE

from lab.errors import InfrastructureError
from lab.history import StepSkippedError
from lab.lifecycle import start
from lab.lifecycle.llm_rules import NO_RULES, usual_rules, written
from lab.lifecycle.mock_control import MockControl
from lab.lifecycle.refuse import refuse
from lab.lifecycle.setting import Session
from lab.scenario.steps import RefuseStep


def control(answer: httpx.Response | Exception) -> MockControl:
    def serve(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return MockControl(httpx.Client(transport=httpx.MockTransport(serve), base_url="http://mock"))


def test_what_was_dropped_before_the_question_is_no_matter_and_what_was_dropped_after_it_is() -> None:
    page = {"entries": [{"seq": 8}, {"seq": 9}], "next": 9, "dropped": 7}
    assert len(control(httpx.Response(200, json=page)).entries(7)) == 2
    with pytest.raises(InfrastructureError, match="2 requests are no longer in it"):
        control(httpx.Response(200, json=page)).entries(5)
    assert control(httpx.Response(200, json={"entries": [], "next": 9, "dropped": 7})).entries(9) == []


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(422, json={"detail": "line 3"}), httpx.Response(200, text="no"), httpx.ConnectError("gone")],
)
def test_a_mock_that_does_not_take_orders_is_the_labs_fault(answer: httpx.Response | Exception) -> None:
    with pytest.raises(InfrastructureError, match="does not take orders"):
        control(answer).rules()


def test_rules_are_sent_as_the_mock_reads_them() -> None:
    sent: list[bytes] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={})

    rules = {"schema": 1, "rules": [{"name": "\u2028\x7f"}]}
    MockControl(httpx.Client(transport=httpx.MockTransport(take), base_url="http://mock")).set_rules(rules)
    assert sent == [written(rules)] == [b'{"schema":1,"rules":[{"name":"\\u2028\\u007f"}]}']


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the mock is told to say, in order."""
    heard: list[Any] = []

    @contextmanager
    def listening(_session: Session) -> Iterator[Any]:
        yield SimpleNamespace(set_rules=heard.append)

    monkeypatch.setattr(start, "mock_control", listening)
    return heard


def test_each_version_has_rules_of_its_own_and_one_that_says_nothing_has_none(told: list[Any]) -> None:
    session = SimpleNamespace(instructed=None, slot="from", definition=SimpleNamespace(llm=None))
    start.instruct(cast("Session", session))
    assert told == []
    session.slot, session.definition = "to", SimpleNamespace(llm=USE)
    start.instruct(cast("Session", session))
    start.instruct(cast("Session", session))
    assert [rules["strict"] for rules in told] == [True]
    session.slot, session.definition = "from", SimpleNamespace(llm=None)
    start.instruct(cast("Session", session))
    assert told[1:] == [NO_RULES]


def test_a_version_that_is_to_refuse_its_start_has_its_own_rules_too(told: list[Any]) -> None:
    setting = SimpleNamespace(required_settings=lambda _slot: [])
    definition = SimpleNamespace(llm=USE, label="2")
    session = SimpleNamespace(instructed="from", slot="to", definition=definition, setting=setting)
    with pytest.raises(StepSkippedError, match="no required setting"):
        refuse(cast("Session", session), RefuseStep(step="refuse", because="missing-setting"), {})
    assert told == [usual_rules(USE)]

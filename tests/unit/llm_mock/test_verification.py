"""A verification counts the requests of a kind, and says which one comes closest where there are too few."""

import json
from typing import Any

import pytest

from lab.llm_mock.answer import Answer
from lab.llm_mock.decision import Decision
from lab.llm_mock.journal import Journal
from lab.llm_mock.question import Question, Tool, Turn
from lab.llm_mock.rules.problem import RulesError
from lab.llm_mock.verification import read_checks, verify
from lab.llm_mock.wire.base import Received

BODY = {
    "model": "gpt-4o-mini",
    "temperature": 0.5,
    "stream": False,
    "n": 1,
    "messages": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}],
    "tools": [{"type": "function", "function": {"name": "a"}}, {"type": "function", "function": {"name": "b"}}],
    "a.b": 1,
}


@pytest.fixture
def journal() -> Journal:
    made = Journal(lambda: 0.0)
    for text, model in (("hello", "gpt-4o-mini"), ("again", "gpt-4o-mini"), ("bonjour", "claude")):
        received = Received(
            "POST", "/v1/chat/completions", {}, {"authorization": "Bearer sk-mock-one", "x-tenant": "a"},
            json.dumps({**BODY, "model": model}).encode(),
        )  # fmt: skip
        question = Question(
            "openai", "chat", model, "0" * 64, turns=(Turn("system", "be kind"), Turn("user", text)), tools=(Tool("a"),)
        )
        decision = Decision(Answer("0" * 64, "hi"), rule="greeting" if text == "hello" else None)
        seq = made.begin(received=received, provider="openai", question=question, decision=decision)
        made.finish(seq, status=200, outcome="answered")
    made.finish(
        made.begin(received=Received("POST", "/x", {}, {}, b"no json"), provider="groq"),
        status=404,
        outcome="unmatched",
    )
    return made


def result(journal: Journal, check: dict[str, Any]) -> dict[str, Any]:
    [read], is_list = read_checks(json.dumps(check))
    assert not is_list
    return verify(read, journal.records())


@pytest.mark.parametrize(
    ("matches", "found"),
    [
        ({}, 4),
        ({"model": "gpt-*"}, 2),
        ({"user": {"equals": "hello"}, "system": "kind", "tool": "a", "turn": 1}, 1),
        ({"provider": "groq", "outcome": "unmatched", "status": 404}, 1),
        ({"rule": "greet*"}, 1),
        ({"key": "sk-mock-*", "header": {"X-Tenant": "a"}}, 3),
        ({"key": "sk-mock-two"}, 0),
        ({"header": {"authorization": ""}}, 0),
        ({"body": {"temperature": 0.5, "model": "claude"}}, 1),
        ({"body": {"messages": [{"role": "system"}, {"content": "hello"}]}}, 3),
        ({"body": {"messages": [{"role": "system"}]}}, 0),
        ({"body": {"messages[1].content": "hello", "tools[*].function": {"name": "b"}}}, 3),
        ({"body": {"messages[7].content": "hello"}}, 0),
        ({"body": {"tools[*].function.name": "c"}}, 0),
        ({"body": {"a.b": 1}}, 3),
        ({"body": {"n": True}}, 0),
        ({"body": {"stream": 0}}, 0),
        ({"body": {"stream": False, "n": 1.0}}, 3),
        ({"body": {"[[[": 1, "model.": 1, "messages[99999999999999999999].x": 1}}, 0),
    ],
)
def test_the_requests_that_fit_are_counted(journal: Journal, matches: dict[str, Any], found: int) -> None:
    told = result(journal, {"matches": matches, "count": {"exactly": found}})
    assert (told["ok"], told["found"], told["closest"]) == (True, found, None)
    assert len(told["seqs"]) == found


@pytest.mark.parametrize(
    ("count", "ok"),
    [
        (None, True),
        ({"exactly": 2}, True),
        ({"exactly": 1}, False),
        ({"at_least": 3}, False),
        ({"at_most": 1}, False),
        ({"at_least": 1, "at_most": 2}, True),
    ],
)
def test_the_number_has_to_be_right(journal: Journal, count: dict[str, int] | None, *, ok: bool) -> None:
    check = {"matches": {"model": "gpt-*"}} | ({"count": count} if count else {})
    assert result(journal, check)["ok"] is ok


def test_the_closest_is_the_newest_that_differs_in_the_least(journal: Journal) -> None:
    told = result(journal, {"matches": {"model": "claude", "user": "hello", "body": {"n": 2, "stream": False}}})
    assert not told["ok"]
    assert told["closest"] == {"seq": 3, "differs": ["user", "body.n"]}
    assert result(Journal(lambda: 0.0), {"matches": {}})["closest"] is None
    assert result(journal, {"matches": {}, "count": {"exactly": 1}})["closest"] is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "1:1: nothing to verify"),
        ("{}", "1:1: a check needs `matches`"),
        ("[{}, 1]", "1:2: a check needs `matches`"),
        ('{"matches": {"kee": 1}}', "1:14: matches has no 'kee': did you mean 'key'?"),
        ('{"matches": {"key": "sk-live"}}', "1:21: only a key made for mocks"),
        ('{"matches": {"body": []}}', "1:22: body must be a mapping"),
        ('{"matches": {}, "count": 1}', "1:26: count must be a mapping"),
        ('{"matches": {}, "count": {}}', "1:26: count has either"),
        ('{"matches": {}, "count": {"exactly": 1, "at_most": 1}}', "1:26: count has either"),
        ('{"matches": {}, "count": {"exactly": -1}}', "1:38: exactly must be a whole number from 0"),
    ],
)
def test_what_is_wrong_with_a_check_is_told(body: str, problem: str) -> None:
    with pytest.raises(RulesError) as caught:
        read_checks(body)
    assert str(caught.value.problems[0]).startswith(f"verify:{problem}")


def test_a_body_with_a_key_in_it_answers_no_questions_about_it() -> None:
    journal = Journal(lambda: 0.0)
    headers = {"authorization": "Bearer live-abcdefgh"}
    journal.begin(received=Received("POST", "/", {}, headers, b'{"key": "live-abcdefgh"}'), provider="openai")
    assert result(journal, {"matches": {"body": {"key": "live-abcdefgh"}}})["found"] == 0
    assert result(journal, {"matches": {"body": {"key": "[redacted]"}}})["found"] == 1

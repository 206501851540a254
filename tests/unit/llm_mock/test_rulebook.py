"""Rules are tried in their order, take the calls that fit, and draw the same lots for the same calls."""

from typing import Any

import pytest

from lab.llm_mock import mind
from lab.llm_mock.decision import Decision
from lab.llm_mock.question import Question, Tool, ToolResult, Turn
from lab.llm_mock.rules.reading import read_rules
from lab.llm_mock.rules.rulebook import Rulebook
from lab.llm_mock.wire.base import Received


def book(*rules: str, more: str = "", strict: bool = False) -> Rulebook:
    """A book of rules, each the inside of a mapping in braces."""
    listed = "".join(f"  - {{{rule}}}\n" for rule in rules)
    return Rulebook(read_rules(f"schema: 1\n{more}rules:\n{listed}" if rules else f"schema: 1\n{more}"), strict=strict)


QUESTION = Question(
    provider="openai",
    endpoint="chat",
    model="gpt-4o-mini",
    digest="a" * 64,
    turns=(
        Turn("system", "You are kind."),
        Turn("user", "Weather in Berlin?"),
        Turn("assistant"),
        Turn("tool", results=(ToolResult("1", "rain, 7 degrees"),)),
    ),
    tools=(Tool("lookup", {"type": "object"}), Tool("send_mail")),
)


def received(method: str = "POST", **headers: str) -> Received:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Received(method, "/v1/chat/completions", {}, named, b"{}")


def decide(rulebook: Rulebook, text: str = "hi", **options: Any) -> Decision:
    return rulebook.decide(received(**options), Question("openai", "chat", "m", "b" * 64, turns=(Turn("user", text),)))


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("{}", True),
        ("{provider: openai, endpoint: chat, model: gpt-4o-mini}", True),
        ("{provider: [groq, azure]}", False),
        ("{model: 'gpt-*'}", True),
        ("{model: ['claude-*', 'gpt-4o-????']}", True),
        ("{model: gpt}", False),
        ("{system: kind}", True),
        ("{system: {equals: kind}}", False),
        ("{user: {equals: 'Weather in Berlin?'}}", True),
        ("{user: {matches: '^Weather .*lin'}}", True),
        ("{user: {matches: '^weather'}}", False),
        ("{user: [snow, Berlin]}", True),
        ("{text: kind}", True),
        ("{text: degrees}", False),
        ("{tool: send_*}", True),
        ("{tool: send}", False),
        ("{result: 7 degrees}", True),
        ("{turn: 2}", True),
        ("{turn: [1, 3]}", False),
        ("{stream: false}", True),
        ("{stream: true}", False),
        ("{header: {X-Tenant: one}}", True),
        ("{header: {X-Tenant: {equals: number}}}", False),
        ("{header: {X-Other: ''}}", False),
        ("{key: sk-mock-one}", True),
        ("{key: 'sk-mock-*'}", True),
        ("{key: sk-mock-two}", False),
        ("{model: 'gpt-*', turn: 3}", False),
    ],
)
def test_all_conditions_have_to_hold_and_one_of_several_values(match: str, *, fits: bool) -> None:
    request = received(x_tenant="number one", authorization="Bearer sk-mock-one")
    rulebook = book(f"match: {match}, reply: {{text: taken}}")
    assert (rulebook.decide(request, QUESTION).rule == "rule-1") is fits


def test_a_reply_without_words_is_what_the_mock_says_anyway() -> None:
    usual = mind.answer(QUESTION)
    decision = book("reply: {fault: reset}").decide(received(), QUESTION)
    assert decision.answer == usual
    assert [fault.kind for fault in decision.faults] == ["reset"]
    assert book().decide(received(), QUESTION) == Decision(usual)


def test_what_a_rule_says_becomes_the_answer() -> None:
    text = book("reply: {text: Good morning}").decide(received(), QUESTION).answer
    assert (text.text, text.finish, text.calls) == ("Good morning", "stop", ())
    assert text.input_tokens == mind.answer(QUESTION).input_tokens
    said = book("reply: {json: {a: [1]}}").decide(received(), QUESTION).answer
    assert said.text == '{"a": [1]}'
    both = (
        book("reply: {text: well, calls: [lookup, {name: x, arguments: {q: 1}}]}").decide(received(), QUESTION).answer
    )
    assert (both.text, both.finish) == ("well", "tool_calls")
    assert [(call.name, call.arguments) for call in both.calls] == [("lookup", "{}"), ("x", '{"q": 1}')]
    assert len({call.id for call in both.calls}) == 2


def test_the_first_rule_that_is_left_takes_the_call() -> None:
    rulebook = book("name: a, skip: 1, times: 2, reply: {text: a}", "name: b, times: 2", "name: c")
    assert [decide(rulebook).rule for _ in range(6)] == ["b", "a", "a", "b", "c", "c"]
    told = rulebook.told()
    assert [(rule["name"], rule["matched"], rule["used"]) for rule in told["rules"]] == [
        ("a", 6, 2),
        ("b", 4, 2),
        ("c", 2, 2),
    ]
    assert (told["unused"], told["unmatched"]) == ([], 0)


def test_a_sequence_ends_with_its_last_reply_or_begins_anew() -> None:
    for then, said in (("", "abbbb"), (", then: cycle", "ababa")):
        rulebook = book(f"reply: {{sequence: [{{text: a}}, {{text: b}}]{then}}}")
        assert "".join(decide(rulebook).answer.text for _ in range(5)) == said


def test_the_same_seed_gives_the_same_calls_the_same_faults() -> None:
    rule = "reply: {faults: [{kind: reset, probability: 0.3}, {kind: empty-body, probability: 0.3}]}"
    same = [book(rule, more="seed: 1\n") for _ in range(2)]
    first, second = ([decide(each).faults for _ in range(200)] for each in same)
    assert first == second
    other = book(rule, more="seed: 2\n")
    assert [decide(other).faults for _ in range(200)] != first
    given = same[0].told()["rules"][0]["faults"]
    assert 30 < given["reset"] < 90
    assert given == {kind: sum(fault.kind == kind for faults in first for fault in faults) for kind in given}
    same[0].reset()
    assert [decide(same[0]).faults for _ in range(200)] == first


def test_a_rule_of_chance_leaves_the_other_calls_to_others() -> None:
    rulebook = book("name: a, probability: 0.5, times: 20", "name: b")
    rules = [decide(rulebook).rule for _ in range(100)]
    assert rules.count("a") == 20
    assert "b" in rules[: rules.index("a") + 20]
    assert rulebook.told()["rules"][0]["matched"] == 100


def test_a_strict_book_refuses_what_no_rule_takes_but_not_what_no_model_says() -> None:
    strict = book("match: {user: known}", more="strict: true\n")
    assert not decide(strict, "known").unmatched
    assert decide(strict, "new").unmatched
    assert not decide(strict, "new", method="GET").unmatched
    assert (strict.told()["unmatched"], strict.told()["unused"]) == (1, [])
    assert book(strict=True).strict
    assert not book(more="strict: false\n", strict=True).strict


def test_what_no_model_says_uses_up_no_turn_of_a_rule_for_all() -> None:
    rulebook = book("name: all, times: 1", "name: list, match: {endpoint: models}")
    models = Question("openai", "models", "", "e" * 64)
    assert rulebook.decide(received("GET"), models).rule == "list"
    assert decide(rulebook).rule == "all"


def test_rules_can_be_replaced_and_those_of_the_start_come_back() -> None:
    rulebook = book("name: first")
    decide(rulebook)
    rulebook.replace(read_rules("schema: 1\nrules: [{name: second}]\n"))
    assert rulebook.told()["unused"] == ["second"]
    decide(rulebook)
    rulebook.reset()
    assert rulebook.told()["unused"] == ["second"]
    rulebook.reset(rules=True)
    assert rulebook.told()["unused"] == ["first"]


def test_an_expression_is_tried_on_the_beginning_of_a_text_only() -> None:
    rulebook = book("match: {user: {matches: needle}}")
    assert decide(rulebook, "needle" + "x" * 100_000).rule == "rule-1"
    assert decide(rulebook, "x" * 100_000 + "needle").rule is None


def test_odd_texts_do_no_harm() -> None:
    rulebook = book("match: {user: a, model: '*'}, reply: {calls: [lookup]}")
    odd = Question("openai", "chat", "\ud800", "c" * 64, turns=(Turn("user", "a\ud800\x00"),), tools=(Tool("lookup"),))
    assert rulebook.decide(received(), odd).rule == "rule-1"
    assert rulebook.decide(received(), Question("openai", "embeddings", "m", "d" * 64, inputs=("a",))).rule == "rule-1"

"""Rules are read whole or not at all, and whatever is wrong with them is told with its place."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.llm_mock.fault import KINDS, Fault
from lab.llm_mock.rules.model import Match, Reply, RuledCall, RuledFault, Rules, TextTest
from lab.llm_mock.rules.problem import SIZE_LIMIT, RuleProblem, RulesError
from lab.llm_mock.rules.reading import read_rules
from lab.llm_mock.rules.replies import fault_options
from lab.llm_mock.rules.sheet import DEPTH_LIMIT, NODE_LIMIT
from lab.llm_mock.verification import read_checks

FULL = """\
schema: 1
strict: true
seed: 7
rules:
  - name: weather
    match:
      provider: [openai, azure]
      model: gpt-*
      user: {matches: "(?i)weather"}
      system: You are
      tool: lookup
      turn: 1
      stream: false
      header: {X-Tenant: {equals: a}}
      key: sk-mock-one
    times: 2
    skip: 1
    reply:
      calls: [{name: lookup, arguments: {city: Berlin, days: [1, 2.5, null]}}]
  - match: {result: sunny}
    reply: {text: It is sunny.}
  - probability: 0.5
    reply:
      sequence:
        - fault: {kind: status, status: 429, retry_after: 1, retry_after_form: ms}
        - faults: [reset, {kind: disconnect, after: 3, probability: 0.25}]
        - json: {ok: true}
      then: cycle
"""


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(RulesError) as caught:
        read_rules(text, "r.yaml")
    return [str(each) for each in caught.value.problems]


def rule(text: str) -> str:
    return f"schema: 1\nrules:\n  - {text}\n"


def test_everything_that_a_rule_can_say_is_read() -> None:
    rules = read_rules(FULL)
    weather, result, faulty = rules.rules
    assert (rules.strict, rules.seed) == (True, 7)
    assert (weather.name, weather.times, weather.skip, weather.line) == ("weather", 2, 1, 5)
    assert weather.match.provider == ("openai", "azure")
    assert weather.match.user is not None
    assert weather.match.user[0].pattern is not None
    assert weather.match.header == {"x-tenant": (TextTest("equals", "a"),)}
    assert weather.match.turn == (1,)
    assert weather.match.stream is False
    assert weather.replies == (Reply(calls=(RuledCall("lookup", '{"city": "Berlin", "days": [1, 2.5, null]}'),)),)
    assert (result.name, result.match) == ("rule-2", Match(result=(TextTest("contains", "sunny"),)))
    assert faulty.cycle
    assert faulty.probability == 0.5
    assert [reply.faults for reply in faulty.replies] == [
        (RuledFault(Fault("status", 429, retry_after=1.0, retry_after_form="ms")),),
        (RuledFault(Fault("reset")), RuledFault(Fault("disconnect", after=3), 0.25)),
        (),
    ]
    assert faulty.replies[2].text == '{"ok": true}'


def test_a_name_that_comes_twice_is_told_in_rules_of_one_line_as_well() -> None:
    written = '{"schema": 1, "rules": [{"name": "a"}, {"name": "rule-3"}, {}, {"name": "a"}]}'
    assert problems(written) == [
        "r.yaml:1:60: the name 'rule-3' belongs to rule 2",
        "r.yaml:1:64: the name 'a' belongs to rule 1",
    ]
    assert problems("schema: 1\nrules: [&a {name: a}, *a]\n") == ["r.yaml:2:9: the name 'a' belongs to rule 1"]


def test_json_is_read_as_well_with_tabs_exponents_and_halves_of_characters() -> None:
    written = r"""{"schema":1,	"rules":[
	{"reply": {"text":"\ud83d\ude00 \/ \"x\" \ud800", "fault": {"kind":"pace","rate":1e2}}}]}"""
    [read] = read_rules(written).rules
    assert read.replies[0].text == '\U0001f600 / "x" \ud800'
    assert read.replies[0].faults == (RuledFault(Fault("pace", rate=100.0)),)
    assert problems(written.replace("pace", "pase")) == ["r.yaml:2:69: kind cannot be 'pase': did you mean 'pace'?"]


@pytest.mark.parametrize("nothing", ["", "# nothing\n", b"\xef\xbb\xbf", "schema: 1\n", "schema: 1\nrules: []\n"])
def test_there_may_be_no_rules(nothing: str | bytes) -> None:
    assert read_rules(nothing, "r") == Rules(source="r")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: []\n", "1:1: the file needs `schema: 1`"),
        ("schema: 2\n", "1:9: schema must be a whole number from 1 to 1"),
        ("schema: 1\nruls: []\n", "2:1: the file has no 'ruls': did you mean 'rules'?"),
        ("schema: 1\nschema: 1\n", "2:1: the file has 'schema' twice"),
        ("- 1\n", "1:1: the file must be a mapping, not a list"),
        ("schema: 1\nrules: [\n", "3:1: expected the node content, but found '<stream end>'"),
        ("schema: 1\n---\nschema: 1\n", "2:1: but found another document"),
        ("schema: 1\nrules: *a\n", "2:8: found undefined alias 'a'"),
        ("schema: 1\nrules: \x07\n", "2:8: the character U+0007 is not allowed"),
        (b"schema: 1\nrules: \xff\n", "1:1: not UTF-8 at byte 17"),
        ('a: "\\UFFFFFFFF"\n', "1:7: not YAML: "),
        (rule("match: {modl: x}"), "3:13: match has no 'modl': did you mean 'model'?"),
        (rule("match: {model: 4}"), "3:20: model must be text, not a number: write it in quotes"),
        (rule("match: {text: yes}"), "3:19: text must be text, not true or false: write it in quotes"),
        (rule("match: {model: []}"), "3:20: model must not be an empty list"),
        (rule("match: {provider: opena}"), "3:23: provider cannot be 'opena': did you mean 'openai'?"),
        (rule("match: {user: {matches: '('}}"), "3:29: not a regular expression: missing )"),
        (rule(f"match: {{user: {{matches: '{'(' * 490}{')' * 490}'}}}}"), "3:29: not a regular expression"),
        (rule("match: {user: {}}"), "3:19: user must have one of equals, contains, matches"),
        (rule("match: {endpoint: chta}"), "3:23: endpoint cannot be 'chta': did you mean 'chat'?"),
        (rule("match: {turn: 0}"), "3:19: turn must be a whole number from 1"),
        (rule("match: {turn: true}"), "3:19: turn must be a whole number from 1"),
        (rule("match: {key: sk-live-1}"), "3:18: only a key made for mocks can be asked for"),
        (rule("match: {body: {a: 1}}"), "3:13: match has no 'body'"),
        (rule("times: 0"), "3:12: times must be a whole number from 1"),
        (rule("probability: .nan"), "3:18: probability must be a number from 0 to 1"),
        (rule("reply: {text: a, json: {}}"), "3:12: a reply with json has neither text nor calls"),
        (rule("reply: {then: cycle}"), "3:19: `then` says what comes after a sequence"),
        (rule("reply: {sequence: []}"), "3:23: a sequence needs a reply"),
        (rule("reply: {sequence: [{}], text: a}"), "3:12: a reply with a sequence has no text beside it"),
        (rule("reply: {calls: [{nme: a}]}"), "3:21: a call needs the name of a tool"),
        (rule("reply: {calls: [{name: a, arguments: '{'}]}"), "3:42: arguments must be a mapping; for broken"),
        (rule("reply: {json: .inf}"), "3:19: json has a value that JSON cannot say"),
        (rule("reply: {json: !!python/name:os.system x}"), "3:19: json has a value that JSON cannot say"),
        (rule("reply: {fault: {kind: stall, rate: 1}}"), "3:40: the fault 'stall' has no 'rate': it has after"),
        (rule("reply: {fault: {kind: empty-body, after: 1}}"), "3:46: the fault 'empty-body' has no 'after': it has"),
        (rule("reply: {fault: status}"), "3:20: the fault 'status' needs 'status'"),
        (rule("reply: {fault: {kind: status, status: 200}}"), "3:43: status must be a whole number from 400 to 599"),
        (rule("reply: {fault: hng}"), "3:20: fault cannot be 'hng': did you mean 'hang'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str | bytes, problem: str) -> None:
    assert [f"r.yaml:{problem}"] == [each[: len(f"r.yaml:{problem}")] for each in problems(text)][:1]


def test_several_problems_are_told_at_once_in_their_order() -> None:
    text = "schema: 1\nrules:\n  - {name: a, match: {turn: x}, times: -1}\n  - {name: a, reply: {tekst: b}}\nseed: s\n"
    places = [each.split(": ")[0] for each in problems(text)]
    assert places == [f"r.yaml:{place}" for place in ("3:29", "3:40", "4:5", "4:23", "5:7")]


def test_an_alias_may_be_used_but_not_to_make_much_of_little() -> None:
    [first, second] = read_rules(
        "schema: 1\nrules:\n  - match: &m {model: a}\n  - match: *m\n    reply: {text: b}\n"
    ).rules
    assert first.match == second.match
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n  " for n in range(1, 9))
    bomb = "schema: 1\nrules:\n- reply: {json: {a0: &a0 [x], " + levels.replace("\n  ", ", ") + "}}\n"
    assert f"more than {NODE_LIMIT} values" in problems(bomb)[-1]
    assert "json is nested too deeply" in problems(rule("reply: {json: &a [*a]}"))[-1]


def test_size_depth_and_number_are_bounded() -> None:
    assert problems(" " * (SIZE_LIMIT + 1)) == [f"r.yaml:1:1: more than {SIZE_LIMIT} bytes"]
    assert f"nested more than {DEPTH_LIMIT} deep" in problems("[" * 100_000)[0]
    assert f"over {NODE_LIMIT} values" in problems("[" + "1," * (NODE_LIMIT + 10) + "]")[0]


def test_every_kind_of_fault_can_be_asked_for() -> None:
    needed = {"status": "status: 500", "pace": "rate: 5", "slow-first-token": "seconds: 1"}
    faults = "".join(f"    - {{kind: {kind}, {needed.get(kind, 'probability: 1')}}}\n" for kind in KINDS)
    [read] = read_rules(f"schema: 1\nrules:\n- reply:\n    faults:\n{faults}").rules
    assert [each.fault.kind for each in read.replies[0].faults] == list(KINDS)


_WORDS = st.sampled_from(
    [
        "schema",
        "strict",
        "seed",
        "rules",
        "name",
        "match",
        "provider",
        "model",
        "user",
        "matches",
        "text",
        "header",
        "key",
        "turn",
        "stream",
        "times",
        "skip",
        "reply",
        "calls",
        "arguments",
        "json",
        "sequence",
        "then",
        "cycle",
        "fault",
        "faults",
        "kind",
        "status",
        "after",
        "probability",
        "retry_after",
        "exactly",
        "count",
        "body",
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
_SHAPED = st.fixed_dictionaries(
    {"schema": st.just(1), "rules": st.lists(st.dictionaries(_WORDS, _VALUES, max_size=4), max_size=3)}
).map(json.dumps)
_BITS = ["schema: 1\n", "rules:\n", "- ", "  ", "{", "}", "[", "]", ",", ": ", "? ", "&a ", "*a", "!!int ", "!x ",
         "|\n", ">-\n", '"', "'", "\\U", "\\x", "%YAML 9", "---\n", "...", "<<", "0x_", "1:60", "\t", "#", "match",
         "reply", "\n", "!!binary ", "!!timestamp ", "!!bool ", "!!null ", "9" * 5000, "1e9999", "\ud800"]  # fmt: skip


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.text(max_size=60) | st.binary(max_size=60) | _SHAPED | _VALUES.map(json.dumps)
    | st.lists(st.sampled_from(_BITS), max_size=30).map("".join)
)  # fmt: skip
def test_nothing_makes_the_reader_fail_in_another_way_than_its_own(text: str | bytes) -> None:
    readers: list[Callable[[str | bytes], object]] = [read_rules, read_checks]
    for problems in [problems_of(read, text) for read in readers]:
        assert all(each.line >= 1 and each.column >= 1 and each.message for each in problems)


def problems_of(read: Callable[[str | bytes], object], text: str | bytes) -> tuple[RuleProblem, ...]:
    try:
        read(text)
    except RulesError as error:
        return error.problems
    return ()


def blocks(language: str) -> list[str]:
    text = (Path(__file__).parents[3] / "docs" / "llm-mock.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_examples_of_the_document_are_right() -> None:
    [rules], [check] = blocks("yaml"), blocks("json")
    read = read_rules(rules, "docs/llm-mock.md")
    assert read.strict
    assert len(read.rules) == 7
    assert read_checks(check)[0][0].most == 2


def test_the_document_tells_every_fault_with_its_options() -> None:
    text = (Path(__file__).parents[3] / "docs" / "llm-mock.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|(.*?)\|.*\|$", text.partition("### Faults")[2], re.MULTILINE))
    told = {kind: set(re.findall(r"`(\w+)`", rows[kind])) - {"seconds", "ms", "date"} for kind in KINDS}
    assert told == {kind: set(fault_options(kind)) - {"seconds"} for kind in KINDS}

"""What a definition says of models and no run could do is refused where it stands, and nothing else is."""

from pathlib import Path

import pytest

from lab.errors import ScenarioError
from lab.product.catalog import load_product

PRODUCT = """\
schema: 1
name: sample
title: A sample
release: {from: "1", to: "2"}
secrets: [key]
llm:
  providers:
    openai: {model: gpt, with: {agent: a}}
    cohere: {model: command, with: {agent: b}}
  modes:
    plain:
      request:
        method: POST
        path: "/{llm.with.agent}"
        headers: {"x-{llm.case}": "{secret.key}"}
        json: {p: "{llm.prompt}"}
      expect: {json: {m: "{llm.model}"}}
      text: message
      called: {a: 1}
  tool: {name: add, arguments: {a: 1}, result: "42"}
  failure: {status: [200], json: {p: "{llm.provider}"}}
  logged: "{llm.provider} \\\\d{3}"
  retries: 2
  budget: 8
  environment: {A: "{llm.url}", B: "{llm.base_url}"}
versions: {"1": {}, "2": {}}
"""
BODY = 'p: "{llm.prompt}"'
HEADER = '"x-{llm.case}": "{secret.key}"'
Problem = tuple[str, str]


def problems(folder: Path, old: str = "", new: str = "", *, text: str = PRODUCT) -> list[Problem]:
    """Replace a text of the sample; return the rest of the line where each problem stands, and the problem."""
    assert old in text
    text = text.replace(old, new, 1) if old else text
    path = folder / "a.yaml"
    path.write_text(text, "utf8")
    try:
        load_product(str(path))
    except ScenarioError as error:
        return [(text.split("\n")[each.line - 1][each.column - 1 :], each.message) for each in error.problems]
    return []


def problem(folder: Path, old: str, new: str, *, text: str = PRODUCT) -> Problem:
    (found,) = problems(folder, old, new, text=text)
    return found


def test_what_is_filled_in_where_it_is_filled_in_is_no_fault(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


@pytest.mark.parametrize("key", ["environment", "llm", "removes", "expect", "versions", "image", "logged"])
def test_keys_within_a_body_are_no_sections(key: str, tmp_path: Path) -> None:
    assert problems(tmp_path, BODY, f'{key}: {{a: "{{llm.case}}", b: "{{port}}"}}') == []
    place, said = problem(tmp_path, BODY, f'{key}: {{a: "{{llm.cas}}"}}')
    assert (place, said) == ('"{llm.cas}"}}', "unknown placeholder {llm.cas}; did you mean 'llm.case'?")


def test_a_body_elsewhere_has_no_part_in_conversations_whatever_its_keys_are(tmp_path: Path) -> None:
    seed = 'seed: [{action: http, name: a, request: {path: /, json: {llm: "%s", environment: "%s"}}}]\nllm:'
    assert problems(tmp_path, "llm:", seed % ("{port}", "{base_url}")) == []
    assert problem(tmp_path, "llm:", seed % ("{llm.prompt}", "{version}"))[1] == "unknown placeholder {llm.prompt}"


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("model: gpt", 'model: "{llm.case}"', "llm.case"),
        ("agent: a", 'agent: "{port}"', "port"),
        ("text: message", 'text: "{llm.case}.a"', "llm.case"),
        ("called: {a: 1}", 'called: {a: "{llm.case}"}', "llm.case"),
        ("arguments: {a: 1}", 'arguments: {a: ["{saved.x}"]}', "saved.x"),
        ('result: "42"', 'result: "{port}"', "port"),
        ("name: add", 'name: "{version}"', "version"),
        ("      called: {a: 1}", '      events: lines\n      ends_with: "{llm.case}"', "llm.case"),
    ],
)
def test_a_placeholder_that_nobody_fills_in_is_refused(old: str, new: str, name: str, tmp_path: Path) -> None:
    place, said = problem(tmp_path, old, new)
    assert place.startswith(f'"{{{name}}}')
    assert said == f"{{{name}}} is not filled in here: this is taken as it is written"


def test_so_it_is_in_a_key(tmp_path: Path) -> None:
    assert problem(tmp_path, "called: {a: 1}", 'called: {"{matrix.a}": 1}')[1].startswith("{matrix.a} is not filled in")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('A: "{llm.url}"', 'A: "{port}"', "{port}"),
        ('A: "{llm.url}"', 'A: "{matrix.database}"', "{matrix.database}"),
        ("{llm.provider} ", "{llm.case} ", "{llm.case}"),
        ("/{llm.with.agent}", "{llm.with.agnt}", "{llm.with.agnt}; did you mean 'llm.with.agent'?"),
        ("{secret.key}", "{secret.kye}", "{secret.kye}; did you mean 'secret.key'?"),
    ],
)
def test_a_placeholder_that_is_not_known_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    place, told = problem(tmp_path, old, new)
    assert (place[:2], told) == ('"{', f"unknown placeholder {said}")


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("path: /", 'path: "/{llm.with.agent}"', "the mode 'plain'"),
        (HEADER, '"{llm.with.agent}": a', "the mode 'plain'"),
        (BODY, 'p: ["{llm.with.agent}"]', "the mode 'plain'"),
        ("{llm.model}", "{llm.with.agent}", "the mode 'plain'"),
        ('{p: "{llm.provider}"}', '{p: "{llm.with.agent}"}', "'failure'"),
    ],
)
def test_a_provider_without_a_value_that_is_asked_for_is_refused_at_its_own_place(
    old: str, new: str, where: str, tmp_path: Path
) -> None:
    text = PRODUCT.replace("{agent: b}", "{agnet: b}").replace('"/{llm.with.agent}"', "/")
    assert problems(tmp_path, text=text) == []
    place, said = problem(tmp_path, old, new, text=text)
    assert place == "{model: command, with: {agnet: b}}"
    wanted = f"it has no 'agent' under 'with', which {where} asks for by {{llm.with.agent}}"
    assert said == f"{wanted}; did you mean 'agnet'?"


def test_a_versions_own_providers_are_looked_at_for_its_own_requests(tmp_path: Path) -> None:
    own = """{llm: {providers: {groq: {model: a}}, failure: {}, retries: 0, budget: 1,
    modes: {plain: {request: {path: "/{llm.with.agent}"}}}}}"""
    place, said = problem(tmp_path, '"2": {}', f'"2": {own}')
    assert place.startswith("{model: a}}")
    assert said.startswith("it has no 'agent' under 'with'")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_json_lacks_is_refused_where_it_would_be_sent(number: str, tmp_path: Path) -> None:
    written = number.replace("inf", ".inf").replace("nan", ".nan")
    for old, new in (
        ("arguments: {a: 1}", f"arguments: {{a: [1, {written}]}}"),
        (BODY, f"p: {{q: {written}}}"),
        ("llm:", f"stop: {{quick: {{request: {{path: /, json: {written}}}}}}}\nllm:"),
        ("llm:", f"in_flight: {{request: {{path: /}}, new_work: {{path: /, json: [{written}]}}}}\nllm:"),
        ('"2": {}', f'"2": {{seed: [{{action: http, name: a, request: {{path: /, json: {written}}}}}]}}'),
    ):
        place, said = problem(tmp_path, old, new)
        assert place.startswith(written)
        assert said == f"JSON has no number '{number}'"
    assert problems(tmp_path, "called: {a: 1}", f"called: {{a: {written}}}") == []  # what a product says may be no JSON


NAME = "is no name of a header: letters, digits and hyphens of ASCII make one"
VALUE = "a header's value is printable ASCII, with no space before and none after it"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ('"x y": a', f"'x y' {NAME}"),
        ('"": a', f"'' {NAME}"),
        ("grüße: a", f"'grüße' {NAME}"),
        ("x: grüße", VALUE),
        ('x: " a"', VALUE),
        ('x: "a "', VALUE),
        ('x: "a\\nb: c"', VALUE),
        ('x: "a\\x7f"', VALUE),
        ('x: "{secret.key} ü"', VALUE),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused(header: str, said: str, tmp_path: Path) -> None:
    place, told = problem(tmp_path, HEADER, header)
    assert (place, told) == (header.partition(": ")[2] + "}", said)


@pytest.mark.parametrize("header", ['"{llm.case}": ""', '"{matrix.a}": "{port}"', 'x: "a\\tb  c"', "x: a"])
def test_a_header_that_can_be_sent_is_no_fault(header: str, tmp_path: Path) -> None:
    assert problems(tmp_path, HEADER, header) == []


def test_what_stands_twice_is_refused(tmp_path: Path) -> None:
    also = "also: [embeddings, rerank, embeddings]\n  retries: 2"
    assert problem(tmp_path, "retries: 2", also)[1] == "'embeddings' stands here more than once"
    assert problem(tmp_path, "    cohere:", "    openai:")[1] == "key 'openai' is already on line 8"


def test_what_no_provider_has_or_where_a_model_speaks_is_not_asked_beside_conversations(tmp_path: Path) -> None:
    assert "did you mean 'embeddings'?" in problem(tmp_path, "retries: 2", "also: [embedding]\n  retries: 2")[1]
    assert "must be one of" in problem(tmp_path, "retries: 2", "also: [chat]\n  retries: 2")[1]

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lab.llm_mock.instance import instance

FORMATS = ("date-time", "date", "time", "email", "uuid", "ipv4", "ipv6", "duration", "regex", "json-pointer")
PATTERNS = (
    "^[A-Z]{2}-\\d{4}$",
    "^\\+?[1-9]\\d{1,14}$",
    "(foo|bar)+",
    "^#(?:[0-9a-fA-F]{3}){1,2}$",
    "^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,}$",
    "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$",
    "\\bmock\\b",
    "^v\\d+(\\.\\d+){2}$",
)
NAMES = st.sampled_from(["a", "b", "c", "d", "x-1", "ä/~", ""])


def between(least: str, most: str, highest: int) -> st.SearchStrategy[dict[str, int]]:
    pairs = st.tuples(st.integers(0, highest), st.integers(0, highest)).map(sorted)
    return pairs.map(lambda pair: {least: pair[0], most: pair[1]})


def number(type_name: str) -> st.SearchStrategy[dict[str, Any]]:
    ranges = st.tuples(st.integers(-1000, 1000), st.integers(20, 500))
    bounded = ranges.map(lambda pair: {"type": type_name, "minimum": pair[0], "exclusiveMaximum": sum(pair)})
    multiples = st.sampled_from([1, 3, 7, 0.5, 0.1, 0.01, 10])
    return st.one_of(
        st.just({"type": type_name}),
        bounded,
        st.builds(lambda schema, step: {**schema, "multipleOf": step}, bounded, multiples),
        st.builds(lambda high, step: {"type": type_name, "maximum": high, "multipleOf": step},
                  st.integers(-50, 50), multiples),
    )  # fmt: skip


LEAVES = st.one_of(
    st.sampled_from([True, {}, {"type": "null"}, {"type": ["boolean", "null"]}, {"not": {"type": "string"}}]),
    st.sampled_from(
        [{"enum": [1, None, "x", [2.0], {"k": 1}]}, {"const": {"deep": [1]}}, {"type": ["string", "null"]}]
    ),
    number("integer"),
    number("number"),
    between("minLength", "maxLength", 40).map(lambda lengths: {"type": "string", **lengths}),
    st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.sampled_from(PATTERNS[2:3]).map(lambda pattern: {"type": "string", "pattern": pattern, "minLength": 11}),
    st.just({"$ref": "#/$defs/tree"}),
    st.just({"$ref": "#/$defs/expression"}),
)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    objects = st.builds(
        lambda said, closed, some: {
            "type": "object",
            "properties": said,
            "required": sorted(said)[: some % 5],
            **({"additionalProperties": False} if closed else {}),
        },
        properties, st.booleans(), st.integers(0, 9),
    )  # fmt: skip
    return st.one_of(
        objects,
        st.builds(lambda said, sizes: {"type": "array", "items": said, **sizes}, inner,
                  between("minItems", "maxItems", 5)),
        st.builds(lambda one, two: {"type": "array", "prefixItems": [one, two], "items": False, "minItems": 2},
                  inner, inner),
        st.builds(lambda one, other: {"anyOf": [False, one, other]}, inner, inner),
        st.builds(lambda one, other: {"allOf": [{"properties": {"left": one}, "required": ["left"]},
                                                {"type": "object", "properties": {"right": other},
                                                 "minProperties": 2}]}, inner, inner),
        st.builds(lambda one, other: {"oneOf": [
            {"type": "object", "properties": {"kind": {"const": kind}, "it": said}, "required": ["kind", "it"]}
            for kind, said in (("one", one), ("other", other))]}, inner, inner),
        inner.map(lambda said: {"type": "object", "additionalProperties": said, "minProperties": 2,
                                "propertyNames": {"pattern": "^[a-z]"}}),
    )  # fmt: skip


SCHEMAS = st.recursive(LEAVES, grown, max_leaves=8)
DEFINITIONS = {
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
        "required": ["name", "children"],
    },
    "expression": {
        "oneOf": [
            {
                "type": "object",
                "properties": {side: {"$ref": "#/$defs/expression"} for side in ("left", "right")},
                "required": ["left", "right"],
            },
            {"type": "number"},
        ]
    },
}


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(SCHEMAS, st.text("0123456789abcdef", min_size=8, max_size=8))
def test_it_fits_whatever_schema_it_is_asked_to_fit(schema: Any, seed: str) -> None:
    root = {"allOf": [schema], "$defs": DEFINITIONS}
    made = instance(root, seed=seed)
    Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(made)
    assert json.dumps(instance(json.loads(json.dumps(root)), seed=seed)) == json.dumps(made)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "OBJECT", "properties": {"n": {"type": "INTEGER", "nullable": True}}, "required": ["n"]},
        {"type": "array", "minItems": "2", "maxItems": "2", "items": {"type": "STRING", "enum": ["a"]}},
    ],
)
def test_openapi_s_way_of_writing_is_understood(schema: Any) -> None:
    assert instance(schema, seed="1") in ([*"aa"], {"n": 20}, {"n": None}) or instance(schema, seed="1")["n"] >= 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": [*range(30)]}, "uniqueItems": True, "minItems": 30},
        {"type": "array", "items": {"type": "integer"}, "contains": {"const": 5}, "minContains": 2},
        {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
        {"if": {"properties": {"k": {"const": 1}}, "required": ["k"]}, "then": {"required": ["x"]},
         "else": False, "type": "object", "properties": {"k": {"enum": [1, 2]}}},
        {"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}, "dependentSchemas": {
            "b": {"properties": {"c": {"type": "integer"}}, "required": ["c"]}}},
        {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
        {"type": "object", "patternProperties": {"^x_[a-z]+$": {"type": "integer"}}, "additionalProperties": False,
         "minProperties": 3},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e-12},
        {"type": "object", "properties": {"a": {"$ref": "#/definitions/A~1b"}}, "required": ["a"],
         "definitions": {"A/b": {"type": "string", "maxLength": 3, "minLength": 3}}},
        {"type": "string", "not": {"enum": ["a", "b"]}, "enum": ["a", "b", "c"]},
        {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]},
    ],
)  # fmt: skip
def test_rarer_words_of_the_language_are_kept(schema: Any) -> None:
    for seed in range(10):
        Draft202012Validator(schema).validate(instance(schema, seed=str(seed)))


def nested(depth: int, word: str) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {word: [schema]} if word.endswith("Of") else {word: schema, "type": "array", "minItems": 1}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 4000, "items": {"type": "array", "minItems": 4000, "items": {}}},
        {"type": "array", "minItems": 5000, "uniqueItems": True, "items": {"type": "integer", "exclusiveMaximum": 5000,
                                                                           "minimum": 0}},
        {"type": "string", "minLength": 10**12},
        {"$ref": "#"},
        {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"anyOf": [{"type": "array", "items": {"$ref": "#"}, "minItems": 3}] * 9},
        {"type": "string", "pattern": "^(x+x+)+y{100000}$"},
        {"type": "string", "pattern": "((((" * 200},
        {"type": "string", "pattern": "(a)\\1(?<!b)[z-a]"},
        {"enum": [*range(100_000)], "not": {}},
        {"enum": []},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "object", "required": [f"p{number}" for number in range(50_000)]},
        {"type": "integer", "minimum": 10**4000, "multipleOf": 10**4200},
        {"type": "number", "minimum": float("inf"), "multipleOf": 0, "maximum": float("nan")},
        nested(3000, "items"),
        nested(3000, "allOf"),
        nested(3000, "oneOf"),
        {"type": [[], 7, None], "properties": [], "required": {"a": 1}, "enum": 5, "anyOf": {}, "items": 3, "$ref": 4},
        {"minItems": -1, "maxLength": "many", "pattern": 9, "format": [], "$defs": 1, "propertyNames": None, "if": 1},
        {"type": "object", "required": ["\ud800", 5, None], "properties": {"\ud800": {"const": "\udfff"}}},
        {"$ref": "#/%zz/~2/99999999999999999999/", "dependentRequired": [], "dependencies": {"a": 4}},
        False, None, 7, "schema", [],
    ],
)  # fmt: skip
def test_no_schema_is_too_hostile_for_an_answer_that_can_be_written(schema: Any) -> None:
    assert len(json.dumps(instance(schema, seed="hostile"))) < 3_000_000


def test_a_date_is_one_and_another_seed_makes_another() -> None:
    schema = {"type": "string", "format": "date-time"}
    made = {instance(schema, seed=str(seed)) for seed in range(20)}
    assert len(made) > 15
    assert all(datetime.fromisoformat(each) for each in made)

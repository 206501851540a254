"""Whether a value fits a schema."""

from functools import partial
from typing import Any

from lab.llm_mock.schema.effort import Effort
from lab.llm_mock.schema.matching import found
from lab.llm_mock.schema.numbers import within
from lab.llm_mock.schema.reading import (
    Document,
    Part,
    breadth,
    enumerated,
    for_item,
    for_property,
    key,
    listed,
    mapping,
    names,
    types_of,
    whole,
)  # fmt: skip

DEEPEST = 80
_KINDS = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array"}


def kind_of(value: Any) -> str:
    """Return the name of a value's type; a number without a fraction is an integer."""
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return _KINDS.get(type(value), "object")


def fits(value: Any, schema: Any, document: Document, effort: Effort, depth: int = 0) -> bool:
    """Tell whether it fits, as far as the schema is understood; raises SpentError."""
    effort.spend()
    if schema is False:
        return False
    if not isinstance(schema, dict) or depth > DEEPEST:
        return True
    effort.spend(breadth(schema))
    if not _fits_itself(value, schema, effort):
        return False
    return _fits_others(value, schema, document, effort, depth) and _fits_kind(value, schema, document, effort, depth)


def _fits_itself(value: Any, schema: Part, effort: Effort) -> bool:
    types, values = types_of(schema), enumerated(schema, effort)
    if types is not None and kind_of(value) not in types:
        return False
    if values is None:
        return True
    effort.spend(len(values) // 8)
    return key(value, effort) in (key(each, effort) for each in values)


def _fits_others(value: Any, schema: Part, document: Document, effort: Effort, depth: int) -> bool:
    def fit(each: Any) -> bool:
        return fits(value, each, document, effort, depth + 1)

    for word in ("$ref", "$dynamicRef"):
        if word in schema and not fit(document.resolve(schema[word], effort)):
            return False
    if not all(map(fit, listed(schema.get("allOf")))):
        return False
    if (branches := listed(schema.get("anyOf"))) and not any(map(fit, branches)):
        return False
    if (branches := listed(schema.get("oneOf"))) and sum(map(fit, branches)) != 1:
        return False
    if "not" in schema and fit(schema["not"]):
        return False
    return "if" not in schema or fit(schema.get("then" if fit(schema["if"]) else "else", True))


def _fits_kind(value: Any, schema: Part, document: Document, effort: Effort, depth: int) -> bool:
    match value:
        case bool() | None:
            return True
        case int() | float():
            return within(value, schema)
        case str():
            effort.spend(len(value) // 100)
            return _counts(len(value), schema, "Length") and found(schema.get("pattern"), value, effort)
        case list():
            return _fits_array(value, schema, document, effort, depth)
        case _:
            return _fits_object(value, schema, document, effort, depth)


def _counts(count: int, schema: Part, what: str) -> bool:
    least, most = whole(schema.get(f"min{what}")), whole(schema.get(f"max{what}"))
    return (least is None or count >= least) and (most is None or count <= most)


def _fits_array(value: list[Any], schema: Part, document: Document, effort: Effort, depth: int) -> bool:
    if not _counts(len(value), schema, "Items"):
        return False
    if schema.get("uniqueItems") is True and len({key(each, effort) for each in value}) < len(value):
        return False
    for index, item in enumerate(value):
        if not all(fits(item, each, document, effort, depth + 1) for each in for_item(schema, index)):
            return False
    if "contains" not in schema:
        return True
    count = sum(fits(item, schema["contains"], document, effort, depth + 1) for item in value)
    least, most = whole(schema.get("minContains", 1)), whole(schema.get("maxContains"))
    return count >= (1 if least is None else least) and (most is None or count <= most)


def _fits_object(value: dict[str, Any], schema: Part, document: Document, effort: Effort, depth: int) -> bool:
    def fit(one: Any, each: Any) -> bool:
        return fits(one, each, document, effort, depth + 1)

    if not _counts(len(value), schema, "Properties") or not set(names(schema.get("required"))) <= value.keys():
        return False
    for name, each in value.items():
        if not all(fit(each, said) for said in for_property([schema], name, partial(found, effort=effort))):
            return False
        if "propertyNames" in schema and not fit(name, schema["propertyNames"]):
            return False
    for word in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, asked in mapping(schema.get(word)).items():
            met = set(names(asked)) <= value.keys() if isinstance(asked, list) else fit(value, asked)
            if name in value and not met:
                return False
    known = mapping(schema.get("properties")).keys()
    alone = not {"allOf", "anyOf", "oneOf", "$ref", "if"} & schema.keys()
    return not (alone and schema.get("unevaluatedProperties") is False and not value.keys() <= known)

"""A value that fits a JSON Schema."""

from collections.abc import Mapping
from random import Random
from typing import Any

from lab.llm_mock.schema.building import Builder
from lab.llm_mock.schema.effort import Effort, ImpossibleError, SpentError
from lab.llm_mock.schema.reading import Document, is_shallow, mapping, names, types_of, values_of

STEPS = 20_000
ROUGHLY_DEEP = 3
ROUGHLY_MANY = 50
_ROUGHLY: Mapping[str, Any] = {"null": None, "boolean": True, "integer": 0, "number": 0, "string": "mock", "array": []}


def instance(schema: Any, *, seed: str) -> Any:
    """Return a value that is valid against the schema, the same for the same seed.

    Clients send schemas of several drafts and of OpenAPI; what is not understood in them asks for nothing. Where a
    schema allows no value, or finding one would take too long, the value is small and merely of the right shape.
    """
    random = Random(seed.encode("utf-8", "surrogatepass"))  # noqa: S311 - no secret
    for lean in (False, True):
        try:
            return Builder(Document(schema), random, Effort(STEPS), lean=lean).value([schema])
        except (ImpossibleError, SpentError, RecursionError):
            continue
    return _roughly(schema, 0)


def _roughly(schema: Any, depth: int) -> Any:
    said = mapping(schema)
    for value in values_of(said) or ():
        if is_shallow(value):
            return value
    types = types_of(said)
    for kind, value in _ROUGHLY.items():
        if types is not None and kind in types:
            return value
    if depth >= ROUGHLY_DEEP:
        return {}
    properties = mapping(said.get("properties"))
    return {name: _roughly(properties.get(name), depth + 1) for name in names(said.get("required"))[:ROUGHLY_MANY]}

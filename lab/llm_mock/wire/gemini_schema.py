"""Gemini's schemas as JSON Schema: their types are in capitals, their names may have underscores."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from lab.llm_mock.wire.base import RejectedError

DEPTH = 64
_ONE = frozenset({"items", "additionalProperties", "not", "contains"})
_SEVERAL = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions"})
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def lowered(schema: Any, depth: int = 0) -> dict[str, Any]:
    """Return the schema as JSON Schema has it; raises RejectedError where it is no object or nested too deeply."""
    if not isinstance(schema, Mapping):
        raise RejectedError("Invalid value for a schema (type.googleapis.com/google.ai.generativelanguage.Schema)")
    if depth > DEPTH:
        raise RejectedError(f"A schema must not be nested deeper than {DEPTH} levels.")
    written = {camel(name): value for name, value in schema.items()}
    if written.get("type") == "TYPE_UNSPECIFIED":
        del written["type"]
    return {name: _lowered(name, value, depth + 1) for name, value in written.items()}


def _lowered(name: str, value: Any, depth: int) -> Any:
    if name == "type":
        return _type(value)
    if name in _ONE and isinstance(value, Mapping):
        return lowered(value, depth)
    if name in _SEVERAL and isinstance(value, list):
        return [lowered(each, depth) if isinstance(each, Mapping) else each for each in value]
    if name in _NAMED and isinstance(value, Mapping):
        return {key: lowered(each, depth) if isinstance(each, Mapping) else each for key, each in value.items()}
    # Protobuf's JSON has 64-bit numbers as text.
    if name.startswith(("min", "max")) and isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return value


def _type(value: Any) -> Any:
    if isinstance(value, list):
        return [each.lower() if isinstance(each, str) else each for each in value]
    return value.lower() if isinstance(value, str) else value


@cache
def snake(name: str) -> str:
    """Write a name with underscores, as some clients do."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def camel(name: str) -> str:
    """Write a name without underscores; `$defs` and names that begin with one stay as they are."""
    head, *others = name.split("_")
    return head + "".join(each[:1].upper() + each[1:] for each in others) if head else name

"""The few expressions that this repository's workflows use: names, `fromJSON(name)` and `always()`."""

import json
import re
from collections.abc import Mapping
from typing import Any

EXPRESSION = re.compile(r"\$\{\{\s*((?:(?!\}\}).)*?)\s*\}\}")
NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+")
FROM_JSON = re.compile(rf"fromJSON\(\s*({NAME.pattern})\s*\)")
CONTEXTS = {
    "github": {"ref", "run_attempt", "workspace"},
    "runner": {"temp"},
    "matrix": None,
    "needs": None,
    "steps": None,
}


class Refused(Exception):  # noqa: N818 - it is an answer
    """A workflow holds something that cannot be played."""


def value_of(text: str, scope: Mapping[str, Any] | None) -> Any:
    """Return a text with its expressions replaced; one that is a single expression keeps the value's kind.

    With None for the scope, only look whether every expression is one that is understood. Raises Refused.
    """
    if text.count("${{") != len(EXPRESSION.findall(text)):
        raise Refused(f"'{text}' holds half an expression")
    whole = EXPRESSION.fullmatch(text)
    if whole:
        return _evaluate(whole[1], scope)
    return EXPRESSION.sub(lambda found: str(_evaluate(found[1], scope)), text)


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """Replace expressions in every text of nested lists and mappings."""
    if isinstance(value, str):
        return value_of(value, scope)
    if isinstance(value, list):
        return [render(each, scope) for each in value]
    if isinstance(value, dict):
        return {key: render(each, scope) for key, each in value.items()}
    return value


def _evaluate(expression: str, scope: Mapping[str, Any] | None) -> Any:
    if expression == "always()":
        return True
    parsed = FROM_JSON.fullmatch(expression)
    if parsed:
        text = _look_up(parsed[1], scope)
        try:
            return None if scope is None else json.loads(text)
        except ValueError as error:
            raise Refused(f"{parsed[1]} is not JSON: {error}") from error
    if NAME.fullmatch(expression):
        return _look_up(expression, scope)
    raise Refused(f"the expression '{expression}' cannot be evaluated here")


def _look_up(name: str, scope: Mapping[str, Any] | None) -> Any:
    context, *rest = name.split(".")
    known = CONTEXTS.get(context, set())
    if known is not None and rest[0] not in known:
        raise Refused(f"'{name}' cannot be evaluated here")
    if scope is None:
        return ""
    found: Any = scope
    for part in (context, *rest):
        if not isinstance(found, Mapping) or part not in found:
            raise Refused(f"'{name}' has no value here")
        found = found[part]
    return found

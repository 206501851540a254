"""What a schema says once its references are followed and its alternatives chosen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from lab.llm_mock.schema.effort import GLANCED, Effort, ImpossibleError
from lab.llm_mock.schema.reading import (
    TYPES,
    Document,
    Part,
    breadth,
    listed,
    mapping,
    names,
    types_of,
    values_of,
    whole,
)

_NEVER = 1000  # the height of a schema that asks for itself
_FARTHEST = 12
_SIMPLE = ("null", "boolean", "integer", "number", "string", "array", "object")
_TELLING = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}
# Where one of these stands, what is built has to be looked at again.
_DOUBTFUL = {
    "anyOf", "oneOf", "not", "if", "contains", "maxContains", "propertyNames", "dependentRequired", "dependentSchemas",
    "dependencies", "unevaluatedProperties", "unevaluatedItems", "uniqueItems", "pattern", "patternProperties",
}  # fmt: skip


@dataclass
class Choices:
    """The alternatives of one attempt: attempt 0 takes the first of each, and the following go through all."""

    attempt: int
    combinations: int = 1

    def take(self, options: Sequence[Any]) -> Any:
        """Choose one."""
        self.combinations *= len(options)
        self.attempt, index = divmod(self.attempt, len(options))
        return options[index]


@dataclass
class Chosen:
    """Schemas without references and alternatives that a value has to fit together."""

    parts: list[Part] = field(default_factory=list)
    doubtful: bool = False


class Chooser:
    """Follows references and chooses among alternatives: at random, or what ends soonest where that is `lean`."""

    def __init__(self, document: Document, random: Random, effort: Effort) -> None:
        self._document = document
        self._random = random
        self._effort = effort
        self._heights: dict[int, int] = {}

    def chosen(self, wanted: Sequence[Any], choices: Choices, *, lean: bool) -> Chosen:
        """Return the schemas; raises ImpossibleError where one of them allows nothing."""
        found, seen, waiting = Chosen(), set[int](), list(wanted)[::-1]
        while waiting:
            self._effort.spend()
            schema = waiting.pop()
            if schema is False:
                raise ImpossibleError
            if not isinstance(schema, dict) or id(schema) in seen:
                continue
            seen.add(id(schema))
            self._effort.spend(breadth(schema))
            found.parts.append(schema)
            found.doubtful = found.doubtful or not _DOUBTFUL.isdisjoint(schema)
            for word in ("$ref", "$dynamicRef"):
                if word in schema:
                    waiting.append(self._document.resolve(schema[word], self._effort))
            waiting += listed(schema.get("allOf"))
            waiting += self._alternatives(schema, choices, lean=lean)
        return found

    def _alternatives(self, schema: Part, choices: Choices, *, lean: bool) -> list[Any]:
        written = [branches for word in ("anyOf", "oneOf") if (branches := listed(schema.get(word)))]
        taken = [choices.take(self._ordered(branches, lean=lean)) for branches in written]
        if "if" in schema:
            taken += choices.take([[schema["if"], schema.get("then", True)], [schema.get("else", True)]])
        waiting = names(schema.get("required"))
        asked = set(waiting)
        brought = mapping(schema.get("dependentRequired"))
        for name in waiting:  # it grows while it is gone through
            more = names(brought.get(name))
            self._effort.spend(1 + len(more) // GLANCED)
            waiting += [each for each in more if each not in asked]
            asked.update(more)
        for word in ("dependentSchemas", "dependencies"):
            taken += [each for name, each in mapping(schema.get(word)).items() if name in asked]
        return taken

    def _ordered(self, branches: Sequence[Any], *, lean: bool) -> list[Any]:
        if lean:
            return sorted(branches, key=self.height)
        start = self._random.randrange(len(branches))
        turned = [*branches[start:], *branches[:start]]
        return sorted(turned, key=lambda each: types_of(mapping(each)) == frozenset({"null"}))

    def height(self, schema: Any, distance: int = 0) -> int:
        """Return how many levels a value has at least."""
        self._effort.spend()
        if schema is False or distance > _FARTHEST:
            return _NEVER
        if not isinstance(schema, dict):
            return 0
        known = self._heights.get(id(schema))
        if known is None:
            self._heights[id(schema)] = _NEVER  # it asks for itself if it is met again on the way
            known = self._height(schema, distance + 1)
            if known < _NEVER:
                self._heights[id(schema)] = known
            else:
                del self._heights[id(schema)]
        return known

    def _height(self, schema: Part, distance: int) -> int:
        def least(branches: Sequence[Any]) -> int:
            return min((self.height(each, distance) for each in branches), default=0)

        if values_of(schema) is not None or "null" in (types_of(schema) or ()):
            return 0
        inner = []
        if "$ref" in schema:
            inner.append(self.height(self._document.resolve(schema["$ref"], self._effort), distance))
        inner += [self.height(each, distance) for each in listed(schema.get("allOf"))]
        inner += [least(listed(schema.get(word))) for word in ("anyOf", "oneOf")]
        properties = mapping(schema.get("properties"))
        inner += [1 + self.height(properties.get(name), distance) for name in names(schema.get("required"))[:50]]
        if whole(schema.get("minItems")) and "items" in schema:
            inner.append(1 + self.height(schema["items"], distance))
        return min(max(inner, default=0), _NEVER)


def kinds(parts: Sequence[Part], *, lean: bool, root: bool) -> list[str]:
    """Return the types a value may have, the one to be tried first in front; raises ImpossibleError.

    Where nothing tells the type, a root is an object, as tools want it, and what lies below is a text.
    """
    allowed = set(TYPES)
    for part in parts:
        if (types := types_of(part)) is not None:
            allowed &= types
    if not allowed:
        raise ImpossibleError
    if "number" in allowed:
        allowed.discard("integer")
    if len(allowed) == 1:
        return [*allowed]
    named = next((types for part in parts if (types := types_of(part)) is not None), None)
    told = {kind for part in parts for kind, words in _TELLING.items() if any(word in part for word in words)}
    if lean and named is not None:
        return [kind for kind in _SIMPLE if kind in allowed]
    order = ("object", "array", "string", "number", "integer", "boolean", "null")
    if named is None and not told and not root:
        order = ("string", "object", "array", "number", "integer", "boolean", "null")
    return sorted((kind for kind in order if kind in allowed), key=lambda kind: kind not in told)

"""Reading the keywords of a schema, whatever a client wrote there."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import unquote

from lab.llm_mock.schema.effort import GLANCED, PER_STEP, Effort

Part = Mapping[str, Any]
TYPES = ("string", "number", "integer", "object", "array", "boolean", "null")
MOST_VALUES = 2000  # of an enumeration that are looked at
DEEPEST = 64  # levels of a value that is taken over from a schema
MOST_TYPES = 32  # names of types that are looked at
_WIDE = (
    "required", "properties", "patternProperties", "anyOf", "oneOf", "dependentRequired", "dependentSchemas",
    "dependencies",
)  # fmt: skip
_LONGEST_NUMBER = 9  # digits of a number that stands in quotes


def mapping(value: Any) -> Mapping[str, Any]:
    """Return it where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> Sequence[Any]:
    """Return it where it is a list, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def names(value: Any) -> list[str]:
    """Return the strings of a list."""
    return [each for each in listed(value) if isinstance(each, str)]


def amount(value: Any) -> Fraction | None:
    """Return a number exactly as it is written in decimals; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(repr(value)) if math.isfinite(value) else None


def whole(value: Any) -> int | None:
    """Return a count: a whole number from 0; Gemini's clients put it in quotes."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER:
        return int(value)
    number = amount(value)
    return int(number) if number is not None and number.denominator == 1 and number >= 0 else None


def most_of(parts: Iterable[Part], keyword: str) -> int:
    """Return the largest count that a keyword has, 0 without any."""
    return max((count for part in parts if (count := whole(part.get(keyword))) is not None), default=0)


def least_of(parts: Iterable[Part], keyword: str) -> int | None:
    """Return the smallest count that a keyword has."""
    return min((count for part in parts if (count := whole(part.get(keyword))) is not None), default=None)


def types_of(part: Part) -> frozenset[str] | None:
    """Return the types that a schema names, None for any; names may be in upper case, and null be a flag."""
    written = part.get("type")
    found = {each.lower() for each in ([written] if isinstance(written, str) else names(listed(written)[:MOST_TYPES]))}
    found &= set(TYPES)
    if not found:
        return None
    if part.get("nullable") is True:
        found.add("null")
    return frozenset(found | {"integer"} if "number" in found else found)


def breadth(part: Part) -> int:
    """Return how many steps it takes to look at all the names and alternatives of a schema."""
    return (len(part) + sum([len(part[word]) for word in _WIDE if isinstance(part.get(word), dict | list)])) // GLANCED


def values_of(part: Part) -> Sequence[Any] | None:
    """Return the values that a schema lists, of a long list the first; None where it lists none."""
    if "const" in part:
        return [part["const"]]
    values = part.get("enum")
    return values[:MOST_VALUES] if isinstance(values, list) else None


def enumerated(part: Part, effort: Effort) -> list[Any] | None:
    """Return the values that a schema lists but those too deep to be written again; raises SpentError."""
    values = values_of(part)
    if values is None:
        return None
    shallow, seen = [], 0
    for each in values:
        level, levels = [each], 0
        while level and levels < DEEPEST:
            levels += 1
            seen += len(level)
            level = _within(level)
        if not level:
            shallow.append(each)
    effort.spend(seen // GLANCED)
    return shallow


def is_shallow(value: Any) -> bool:
    """Tell whether a value can be written again."""
    level = [value]
    for _ in range(DEEPEST):
        level = _within(level)
    return not level


def _within(level: Sequence[Any]) -> list[Any]:
    """Return what the lists and objects of one level hold."""
    return [each for outer in level if isinstance(outer, dict | list)
            for each in (outer.values() if isinstance(outer, dict) else outer)]  # fmt: skip


def key(value: Any, effort: Effort) -> str:
    """Return a text that two values share where JSON Schema calls them equal; raises SpentError."""
    written = _key(value)
    effort.spend(len(written) // PER_STEP)
    return written


def _key(value: Any) -> str:
    match value:
        case str() | bool() | None:
            return json.dumps(value)
        case float() if value.is_integer():
            return repr(int(value))
        case list():
            return f"[{','.join(map(_key, value))}]"
        case dict():
            return f"{{{','.join(sorted(f'{json.dumps(name)}:{_key(each)}' for name, each in value.items()))}}}"
        case _:
            return repr(value)


class Document:
    """The schema in which references are looked up."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def resolve(self, reference: Any, effort: Effort) -> Any:
        """Return what a reference points at; what lies elsewhere may be anything. Raises SpentError."""
        if not isinstance(reference, str):
            return {}
        effort.spend(len(reference) // GLANCED)
        if "#" not in reference:
            return self._named(reference, effort)
        pointer = unquote(reference.partition("#")[2])
        if pointer and not pointer.startswith("/"):
            return self._named(pointer, effort)
        found = self._root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and len(name) <= _LONGEST_NUMBER:
                found = found[int(name)] if int(name) < len(found) else {}
            else:
                found = mapping(found).get(name, {})
        return found

    def _named(self, name: str, effort: Effort) -> Any:
        for store in ("$defs", "definitions"):
            kept = mapping(mapping(self._root).get(store))
            effort.spend(len(kept) // 4)  # each is asked for three names
            for each in kept.values():
                if name in [mapping(each).get(word) for word in ("$anchor", "$dynamicAnchor", "$id")]:
                    return each
        return {}


def for_property(parts: Iterable[Part], name: str, matches: Callable[[Any, str], bool]) -> list[Any]:
    """Return what all parts say of a property; `matches(pattern, name)` tells whether a pattern is found in it."""
    found: list[Any] = []
    for part in parts:
        own = [each for pattern, each in mapping(part.get("patternProperties")).items() if matches(pattern, name)]
        if name in (properties := mapping(part.get("properties"))):
            own.append(properties[name])
        if not own and "additionalProperties" in part:
            own.append(part["additionalProperties"])
        found += own
    return found


def for_item(part: Part, index: int) -> list[Any]:
    """Return what one part says of the item at this place."""
    items = part.get("items")
    first = listed(part.get("prefixItems")) or listed(items)
    if index < len(first):
        return [first[index]]
    rest = part.get("additionalItems") if isinstance(items, list) else items
    return [] if rest is None else [rest]

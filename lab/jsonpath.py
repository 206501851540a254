"""Paths into JSON values: `a.0.b` walks, `a.#` counts, `a.#.b` collects b of every item."""

import math
from typing import Any


def look_up(value: Any, path: str) -> Any:
    """Return what lies at the path, None where it leads nowhere; an empty path is the value itself."""
    words = path.split(".") if path else []
    for position, word in enumerate(words):
        if word == "#":
            if not isinstance(value, list):
                return None
            rest = ".".join(words[position + 1 :])
            return [look_up(item, rest) for item in value] if rest else len(value)
        if isinstance(value, dict):
            value = value.get(word)
        elif isinstance(value, list) and word.isdecimal() and int(word) < len(value):
            value = value[int(word)]
        else:
            return None
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; unlike in Python, true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)

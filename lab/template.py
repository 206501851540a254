"""Placeholders in scenario and product files: `{name}`, replaced from a scope, never guessed."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from lab.errors import UsageError

PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_-]+)*)\}")
T = TypeVar("T")


def render(value: T, scope: Mapping[str, str]) -> T:
    """Replace placeholders in a text, or in every text of nested lists and mappings.

    Raises UsageError for a name that the scope lacks.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: _look_up(match[1], scope), value)  # type: ignore[return-value]
    if isinstance(value, list):
        return [render(item, scope) for item in value]  # type: ignore[return-value]
    if isinstance(value, dict):
        return {render(key, scope): render(item, scope) for key, item in value.items()}  # type: ignore[return-value]
    return value


def placeholders(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each placeholder's name in a nested value or its keys, with the path of keys to the text."""
    if isinstance(value, str):
        for match in PLACEHOLDER.finditer(value):
            yield at, match[1]
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from placeholders(key, (*at, key))
            yield from placeholders(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from placeholders(item, (*at, index))


def near(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for a near miss, or nothing."""
    return _near(word, tuple(known))


@lru_cache  # comparing is slow, and a file may repeat a mistake a hundred thousand times
def _near(word: str, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean '{found[0]}'?" if found else ""


def _look_up(name: str, scope: Mapping[str, str]) -> str:
    if name not in scope:
        raise UsageError(
            f"the placeholder {{{name}}} has no value here{near(name, scope)}",
            hint=f"there are: {', '.join(sorted(scope))}",
        )
    return scope[name]

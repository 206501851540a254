"""The fields of a request in Gemini's manner: named in either case, one where several may be, numbers as text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.llm_mock.wire.base import RejectedError
from lab.llm_mock.wire.gemini_schema import snake

LARGEST = 2**31 - 1
_NUMBER = re.compile(r"-?\d{1,10}", re.ASCII)


def wrong(where: str, expected: str) -> RejectedError:
    """Make the refusal of a field that is not what it has to be."""
    return RejectedError(f"Invalid value at '{where}' ({expected})")


def field(of: Mapping[str, Any], name: str) -> Any:
    """Return a field by its name in camel case, under which or its snake case it may stand."""
    value = of.get(name)
    return of.get(snake(name)) if value is None else value


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return an object; one that is null is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(where, "an object is expected")
    return value


def objects(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects; one alone stands for a list of it, and null for none."""
    if value is None:
        return ()
    if isinstance(value, dict):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise wrong(where, "a list of objects is expected")
    return value


def string(value: Any, where: str) -> str:
    """Return a text; one that is null is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise wrong(where, "TYPE_STRING")
    return value


def count(value: Any, where: str, most: int = LARGEST) -> int | None:
    """Return a number from 1 to `most`, which may stand as text; None where it is absent or 0."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(where, "TYPE_INT32")
    if not 0 < value <= most:
        raise RejectedError(f"Unable to submit request because {where} must be from 1 to {most}.")
    return value

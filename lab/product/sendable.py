"""What of a definition's requests and calls of tools nobody could send: headers that are none, numbers JSON lacks."""

import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from lab.product.actions import Request
from lab.product.llm import LlmTool
from lab.template import PLACEHOLDER
from lab.yamlfile import Loc

Fault = tuple[Loc, str]
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")
_SURROGATE = re.compile("[\ud800-\udfff]")


def unsendable(value: Any, at: Loc = ()) -> Iterator[Fault]:
    """Yield the faults of every request and every call of a tool in a definition, or in a part of one, with places."""
    if isinstance(value, Request):
        yield from faults_of(value, at)
    elif isinstance(value, LlmTool):
        yield from _unsayable(value.arguments, (*at, "arguments"))
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from unsendable(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from unsendable(item, (*at, key))


def faults_of(request: Request, at: Loc = ()) -> Iterator[Fault]:
    """Yield why a request cannot be sent, with places; what is not filled in yet stands for a word."""
    for name, value in request.headers.items():
        place = (*at, "headers", name)
        if not HEADER.fullmatch(PLACEHOLDER.sub("x", name)):
            yield place, f"'{name}' is no name of a header: letters, digits and hyphens of ASCII make one"
        if not VALUE.fullmatch(value):
            yield place, "a header's value is printable ASCII, with no space before and none after it"
    yield from _unsayable(request.json_body, (*at, "json"))


def _unsayable(value: Any, at: Loc) -> Iterator[Fault]:
    """Yield what JSON in UTF-8 has no room for."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unsayable(item, (*at, key))
            yield from _unsayable(key, (*at, key))
    elif isinstance(value, float) and not math.isfinite(value):
        yield at, f"JSON has no number '{value:g}'"
    elif isinstance(value, str) and _SURROGATE.search(value):
        yield at, "this text holds a character that UTF-8 cannot write"

"""Which tools an agent may offer to the model, and how a call becomes an output."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

MAX_BRACKETS = 100
DIRECTORY = {"Ada": "extension 101", "Grace": "extension 102", "Alan": "on leave until Monday"}


@dataclass(frozen=True)
class Tool:
    """A function that is offered to the model; what it takes is a pydantic model."""

    name: str
    description: str
    takes: type[BaseModel]
    run: Callable[[Any], str]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self.takes.model_json_schema()


@dataclass(frozen=True)
class Output:
    """What a call came to: its arguments where they fit, else None; where it failed the text says why."""

    text: str
    arguments: dict[str, Any] | None = None
    failed: bool = False


def call_tool(tools: Sequence[Tool], name: str, arguments: str) -> Output:
    """Run the tool of this name with arguments in JSON; what cannot be run is an output too, and never an exception."""
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        return Output(f"error: there is no tool {name!r}, only {', '.join(tool.name for tool in tools)}", failed=True)
    try:
        given = _read(arguments)
        taken = tool.takes.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors())
        return Output(f"error: the arguments do not fit {name}: {wrong}", failed=True)
    except (ValueError, RecursionError):
        return Output(f"error: the arguments of {name} are not JSON", failed=True)
    return Output(tool.run(taken), arguments=given)


def json_object(text: str) -> dict[str, Any]:
    """Return arguments as an object, to be told again to a provider that takes no text; empty if they are none."""
    try:
        found = _read(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(text: str) -> Any:
    if sum(map(text.count, "[{")) > MAX_BRACKETS:
        raise ValueError("too deep")
    found = json.loads(text, parse_constant=_number, parse_float=_number)
    json.dumps(found, ensure_ascii=False).encode()  # Half of a surrogate pair can be written in JSON, and nowhere else.
    return found


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # Such a number can be written into no answer.
        raise ValueError(text)
    return number


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Add(_Arguments):
    a: FiniteFloat
    b: FiniteFloat


class _LookUp(_Arguments):
    name: str


def _add(given: _Add) -> str:
    return f"{given.a + given.b:.15g}"


def _look_up(given: _LookUp) -> str:
    return DIRECTORY.get(given.name, f"nobody called {given.name!r} is in the directory")


ADD = Tool("add", "Add two numbers.", _Add, _add)
LOOK_UP = Tool("look_up", "Look up where a person of the house can be reached, by first name.", _LookUp, _look_up)

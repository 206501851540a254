"""What all probes ask for, and what an answer to it has to look like."""

from checking import holds, same

# One transparent pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


def vectors(found: list, count: int, length: int) -> None:
    """Raise unless these are so many vectors of this length, each of them of size 1."""
    same([len(vector) for vector in found], [length] * count)
    for vector in found:
        size = sum(number * number for number in vector)
        holds(abs(size - 1) < 0.01, size)


TOOL_NAME = "look_up_weather"
TOOL_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city", "days", "unit"],
    "additionalProperties": False,
}


def fits_tool(arguments: object, *, bounded: bool = True) -> None:
    """Raise unless these are arguments that the tool of the checks takes; some SDKs send no bounds of numbers."""
    holds(isinstance(arguments, dict), arguments)
    same(sorted(arguments), ["city", "days", "unit"])
    holds(isinstance(arguments["city"], str) and arguments["city"], arguments)
    holds(isinstance(arguments["days"], int | float), arguments)
    holds(not bounded or 1 <= arguments["days"] <= 7, arguments)
    holds(arguments["unit"] in {"celsius", "fahrenheit"}, arguments)


PERSON_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "mood": {"type": "string", "enum": ["glad", "sad"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "home": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "number": {"type": "integer"}},
            "required": ["street", "number"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "age", "mood", "tags", "home"],
    "additionalProperties": False,
}


def person_model() -> type:
    """Return the pydantic model of the same; SDKs that bring no pydantic never ask for it."""
    from typing import Literal

    from pydantic import BaseModel, ConfigDict

    class Home(BaseModel):
        model_config = ConfigDict(extra="forbid")
        street: str
        number: int

    class Person(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str
        age: int
        mood: Literal["glad", "sad"]
        tags: list[str]
        home: Home

    return Person


def fits_person(value: object) -> None:
    """Raise unless this fits the schema, without any library."""
    holds(isinstance(value, dict), value)
    same(sorted(value), ["age", "home", "mood", "name", "tags"])
    holds(isinstance(value["name"], str), value)
    holds(isinstance(value["age"], int) and 0 <= value["age"] <= 150, value)
    holds(value["mood"] in {"glad", "sad"}, value)
    holds(isinstance(value["tags"], list) and all(isinstance(tag, str) for tag in value["tags"]), value)
    same(sorted(value["home"]), ["number", "street"])
    holds(isinstance(value["home"]["number"], int), value)


SAID = "tell me of the tides and of the moon that pulls them"
ANSWER = "one two three four five six seven eight"
"""What the mock is told to say where a fault spoils it, so that facts do not depend on the mock's own words."""


def is_echo(text: object, said: str = SAID) -> None:
    """Raise unless this is what the mock says to a question: its own words, then the question's."""
    holds(isinstance(text, str) and text.startswith("mock answer ") and said[:60] in text, text)


def streams_wholly(parts: list[str], whole: str) -> None:
    """Raise unless a stream came in parts which together are the whole answer."""
    holds(len(parts) > 2, parts)
    same("".join(parts), whole)

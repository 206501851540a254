"""Where in the data one of pydantic's locations points, and what the model allows there.

Pydantic's locations also hold the tags and names of the unions passed through; walking the model's schema
beside the location tells those from keys.
"""

from typing import Any, TypeAlias

Loc: TypeAlias = tuple[str | int, ...]

_WRAPPERS = {  # kinds of schema that add nothing to a location, and where each keeps what it wraps
    "definitions": "schema",
    "model": "schema",
    "dataclass": "schema",
    "nullable": "schema",
    "default": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    "lax-or-strict": "strict_schema",
    "json-or-python": "json_schema",
}


class Walk:
    """One walk down a schema and the data together, along a location."""

    def __init__(self, schema: Any, data: Any) -> None:
        self.definitions: dict[str, Any] = {}
        self.schema = self.unwrap(schema)
        self.data = data
        self.path: list[str | int] = []
        self.known: tuple[str, ...] = ()
        self.unions: list[tuple[Loc, str]] = []
        self.key = False  # it is a dictionary's key that is wrong
        self.keys: Any = None  # what a dictionary's keys must be, while `data` is one of its values

    def unwrap(self, schema: Any) -> Any:
        """Return the schema that is left when what adds nothing to a location is taken off."""
        while schema:
            if schema["type"] == "definitions":
                self.definitions.update({d["ref"]: d for d in schema["definitions"]})
            if schema["type"] == "definition-ref":
                schema = self.definitions.get(schema["schema_ref"])
            elif schema["type"] in _WRAPPERS:
                schema = schema[_WRAPPERS[schema["type"]]]
            else:
                break
        return schema or {"type": "any"}

    def step(self, part: str | int) -> None:
        """Follow one part of a location."""
        schema, kind = self.schema, self.schema["type"]
        if part == "[key]" and self.keys and not _holds(self.data, part):
            self.key = True
        elif kind == "tagged-union":
            self.schema = self.unwrap(schema["choices"].get(part))
        elif kind == "union":
            self.unions.append((tuple(self.path), str(part)))
            self.schema = self.unwrap(self.member(schema["choices"], str(part)))
        elif kind in {"model-fields", "typed-dict"}:
            fields = {_alias(name, field): field for name, field in schema["fields"].items()}
            self.known = tuple(fields)
            self.descend(part, fields.get(str(part), {}).get("schema"))
        elif kind == "dict":
            self.descend(part, schema.get("values_schema"))
            self.keys = self.unwrap(schema.get("keys_schema"))
        elif kind == "tuple" and isinstance(part, int):
            items = schema["items_schema"]
            self.descend(part, items[min(part, len(items) - 1)] if items else None)
        elif kind in {"list", "set", "frozenset"}:
            self.descend(part, schema.get("items_schema"))
        elif _holds(self.data, part):  # a schema of a kind not known here: the data decides
            self.descend(part, None)

    def descend(self, part: str | int, schema: Any) -> None:
        """Go down to the value under a key or index."""
        self.path.append(part)
        self.keys = None
        self.data = child(self.data, part)
        self.schema = self.unwrap(schema)

    def member(self, choices: list[Any], label: str) -> Any:
        """Return the member that pydantic means by a label: its own, its class, or its kind of schema."""
        members = [choice if isinstance(choice, tuple) else (choice, None) for choice in choices]
        named = label.rstrip("]").rpartition(", ")[2]  # of "function-after[check(), Model]"
        for schema, own in members:
            if label == own or _class_name(schema, self.definitions) in {label, named}:
                return schema
        return next((s for s, _ in members if label.startswith(self.unwrap(s)["type"])), None)

    def words(self) -> tuple[str, ...]:
        """Return the values possible here, where there is a list of them."""
        schema = self.keys if self.key else self.schema
        kind = schema["type"]
        if kind == "tagged-union":
            return tuple(str(getattr(tag, "value", tag)) for tag in schema["choices"])
        values = {"literal": "expected", "enum": "members"}.get(kind)
        return tuple(str(getattr(v, "value", v)) for v in schema[values]) if values else ()


def _alias(name: str, field: Any) -> str:
    alias = field.get("validation_alias", name)
    while isinstance(alias, list):
        alias = alias[0]
    return str(alias)


def _class_name(schema: Any, definitions: dict[str, Any]) -> str | None:
    while schema and "cls" not in schema:
        reference = schema.get("schema_ref")
        schema = definitions.get(reference) if reference else schema.get("schema")
    return schema["cls"].__name__ if isinstance(schema, dict) else None


def _holds(data: Any, part: str | int) -> bool:
    return part in data if isinstance(data, dict) else child(data, part) is not None


def child(data: Any, part: str | int) -> Any:
    """Return the value under a key or index; None if there is none."""
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None

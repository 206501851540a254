"""What a reader needs to know of a YAML file's language, made from its models, in Markdown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from pydantic import BaseModel

from lab.strict import SLUG_PATTERN
from lab.yamlfile import load

Schema: TypeAlias = Mapping[str, Any]

_LONGEST_EXAMPLE = 12  # lines
_REF = "#/$defs/"
_WIDTH = 110
_INTRO = """\
<!-- Made from the models by `make schema`; a change here would be lost. -->

Every key that a file may have. An unknown key is an error, and so is a value of another type; `lab validate FILE` names
the line and the column.

- *name*: lower-case letters, digits and `.`, `_`, `-`, at most 63 characters, a letter or digit first.
- `${{VAR}}` in a text is replaced by that environment variable, which must be set; `${{VAR:-default}}` need not be.
{placeholders}- For editors: [{name}.schema.json](../schema/{name}.schema.json).
"""


@dataclass(frozen=True)
class Language:
    """One kind of YAML file: its name, the model that reads it, and files to take examples from."""

    name: str
    title: str
    model: type[BaseModel]
    examples: tuple[Path, ...]
    placeholders: str = ""


def markdown(language: Language) -> str:
    """Return the language's reference: a section for each mapping, with a row for each key."""
    return _Reference(language).text()


class _Reference:
    """One language's definitions, their sections, and an example of each that has one."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.root: Schema = language.model.model_json_schema(by_alias=True)
        self.defs: dict[str, Schema] = dict(self.root.get("$defs", {}))
        self.kinds: dict[str, tuple[str, str]] = {}  # definition: the key and the word that choose it
        self.unions: dict[str, list[str]] = {}  # such a key: the definitions that it chooses from
        self.order: list[str] = []
        self.followed: set[str] = set()  # the definitions whose own references were followed
        self.follow(self.root)
        self.examples: dict[str, list[Any]] = {}
        for path in language.examples:
            self.collect(self.root, load(path).data)

    def follow(self, schema: Any) -> None:
        """Note every definition that a schema leads to, in the order in which a reader meets them."""
        met = [self.met(found) for found in _inside(schema)]
        for name in (name for names in met for name in names if name not in self.order):
            self.order.append(name)
        for name in (name for names in met for name in names):
            if name not in self.followed:
                self.followed.add(name)
                self.follow(self.defs[name])

    def met(self, schema: Schema) -> list[str]:
        if "discriminator" not in schema:
            return [_target(schema)] if "$ref" in schema else []
        key, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
        names = {word: ref.removeprefix(_REF) for word, ref in mapping.items()}
        chosen = [_target(choice) for choice in schema["oneOf"]]
        self.unions[key] = list(dict.fromkeys(chosen))
        self.kinds |= {name: (key, word) for word, name in names.items()}
        return chosen

    def collect(self, schema: Schema, data: Any, name: str = "") -> None:
        """Keep every mapping of a file as an example of its definition."""
        if "$ref" in schema:
            name = _target(schema)
            schema = self.defs[name]
        for choice in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
            if self.suits(choice, data):
                self.collect(choice, data)
        if isinstance(data, dict):
            if name or schema is self.root:
                self.examples.setdefault(name, []).append(data)
            for key, value in data.items():
                self.collect(schema.get("properties", {}).get(key) or _entries(schema)[1], value)
        for item in data if isinstance(data, list) else ():
            self.collect(schema.get("items", {}), item)

    def suits(self, schema: Schema, data: Any) -> bool:
        """Tell whether a member of a union is the one that the data is written for."""
        target = self.defs[_target(schema)] if "$ref" in schema else schema
        fixed = {key: found["const"] for key, found in target.get("properties", {}).items() if "const" in found}
        if isinstance(data, dict):
            return target.get("type") == "object" and all(data.get(key, word) == word for key, word in fixed.items())
        return target.get("type") == "array" and isinstance(data, list)

    # How it is written

    def text(self) -> str:
        language = self.language
        filled = f"- What a run fills in a text: {language.placeholders}.\n" if language.placeholders else ""
        intro = _INTRO.format(name=language.name, placeholders=filled)
        parts = [f"# {language.title}\n\n{intro}", "## The file\n", *self.body(self.root, "")]
        told: set[str] = set()
        for name in self.order:
            key = self.kinds.get(name, ("", ""))[0]
            if not key:
                parts += [f"## {self.title(name)}\n", *self.body(self.defs[name], name)]
            elif key not in told:
                told.add(key)
                parts += self.union(key)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"

    def union(self, key: str) -> Iterator[str]:
        yield f"## {key}\n"
        yield f"The key `{key}` says which of these it is.\n"
        yield f"| `{key}` | |\n|---|---|"
        for name in self.unions[key]:
            yield f"| [{self.kinds[name][1]}](#{_anchor(self.title(name))}) | {_prose(self.defs[name])} |"
        for name in self.unions[key]:
            yield f"\n### {self.title(name)}\n"
            yield from self.body(self.defs[name], name)

    def title(self, name: str) -> str:
        if name in self.kinds:
            return ": ".join(self.kinds[name])
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()

    def body(self, schema: Schema, name: str) -> Iterator[str]:
        yield f"{_prose(schema)}\n"
        properties, required = schema.get("properties", {}), schema.get("required", ())
        shared = self.shared(properties, name)
        own = {key: found for key, found in properties.items() if key not in shared.get("properties", {})}
        yield "| key | value | default | meaning |\n|---|---|---|---|"
        for key, found in own.items():
            default = "**required**" if key in required else self.default(found)
            told = _prose(found) or self.told(found)
            yield f"| `{key}` | {_cell(self.value(found))} | {_cell(default)} | {_cell(told)} |"
        yield ""
        if shared:
            yield f"And every key of [{self.title(shared['title'])}](#{_anchor(self.title(shared['title']))}).\n"
        if example := self.example(name):
            yield f"```yaml\n{example}```\n"

    def shared(self, properties: Schema, name: str) -> Schema:
        """Return the largest other definition whose keys are all among these, and mean the same."""
        candidates = [
            found
            for other, found in self.defs.items()
            if other != name
            and other not in self.kinds
            and (keys := found.get("properties", {}))
            and len(keys) < len(properties)
            and all(properties.get(key) == value for key, value in keys.items())
        ]
        return max(candidates, key=lambda found: len(found["properties"]), default={})

    def example(self, name: str) -> str:
        """Return the shipped mapping that shows most keys and is still short."""
        written = [
            (
                len(data),
                yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=_WIDTH, allow_unicode=True),
            )
            for data in self.examples.get(name, [])
        ]
        short = [found for found in written if found[1].count("\n") <= _LONGEST_EXAMPLE]
        return max(short, key=lambda found: found[0], default=(0, ""))[1]

    def told(self, schema: Schema) -> str:
        """Return what the definition is for that a key without words of its own leads to."""
        choices = [schema, *schema.get("anyOf", ())]
        return next((_prose(self.defs[_target(choice)]) for choice in choices if "$ref" in choice), "")

    def default(self, schema: Schema) -> str:
        default = schema.get("default")
        if default is None:
            return "none"
        if isinstance(default, dict) and default:
            return "its keys' defaults"
        return f"`{_inline(default)}`" if default != "" else "empty"

    def value(self, schema: Schema) -> str:
        """Say in words what may stand there."""
        if "$ref" in schema:
            title = self.title(_target(schema))
            return f"[{title}](#{_anchor(title)})"
        if "discriminator" in schema:
            key = schema["discriminator"]["propertyName"]
            return f"[{key}](#{_anchor(key)})"
        if "const" in schema:
            return f"`{_inline(schema['const'])}`"
        if "enum" in schema:
            return " or ".join(f"`{_inline(word)}`" for word in schema["enum"])
        if "anyOf" in schema:
            return " or ".join(self.value(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
        return self.plain(schema)

    def plain(self, schema: Schema) -> str:  # noqa: PLR0911 - a table of kinds
        match schema.get("type"):
            case "string" if schema.get("pattern") == SLUG_PATTERN:
                return "*name*"
            case "string" if "pattern" in schema:
                return f"text that matches `{schema['pattern']}`"
            case "string":
                return "text, not empty" if schema.get("minLength") else "text"
            case "boolean":
                return "`true` or `false`"
            case "integer" | "number" as kind:
                return ("whole number" if kind == "integer" else "number") + _bounds(schema)
            case "array":
                least = ", at least one" if schema.get("minItems") else ""
                return f"list of {self.value(schema.get('items', {}))}{least}"
            case "object":
                key, value = map(self.value, _entries(schema))
                return f"mapping of {key} to {value}" + (", at least one" if schema.get("minProperties") else "")
        return "anything"


def _inside(schema: Any) -> Iterator[Schema]:
    """Yield every schema within a schema that refers to definitions, whole unions before their members."""
    if isinstance(schema, dict):
        if "$ref" in schema or "discriminator" in schema:
            yield schema
            return
        for key, found in schema.items():
            if key != "$defs":
                yield from _inside(found)
    for found in schema if isinstance(schema, list) else ():
        yield from _inside(found)


def _entries(schema: Schema) -> tuple[Schema, Schema]:
    """Return what keys and values of a mapping without fixed keys are."""
    for pattern, value in schema.get("patternProperties", {}).items():
        return {"type": "string", "pattern": pattern}, value
    more = schema.get("additionalProperties")
    return {"type": "string", **schema.get("propertyNames", {})}, more if isinstance(more, dict) else {}


def _bounds(schema: Schema) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "greater than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
    }
    return "".join(f", {said.format(f'{schema[key]:g}')}" for key, said in words.items() if key in schema)


def _target(schema: Schema) -> str:
    return str(schema["$ref"]).removeprefix(_REF)


def _prose(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _inline(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("\n").removesuffix("\n...")


def _anchor(title: str) -> str:
    """Return the anchor that a heading has, as GitHub and most others make it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def anchors(text: str) -> Sequence[str]:
    """Return the anchor of each heading of a Markdown text."""
    return [_anchor(line.lstrip("#").strip()) for line in text.splitlines() if line.startswith("#")]

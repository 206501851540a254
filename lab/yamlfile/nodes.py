"""From the text of one YAML document to nodes that know their places, within limits.

What YAML would let pass in silence (a key twice, a bomb of aliases, a tag that builds objects) is an error.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Never, TypeAlias

import yaml

from lab.errors import Problem, ScenarioError
from lab.yamlfile.problem import problem
from lab.yamlfile.scalars import Scalar, resolve, substitute, without_default

Place: TypeAlias = tuple[int, int]  # line and column, both from 1

MAX_NODES = 100_000  # counted after aliases are expanded
MAX_DEPTH = 50
MAX_PROBLEMS = 100  # nobody reads on, and finding each place takes time

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STANDARD = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, str]] = {
    _STANDARD + "int": (int, "a whole number"),
    _STANDARD + "float": (float, "a number"),
    _STANDARD + "bool": (bool, "true or false"),
    _STANDARD + "null": (type(None), "empty"),
}
_PLAIN_WORDS = {
    r"found character '\t' that cannot start any token": "a tab cannot be used here; indent with spaces",
    "found character that cannot start any token": "a tab or one of @ ` % cannot start a value; quote it",
}


@dataclass(slots=True)
class Node:
    """One value where it stands; `written` is a scalar's text before variables were put in."""

    place: Place
    content: "Scalar | list[Node] | dict[str, tuple[Place, Node]]" = None
    written: str = ""
    size: int = 1  # nodes in it, itself included, aliases expanded
    height: int = 1

    def child(self, part: str | int) -> "tuple[Place, Node] | None":
        """Return the place of the key (or item) and the value under it."""
        if isinstance(self.content, dict):
            return self.content.get(part) if isinstance(part, str) else None
        if isinstance(self.content, list) and isinstance(part, int) and 0 <= part < len(self.content):
            return self.content[part].place, self.content[part]
        return None

    def plain(self) -> Any:
        """Return the value as dicts, lists and scalars that share nothing."""
        if isinstance(self.content, dict):
            return {name: value.plain() for name, (_, value) in self.content.items()}
        return [item.plain() for item in self.content] if isinstance(self.content, list) else self.content


def parse(path: str, source: str, environ: Mapping[str, str]) -> Node:
    """Return the root of the one document in `source`; ScenarioError lists what is wrong with it as YAML."""
    return _Builder(path, source, environ).document()


def place_after(text: str) -> Place:
    """Return where the next character after `text` stands, if `text` is the beginning of a file."""
    lines = _LINE_END.split(text)
    return len(lines), len(lines[-1]) + 1


class _Builder:
    """Turns the parser's events into nodes, so that no limit is passed before it is seen."""

    def __init__(self, path: str, source: str, environ: Mapping[str, str]) -> None:
        self.path = path
        self.source = source
        self.environ = environ
        self.line_starts = [0, *(end.end() for end in _LINE_END.finditer(source))]
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node | None] = {}  # None: still being read
        self.count = 0
        self.events: Iterator[Any] = iter(yaml.parse(source, Loader=_LOADER))

    def place(self, index: int) -> Place:
        """Return where an index stands as editors count; the parser's lines also end at U+2028, and after the end."""
        index = min(index, len(self.source))
        line = bisect_right(self.line_starts, index)
        return line, index - self.line_starts[line - 1] + 1

    def at(self, event: Any) -> Place:
        return self.place(event.start_mark.index)

    def note(self, place: Place, message: str) -> None:
        self.problems.append(problem(self.path, place, message))
        if len(self.problems) == MAX_PROBLEMS:
            self.refuse()

    def fail(self, place: Place, message: str) -> Never:
        self.note(place, message)
        self.refuse()

    def refuse(self) -> Never:
        raise ScenarioError(sorted(set(self.problems)))

    def document(self) -> Node:
        try:
            next(self.events)  # the stream starts
            if isinstance(next(self.events), yaml.StreamEndEvent):
                self.fail((1, 1), "the file is empty")
            root = self.node(next(self.events), 1)
            next(self.events)  # the document ends
            if not isinstance(second := next(self.events), yaml.StreamEndEvent):
                self.fail(self.at(second), "a second document starts here; a file holds one")
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark or error.context_mark
            said = _PLAIN_WORDS.get(str(error.problem), str(error.problem or error.context))
            during = f" ({error.context})" if error.problem and error.context else ""
            self.fail(self.place(mark.index) if mark else (1, 1), f"not valid YAML: {said}{during}")
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # a character that no text can hold
            self.fail((1, 1), f"not valid YAML: {error}")
        if root.content is None:
            self.note((1, 1), "the file is empty")
        if self.problems:
            self.refuse()
        return root

    def spend(self, event: Any, nodes: int, depth: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            self.fail(self.at(event), f"more than {MAX_NODES} values, counting what aliases repeat")
        if depth > MAX_DEPTH:
            self.fail(self.at(event), f"nested more than {MAX_DEPTH} levels deep")

    def node(self, event: Any, depth: int, *, key: bool = False) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        self.spend(event, 1, depth)
        before = self.count
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, key=key)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.tag(event, "seq")
            items = [self.node(e, depth + 1) for e in self.until(yaml.SequenceEndEvent)]
            node = Node(self.at(event), items, height=1 + max((i.height for i in items), default=0))
        else:
            self.tag(event, "map")
            node = self.mapping(event, depth)
        node.size = self.count - before + 1
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self.events), end):
            yield event

    def alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self.anchors:
            self.fail(self.at(event), f"alias '*{event.anchor}' names no anchor '&{event.anchor}' before it")
        if (node := self.anchors[event.anchor]) is None:
            self.fail(self.at(event), f"alias '*{event.anchor}' stands inside what it repeats")
        self.spend(event, node.size, depth + node.height - 1)
        return node

    def mapping(self, start: Any, depth: int) -> Node:
        own: dict[str, tuple[Place, Node]] = {}
        merged: dict[str, tuple[Place, Node]] = {}
        seen: dict[str, Place] = {}
        height = 0
        for event in self.until(yaml.MappingEndEvent):
            place = self.at(event)
            key = self.node(event, depth + 1, key=True)
            value = self.node(next(self.events), depth + 1)
            height = max(height, key.height, value.height)
            if not isinstance(key.content, str):
                self.note(place, _bad_key(key))
                continue
            name = key.written
            if name in seen:
                self.note(place, f"key '{name}' is already on line {seen[name][0]}")
                continue
            seen[name] = place
            if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and name == "<<":
                self.merge(merged, value)
            else:
                own[name] = (place, value)
        return Node(self.at(start), merged | own, height=1 + height)

    def merge(self, merged: dict[str, tuple[Place, Node]], value: Node) -> None:
        for source in value.content if isinstance(value.content, list) else [value]:
            if not isinstance(source.content, dict):
                self.note(source.place, "'<<' takes a mapping or a list of mappings")
                continue
            for name, entry in source.content.items():
                merged.setdefault(name, entry)  # the first source wins

    def tag(self, event: Any, *allowed: str) -> None:
        if event.tag not in {None, "!", *(_STANDARD + name for name in allowed)}:
            shown = "!!" + event.tag.removeprefix(_STANDARD) if event.tag.startswith(_STANDARD) else event.tag
            self.note(self.at(event), f"tag '{shown}' is not allowed here")

    def scalar(self, event: Any, *, key: bool) -> Node:
        place, text = self.at(event), event.value
        self.tag(event, "str", "int", "float", "bool", "null")
        wanted = _SCALAR_TAGS.get(event.tag)
        content: Scalar = text
        if wanted or (event.tag is None and event.implicit[0]):
            try:
                content = resolve(text)
            except ValueError:
                self.note(place, "this number is too large; quote it if it is text")
        if wanted and wanted[0] is float and type(content) is int:
            content = float(content)
        if wanted and type(content) is not wanted[0]:
            self.note(place, f"tag '!!{event.tag.removeprefix(_STANDARD)}' stands before what is not {wanted[1]}")
        elif isinstance(content, str) and not key:
            content = self.substitute(event, content)
        if isinstance(content, str) and _SURROGATE.search(content):
            self.note(place, "this text holds a character that UTF-8 cannot write")
        if isinstance(content, str) and "\0" in content:
            self.note(place, "this text holds a NUL, which no file name, command or variable can hold")
        return Node(place, content, written=text)

    def substitute(self, event: Any, text: str) -> str:
        result, unset = substitute(text, self.environ)
        if unset:
            found = without_default(self.source, event.start_mark.index, event.end_mark.index)
            first = dict(reversed(list(found)))
            for name in dict.fromkeys(unset):
                message = f"environment variable {name} is not set; set it or write ${{{name}:-default}}"
                self.note(self.place(first.get(name, event.start_mark.index)), message)
        return result


def _bad_key(key: Node) -> str:
    if isinstance(key.content, dict | list):
        return f"a key must be text, not {'a list' if isinstance(key.content, list) else 'a mapping'}"
    if not key.written:
        return "a key is missing before ':'"
    kind = {bool: "true or false", type(None): "an empty value"}.get(type(key.content), "a number")
    return f'key {key.written} is {kind}, and a key must be text; put it in quotes: "{key.written}"'

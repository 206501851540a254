"""A file of rules as nodes that know their place, read within limits; what is wrong with it is collected."""

import difflib
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lab.llm_mock.rules.problem import SIZE_LIMIT, RuleProblem, RulesError

NODE_LIMIT = 20_000
DEPTH_LIMIT = 32
WORD_LIMIT = 40
WHOLE_BITS = 1024
MAX_WHOLE = 2**53  # beyond it a JSON number is not exact everywhere
_TAG = "tag:yaml.org,2002:"
_TEXTS = {_TAG + "str", _TAG + "timestamp"}
# JSON's numbers, and what can mean nothing else: a plus in front, and a point without digits on one side. YAML would
# also read 010, 1_000 and 12:30 as numbers, and other ones than they seem: they are texts, as they are in YAML 1.2.
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_NUMBERS = {_TAG + "int", _TAG + "float"}


class Sheet:
    """One file and the problems found in it; whatever cannot be read is None, and is a problem."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[RuleProblem] = []
        self._left = NODE_LIMIT

    def compose(self, text: str | bytes) -> Node | None:
        """Return the root; None where there is nothing. Raises RulesError where it is no YAML, or too much of it."""
        if len(text) > SIZE_LIMIT:
            self._give_up(1, 1, f"more than {SIZE_LIMIT} bytes")
        try:
            decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        except UnicodeDecodeError as error:
            self._give_up(1, 1, f"not UTF-8 at byte {error.start}")
        loader = None
        try:
            loader = _Loader(_without_tabs(decoded))
            node: Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = error.problem or error.context or "not YAML"
            self._give_up(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, said)
        except yaml.reader.ReaderError as error:
            before = decoded[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            self._give_up(line, column, f"the character U+{error.character:04X} is not allowed")
        except (ValueError, OverflowError, ArithmeticError) as error:  # an escape or a version beyond all numbers
            mark = loader.get_mark() if loader is not None else None
            self._give_up(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, f"not YAML: {error}")
        return node

    def say(self, node: Node, message: str) -> None:
        """Record a problem at a node."""
        mark = node.start_mark
        self.problems.append(RuleProblem(mark.line + 1, mark.column + 1, message, self.source))

    def finish(self) -> None:
        """Raise RulesError if there were problems."""
        if self.problems:
            raise RulesError(self.problems)

    def fields(self, node: Node, what: str, known: Collection[str]) -> dict[str, Node]:
        """Return the values of a mapping by their names."""
        found: dict[str, Node] = {}
        for key, value in self.pairs(node, what):
            if key.value in known:
                found[key.value] = value
            else:
                self.say(key, f"{what} has no {quoted(key.value)}{near(key.value, known)}")
        return found

    def pairs(self, node: Node, what: str) -> Iterator[tuple[ScalarNode, Node]]:
        """Give the names and values of a mapping; a name that comes twice is a problem."""
        self._spend(node)
        if not isinstance(node, MappingNode):
            self.say(node, f"{what} must be a mapping, not {kind(node)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.say(key, f"a name in {what} must be text, not {kind(key)}")
            elif key.value in seen:
                self.say(key, f"{what} has {quoted(key.value)} twice")
            else:
                seen.add(key.value)
                yield key, value

    def items(self, node: Node, what: str) -> list[Node]:
        """Return the items of a list."""
        self._spend(node)
        if not isinstance(node, SequenceNode):
            self.say(node, f"{what} must be a list, not {kind(node)}")
            return []
        return list(node.value)

    def several(self, node: Node, what: str) -> list[Node]:
        """Return the items of a list that must not be empty, or the one value that stands for it."""
        if not isinstance(node, SequenceNode):
            return [node]
        items = self.items(node, what)
        if not items:
            self.say(node, f"{what} must not be an empty list")
        return items

    def text(self, node: Node, what: str) -> str | None:
        """Read a text."""
        self._spend(node)
        if isinstance(node, ScalarNode) and node.tag in _TEXTS:
            return _joined(node.value)
        hint = ": write it in quotes" if isinstance(node, ScalarNode) else ""
        self.say(node, f"{what} must be text, not {kind(node)}{hint}")
        return None

    def flag(self, node: Node, what: str) -> bool | None:
        """Read true or false."""
        value = self._scalar(node)
        if not isinstance(value, bool):
            self.say(node, f"{what} must be true or false, not {kind(node)}")
            return None
        return value

    def number(self, node: Node, what: str, least: float, most: float) -> float | None:
        """Read a number between two."""
        value = self._scalar(node)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.say(node, f"{what} must be a number from {least} to {most}")
            return None
        return float(value)

    def whole(self, node: Node, what: str, least: int, most: int = MAX_WHOLE) -> int | None:
        """Read a whole number between two."""
        value = self._scalar(node)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            limit = f"from {least}" if most == MAX_WHOLE else f"from {least} to {most}"
            self.say(node, f"{what} must be a whole number {limit}")
            return None
        return value

    def choice(self, node: Node, what: str, names: Collection[str]) -> str | None:
        """Read one of some names."""
        name = self.text(node, what)
        if name is None or name in names:
            return name
        self.say(node, f"{what} cannot be {quoted(name)}{near(name, names) or ': ' + ', '.join(names)}")
        return None

    def plain(self, node: Node, what: str, depth: int = 0) -> Any:
        """Read anything that JSON can say; what it cannot say is a problem, and None."""
        if depth > DEPTH_LIMIT:
            self._give_up(node.start_mark.line + 1, node.start_mark.column + 1, f"{what} is nested too deeply")
        if isinstance(node, SequenceNode):
            return [self.plain(item, what, depth + 1) for item in self.items(node, what)]
        if isinstance(node, MappingNode):
            pairs = self.pairs(node, what)
            return {_joined(key.value): self.plain(value, what, depth + 1) for key, value in pairs}
        value = self._scalar(node, what)
        return None if value is ... else value

    def _scalar(self, node: Node, what: str | None = None) -> Any:
        self._spend(node)
        if isinstance(node, ScalarNode):
            is_number = node.style is None and _NUMBER.fullmatch(node.value) is not None
            is_text = node.tag in _TEXTS or (
                node.tag in _NUMBERS and node.style is None and not _ENDLESS.fullmatch(node.value)
            )
            if is_text and not is_number:
                return _joined(node.value)
            construct = _float if node.tag in _TEXTS else _SCALARS.get(node.tag)
            try:
                value = construct(_CONSTRUCTOR, node) if construct is not None else ...
            except (ValueError, KeyError, IndexError, OverflowError, yaml.YAMLError):
                value = ...
            if value is not ... and json_can_say(value):
                return value
        if what is not None:
            self.say(node, f"{what} has a value that JSON cannot say")
        return ...

    def _spend(self, node: Node) -> None:
        """Count a node; one that is repeated by an alias counts each time."""
        self._left -= 1
        if self._left < 0:
            self._give_up(node.start_mark.line + 1, node.start_mark.column + 1, f"more than {NODE_LIMIT} values")

    def _give_up(self, line: int, column: int, message: str) -> NoReturn:
        raise RulesError([*self.problems, RuleProblem(line, column, message, self.source)])


class _Loader(yaml.SafeLoader):
    """PyYAML's, with limits: its own recursion would meet Python's."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > DEPTH_LIMIT or self.nodes > NODE_LIMIT:
            problem = (
                f"nested more than {DEPTH_LIMIT} deep" if self.depth > DEPTH_LIMIT else f"over {NODE_LIMIT} values"
            )
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _float(_constructor: yaml.constructor.SafeConstructor, node: ScalarNode) -> float:
    """Read what is a number in JSON only, such as 1e5."""
    return float(node.value)


_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_SCALARS: dict[str, Any] = {
    _TAG + "int": yaml.constructor.SafeConstructor.construct_yaml_int,
    _TAG + "float": yaml.constructor.SafeConstructor.construct_yaml_float,
    _TAG + "bool": yaml.constructor.SafeConstructor.construct_yaml_bool,
    _TAG + "null": yaml.constructor.SafeConstructor.construct_yaml_null,
}


def json_can_say(value: Any) -> bool:
    """Whether a number is one of JSON's, and not so long that it takes time."""
    if isinstance(value, float):
        return value - value == 0
    return not isinstance(value, int) or value.bit_length() <= WHOLE_BITS


def quoted(word: str) -> str:
    """Show a word of the author's, cut."""
    return repr(word if len(word) <= WORD_LIMIT else word[:WORD_LIMIT] + "…")


def near(word: str, known: Collection[str]) -> str:
    """Ask whether another word was meant, if one is near."""
    found = difflib.get_close_matches(word[:WORD_LIMIT].replace("_", "-"), known, 1, 0.6)
    found = found or difflib.get_close_matches(word[:WORD_LIMIT], known, 1, 0.6)
    return f": did you mean {found[0]!r}?" if found else ""


def kind(node: Node) -> str:
    """Say what a node is."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.tag in _TEXTS:
        return f"the text {quoted(str(node.value))}"
    names = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}
    return names.get(node.tag.removeprefix(_TAG), f"a {node.tag}")


def _without_tabs(text: str) -> str:
    """JSON may be indented by tabs, YAML may not; valid JSON has none within its texts."""
    if "\t" in text and text.lstrip()[:1] in ("{", "["):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text
        return text.replace("\t", " ")
    return text


def _joined(text: str) -> str:
    """JSON writes what is beyond the first plane as two halves, which YAML leaves apart."""
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")

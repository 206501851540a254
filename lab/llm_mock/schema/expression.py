"""Regular expressions as trees: read, matched in bounded time, and turned into texts that match."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

LAST = 0x10FFFF
LONGEST = 2000  # characters of an expression that is read
DEEPEST = 40  # groups within groups
LONGEST_COUNT = 15  # characters between braces
Ranges = tuple[tuple[int, int], ...]


class UnreadableError(Exception):
    """An expression that is wrong, too large, or of a kind that is not understood (back references, look-behind)."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ranges of code points."""

    ranges: Ranges

    def has(self, char: str) -> bool:
        """Tell whether a character is one of them."""
        code = ord(char)
        return any(first <= code <= last for first, last in self.ranges)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Something several times; `most` None is without end."""

    node: "Node"
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """One thing after the other."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing or another."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A place without a character: ^ the start, $ the end, b the edge of a word, B none."""

    kind: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """What has to follow, or must not."""

    node: "Node"
    negated: bool


Node = Chars | Repeat | Sequence | Choice | Edge | Ahead


def complement(ranges: Ranges) -> Ranges:
    """Return all code points outside."""
    outside, start = [], 0
    for first, last in sorted(ranges):
        if first > start:
            outside.append((start, first - 1))
        start = max(start, last + 1)
    if start <= LAST:
        outside.append((start, LAST))
    return tuple(outside)


def _codes(text: str) -> Ranges:
    return tuple((ord(char), ord(char)) for char in text)


_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 13), (32, 32))
_CLASSES: dict[str, Ranges] = {
    "d": _DIGIT, "D": complement(_DIGIT), "w": _WORD, "W": complement(_WORD), "s": _SPACE, "S": complement(_SPACE),
}  # fmt: skip
_PROPERTIES = {
    "L": ((65, 90), (97, 122)), "Lu": ((65, 90),), "Ll": ((97, 122),), "N": _DIGIT, "Nd": _DIGIT,
    "Letter": ((65, 90), (97, 122)),
}  # fmt: skip
_CLASSES |= {char: ((code, code),) for char, code in {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}.items()}
_ANY = Chars(complement(_codes("\n\r")))
_EDGES = {"b": "b", "B": "B", "A": "^", "Z": "$", "z": "$"}
_TIMES: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_FIXED = {"x": 2, "u": 4}


@lru_cache(maxsize=512)
def read(pattern: str) -> Node:
    """Read an expression; raises UnreadableError."""
    if len(pattern) > LONGEST:
        raise UnreadableError
    reader = _Reader(pattern)
    node = reader.choice(0)
    if reader.rest:
        raise UnreadableError
    return node


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    @property
    def rest(self) -> str:
        return self._pattern[self._at :]

    def _eat(self, text: str) -> bool:
        if not self._pattern.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise UnreadableError
        self._at += 1
        return self._pattern[self._at - 1]

    def choice(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise UnreadableError
        branches = [self._sequence(depth)]
        while self._eat("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        nodes: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            nodes.append(self._repeated(self._atom(depth)))
        return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))

    def _repeated(self, node: Node) -> Node:
        times = next((_TIMES[mark] for mark in _TIMES if self._eat(mark)), None) or self._counted()
        if times is None:
            return node
        self._eat("?")  # lazy or not: the same texts match
        if isinstance(node, Edge | Ahead):
            raise UnreadableError
        return Repeat(node, *times)

    def _counted(self) -> tuple[int, int | None] | None:
        inside, brace, _ = self.rest[1:].partition("}")
        low, comma, high = inside.partition(",")
        is_count = low.isdecimal() and (high.isdecimal() or not high) and len(inside) <= LONGEST_COUNT
        if not self.rest.startswith("{") or not brace or not is_count:
            return None
        self._at += len(inside) + 2
        least = int(low)
        most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            raise UnreadableError
        return least, most

    def _atom(self, depth: int) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group(depth)
            case "[":
                return self._set()
            case "\\":
                edge = _EDGES.get(self.rest[:1])
                if edge is None:
                    return Chars(self._escape())
                self._next()
                return Edge(edge)
            case "*" | "+" | "?":
                raise UnreadableError
        return Edge(char) if char in "^$" else _ANY if char == "." else Chars(_codes(char))

    def _group(self, depth: int) -> Node:
        ahead = "=" if self._eat("?=") else "!" if self._eat("?!") else ""
        if not ahead and self._eat("?") and not self._eat(":"):
            self._eat("P")
            if not self._eat("<") or self.rest[:1] in {"=", "!", ""}:
                raise UnreadableError
            while self._next() != ">":
                pass
        node = self.choice(depth + 1)
        if not self._eat(")"):
            raise UnreadableError
        return Ahead(node, ahead == "!") if ahead else node

    def _escape(self) -> Ranges:
        char = self._next()
        if char in {"p", "P"}:
            return self._property(negated=char == "P")
        if char in _FIXED:
            return ((self._hex(char),) * 2,)
        if char not in _CLASSES and char.isascii() and char.isalnum():
            raise UnreadableError
        return _CLASSES.get(char) or _codes(char)

    def _property(self, *, negated: bool) -> Ranges:
        name, brace, _ = self.rest[1:].partition("}")
        if not self.rest.startswith("{") or not brace or name not in _PROPERTIES:
            raise UnreadableError
        self._at += len(name) + 2
        ranges: Ranges = _PROPERTIES[name]
        return complement(ranges) if negated else ranges

    def _hex(self, kind: str) -> int:
        if kind == "u" and self._eat("{"):
            digits, _, _ = self.rest.partition("}")
            self._at += len(digits) + 1
        else:
            digits = self.rest[: _FIXED[kind]]
            self._at += len(digits)
        try:
            code = int(digits, 16)
        except ValueError:
            raise UnreadableError from None
        if code > LAST:
            raise UnreadableError
        return code

    def _set(self) -> Chars:
        negated = self._eat("^")
        ranges: list[tuple[int, int]] = []
        first = True
        while first or not self.rest.startswith("]"):
            ranges += self._members()
            first = False
        self._next()
        return Chars(complement(tuple(ranges)) if negated else tuple(ranges))

    def _members(self) -> Iterator[tuple[int, int]]:
        start = self._member()
        if len(start) == 1 and start[0][0] == start[0][1] and self.rest[:1] == "-" and self.rest[1:2] not in {"]", ""}:
            self._next()
            end = self._member()
            if len(end) != 1 or end[0][0] < start[0][0]:
                raise UnreadableError
            yield start[0][0], end[0][0]
        else:
            yield from start

    def _member(self) -> Ranges:
        char = self._next()
        if char == "\\":
            return ((8, 8),) if self._eat("b") else self._escape()
        return _codes(char)

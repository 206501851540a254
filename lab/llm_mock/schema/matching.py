"""Whether a regular expression is found in a text, and texts in which it is."""

import string
from functools import lru_cache
from random import Random

from lab.llm_mock.schema.effort import GLANCED, Effort, ImpossibleError
from lab.llm_mock.schema.expression import (
    LAST,
    Ahead,
    Chars,
    Choice,
    Edge,
    Node,
    Repeat,
    Sequence,
    UnreadableError,
    read,
)

LONGEST = 10_000  # characters of a text that is made for a pattern
TRIES = 60
SHARE = 16  # places in a text that are looked at in one step
RANGES = 256  # of characters that are compared in one step
_PLAIN = string.ascii_letters + string.digits
_PRINTABLE = _PLAIN + string.punctuation
_SURROGATES = range(0xD800, 0xE000)


def found(pattern: object, text: str, effort: Effort) -> bool:
    """Tell whether an expression is found in a text; one that is not understood forbids nothing.

    Raises SpentError.
    """
    if not isinstance(pattern, str):
        return True
    effort.spend(len(pattern) // GLANCED)
    try:
        return _found(read(pattern), text, effort)
    except UnreadableError:
        return True


def _found(node: Node, text: str, effort: Effort) -> bool:
    return bool(_ends(node, text, set(range(len(text) + 1)), effort))


def _ends(node: Node, text: str, starts: set[int], effort: Effort) -> set[int]:
    """Return where matches end that begin at one of these places: all of them at once, so that nothing explodes."""
    effort.spend(1 + len(starts) // SHARE)
    match node:
        case Chars():
            effort.spend(len(starts) * len(node.ranges) // RANGES)
            return {start + 1 for start in starts if start < len(text) and node.has(text[start])}
        case Sequence():
            for each in node.nodes:
                starts = _ends(each, text, starts, effort)
            return starts
        case Choice():
            return set().union(*(_ends(each, text, starts, effort) for each in node.nodes))
        case Edge():
            return {start for start in starts if _is_edge(node.kind, text, start)}
        case Ahead():
            return {start for start in starts if bool(_ends(node.node, text, {start}, effort)) != node.negated}
        case Repeat():
            return _repeated(node, text, starts, effort)


def _repeated(node: Repeat, text: str, starts: set[int], effort: Effort) -> set[int]:
    for _ in range(node.least):
        after = _ends(node.node, text, starts, effort)
        if after in (starts, set()):
            starts = after
            break
        starts = after
    reached, fresh, times = set(starts), starts, node.least
    while fresh and (node.most is None or times < node.most):
        fresh = _ends(node.node, text, fresh, effort) - reached
        reached |= fresh
        times += 1
    return reached


def _is_edge(kind: str, text: str, at: int) -> bool:
    if kind == "^":
        return at == 0
    if kind == "$":
        return at == len(text)
    before = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
    after = at < len(text) and (text[at].isalnum() or text[at] == "_")
    return (before != after) == (kind == "b")


def matching(patterns: list[str], least: int, most: int | None, random: Random, effort: Effort) -> str | None:
    """Return a text of `least` to `most` characters in which all expressions are found.

    None where an expression is not understood. Raises ImpossibleError where no such text was found, and SpentError.
    """
    effort.spend(sum(map(len, patterns)) // GLANCED)
    try:
        nodes = [read(pattern) for pattern in patterns]
    except UnreadableError:
        return None
    if least > LONGEST:
        raise ImpossibleError
    for number in range(TRIES):
        sample = _Sample(random, number, least, effort)
        try:
            text = sample.text(nodes[number % len(nodes)])
        except _StuckError:
            continue
        text = _padded(text, nodes, least, random, effort)
        if least <= len(text) and (most is None or len(text) <= most) and _all_found(nodes, text, effort):
            return text
    raise ImpossibleError


def _all_found(nodes: list[Node], text: str, effort: Effort) -> bool:
    return all(_found(node, text, effort) for node in nodes)


def _padded(text: str, nodes: list[Node], least: int, random: Random, effort: Effort) -> str:
    """Lengthen a text where the expression leaves its ends open."""
    if len(text) >= least:
        return text
    more = "".join(random.choices(string.ascii_lowercase, k=least - len(text)))
    return next((each for each in (text + more, more + text) if _all_found(nodes, each, effort)), text)


class _StuckError(Exception):
    """This try leads nowhere."""


class _Sample:
    """One try at a text; the first ones are short, and later ones differ more."""

    def __init__(self, random: Random, number: int, least: int, effort: Effort) -> None:
        self._random = random
        self._pool = _PRINTABLE if number % 4 == 3 else _PLAIN  # noqa: PLR2004 - one in four
        self._effort = effort
        self._length = 0
        # Each repetition is taken so many times more often than it has to be.
        self._more = (1, 0, 2, 3, least, least // 2)[number] if number < 6 else number // 2  # noqa: PLR2004
        self._varies = number % 2 == 1 and number > 1

    def text(self, node: Node) -> str:
        self._effort.spend()
        match node:
            case Chars():
                if not (candidates := _candidates(node, self._pool)):
                    raise _StuckError
                self._length += 1
                if self._length > LONGEST:
                    raise _StuckError
                return self._random.choice(candidates)
            case Sequence():
                return "".join([self.text(each) for each in node.nodes])
            case Choice():
                return self.text(self._random.choice(node.nodes))
            case Repeat():
                more = self._random.randint(0, self._more) if self._varies else self._more
                times = node.least + (more if node.most is None else min(more, node.most - node.least))
                return "".join([self.text(node.node) for _ in range(times)])
            case _:
                return ""


@lru_cache(maxsize=512)
def _candidates(chars: Chars, pool: str) -> str:
    plain = "".join(char for char in pool if chars.has(char)) or "".join(filter(chars.has, _PRINTABLE + " "))
    if plain:
        return plain
    codes = (code for first, last in chars.ranges for code in (first, last, min(last, 0xE000)))
    return "".join(chr(code) for code in codes if code <= LAST and code not in _SURROGATES)

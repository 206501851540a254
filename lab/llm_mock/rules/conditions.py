"""Reading conditions: what stands under `match` in a rule and under `matches` in a verification."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from yaml.nodes import MappingNode, Node

from lab.llm_mock.families import NAMES, known
from lab.llm_mock.keys import OWN_KEY_PREFIX
from lab.llm_mock.rules.model import How, Match, TextTest
from lab.llm_mock.rules.sheet import Sheet

if TYPE_CHECKING:
    import regex

PATTERN_LIMIT = 1000
OUTCOMES = ("in-flight", "answered", "client-disconnected", "unmatched", "rejected", "faulted")
T = TypeVar("T")


def read_match(sheet: Sheet, node: Node, what: str, *, afterwards: bool = False) -> Match:
    """Read conditions; those on what became of a request only `afterwards`."""
    readers = {**_READERS, **(_AFTERWARDS if afterwards else {})}
    found = sheet.fields(node, what, readers)
    return Match(**{name: readers[name](sheet, value, name) for name, value in found.items()})


def _several(one: Callable[[Sheet, Node, str], T | None]) -> Callable[[Sheet, Node, str], tuple[T, ...]]:
    def read(sheet: Sheet, node: Node, what: str) -> tuple[T, ...]:
        values = [one(sheet, item, what) for item in sheet.several(node, what)]
        return tuple(value for value in values if value is not None)

    return read


def _test(sheet: Sheet, node: Node, what: str) -> TextTest | None:
    if not isinstance(node, MappingNode):
        text = sheet.text(node, what)
        return None if text is None else TextTest("contains", text)
    ways: tuple[How, ...] = get_args(How)
    found = sheet.fields(node, what, ways)
    if len(found) != 1:
        if len(node.value) == len(found):
            sheet.say(node, f"{what} must have one of {', '.join(ways)}")
        return None
    [(how, value)] = found.items()
    text = sheet.text(value, f"{what}.{how}")
    if text is None:
        return None
    return TextTest(how, text, _pattern(sheet, value, text) if how == "matches" else None)  # type: ignore[arg-type]


def _pattern(sheet: Sheet, node: Node, text: str) -> "regex.Pattern[str] | None":
    # Its tables take as long to be read as all else of a mock's start, and few rules have expressions.
    import regex

    if len(text) > PATTERN_LIMIT:
        sheet.say(node, f"a regular expression has at most {PATTERN_LIMIT} characters")
        return None
    try:
        return regex.compile(text, regex.VERSION0)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        sheet.say(node, f"not a regular expression: {str(error) or type(error).__name__}")
        return None


def _provider(sheet: Sheet, node: Node, what: str) -> str | None:
    return sheet.choice(node, what, NAMES)


@cache
def _endpoints() -> tuple[str, ...]:
    return tuple(sorted({route.endpoint.name for name in NAMES for route in known(name).family.routes}))


def _endpoint(sheet: Sheet, node: Node, what: str) -> str | None:
    name = sheet.text(node, what)
    if name is None or "*" in name or "?" in name:
        return name
    return sheet.choice(node, what, _endpoints())


def _outcome(sheet: Sheet, node: Node, what: str) -> str | None:
    return sheet.choice(node, what, OUTCOMES)


def _key(sheet: Sheet, node: Node, what: str) -> str | None:
    key = sheet.text(node, what)
    if key is not None and not key.startswith(OWN_KEY_PREFIX):
        sheet.say(node, f"only a key made for mocks can be asked for: it begins with {OWN_KEY_PREFIX}")
        return None
    return key


def _turn(sheet: Sheet, node: Node, what: str) -> int | None:
    return sheet.whole(node, what, 1)


def _status(sheet: Sheet, node: Node, what: str) -> int | None:
    return sheet.whole(node, what, 100, 599)


def _headers(sheet: Sheet, node: Node, what: str) -> dict[str, tuple[TextTest, ...]]:
    read = _several(_test)
    return {
        name.value.lower(): read(sheet, value, f"{what}.{name.value[:40]}") for name, value in sheet.pairs(node, what)
    }


def _body(sheet: Sheet, node: Node, what: str) -> Any:
    if not isinstance(node, MappingNode):
        sheet.say(node, f"{what} must be a mapping")
        return None
    return sheet.plain(node, what)


_TESTS, _NAMES = _several(_test), _several(Sheet.text)
_READERS: dict[str, Callable[[Sheet, Node, str], Any]] = {
    "provider": _several(_provider),
    "endpoint": _several(_endpoint),
    "model": _NAMES,
    "system": _TESTS,
    "user": _TESTS,
    "text": _TESTS,
    "tool": _NAMES,
    "result": _TESTS,
    "turn": _several(_turn),
    "stream": Sheet.flag,
    "header": _headers,
    "key": _several(_key),
}
_AFTERWARDS: dict[str, Callable[[Sheet, Node, str], Any]] = {
    "rule": _NAMES,
    "outcome": _several(_outcome),
    "status": _several(_status),
    "body": _body,
}

"""Reading replies: what stands under `reply` in a rule."""

import json
from collections.abc import Callable
from typing import Any, get_args

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lab.llm_mock.fault import KINDS, Fault, Kind, RetryAfterForm
from lab.llm_mock.rules.model import Reply, RuledCall, RuledFault
from lab.llm_mock.rules.sheet import Sheet, quoted

MAX_SECONDS = 3600
MAX_RETRY_AFTER = 2**32  # a client that sleeps whatever it is told is worth testing
MAX_PIECES = 1_000_000
MAX_SIZE = 256 * 1024 * 1024
_OPTIONS: dict[str, frozenset[str]] = {
    "status": frozenset({"status", "message", "retry_after", "retry_after_form", "retry_hint"}),
    "stream-error": frozenset({"status", "message", "after"}),
    "reset": frozenset({"after"}),
    "hang": frozenset({"seconds"}),
    "slow-first-token": frozenset({"seconds"}),
    "pace": frozenset({"rate", "jitter"}),
    "stall": frozenset({"after", "seconds"}),
    "disconnect": frozenset({"after"}),
    "truncate": frozenset({"after"}),
    "malformed-chunk": frozenset({"after"}),
    "huge-body": frozenset({"size"}),
}
_NEEDED = {"status": "status", "slow-first-token": "seconds", "pace": "rate"}
_ANY_OPTION = frozenset({"kind", "probability"}.union(*_OPTIONS.values()))
_SAID = ("text", "calls", "json", "fault", "faults")


def read_replies(sheet: Sheet, node: Node) -> tuple[tuple[Reply, ...], bool]:
    """Return the replies of a rule, and whether they go round in a circle."""
    found = sheet.fields(node, "reply", (*_SAID, "sequence", "then"))
    sequence = found.pop("sequence", None)
    then = found.pop("then", None)
    if sequence is None:
        if then is not None:
            sheet.say(then, "`then` says what comes after a sequence, and there is none")
        return (_reply(sheet, node, found),), False
    if found:
        sheet.say(node, f"a reply with a sequence has no {', '.join(found)} beside it")
    items = sheet.items(sequence, "sequence")
    if not items and isinstance(sequence, SequenceNode):
        sheet.say(sequence, "a sequence needs a reply")
    replies = tuple(_reply(sheet, item, sheet.fields(item, "reply", _SAID)) for item in items)
    return replies, then is not None and sheet.choice(then, "then", ("cycle",)) == "cycle"


def _reply(sheet: Sheet, node: Node, found: dict[str, Node]) -> Reply:
    if "json" in found and ("text" in found or "calls" in found):
        sheet.say(node, "a reply with json has neither text nor calls")
    if "fault" in found and "faults" in found:
        sheet.say(node, "a reply has either a fault or faults")
    text = sheet.text(found["text"], "text") if "text" in found else None
    if "json" in found:
        text = json.dumps(_sayable(sheet.plain(found["json"], "json")))
    calls = [_call(sheet, item) for item in sheet.items(found["calls"], "calls")] if "calls" in found else []
    nodes = sheet.items(found["faults"], "faults") if "faults" in found else []
    faults = [_fault(sheet, item) for item in [*nodes, *([found["fault"]] if "fault" in found else [])]]
    return Reply(text, tuple(each for each in calls if each), tuple(each for each in faults if each))


def _sayable(value: Any) -> Any:
    """What could not be read has been told already."""
    return None if value is ... else value


def _call(sheet: Sheet, node: Node) -> RuledCall | None:
    if isinstance(node, ScalarNode):
        name = sheet.text(node, "calls")
        return None if name is None else RuledCall(name)
    found = sheet.fields(node, "a call", ("name", "arguments"))
    if "name" not in found:
        if isinstance(node, MappingNode):
            sheet.say(node, "a call needs the name of a tool")
        return None
    name = sheet.text(found["name"], "name")
    arguments = found.get("arguments")
    if name is None or arguments is None:
        return None if name is None else RuledCall(name)
    if not isinstance(arguments, MappingNode):
        sheet.say(arguments, "arguments must be a mapping; for broken ones there is the fault 'bad-arguments'")
        return None
    before = len(sheet.problems)
    told = sheet.plain(arguments, "arguments")
    return RuledCall(name, json.dumps(told)) if len(sheet.problems) == before else None


def _fault(sheet: Sheet, node: Node) -> RuledFault | None:
    if isinstance(node, ScalarNode):
        kind = sheet.choice(node, "fault", KINDS)
        return _checked(sheet, node, kind, {})
    found = sheet.fields(node, "a fault", _ANY_OPTION)
    if "kind" not in found:
        if isinstance(node, MappingNode):
            sheet.say(node, "a fault needs a kind")
        return None
    return _checked(sheet, node, sheet.choice(found.pop("kind"), "kind", KINDS), found)


def _checked(sheet: Sheet, node: Node, kind: Any, found: dict[str, Node]) -> RuledFault | None:
    if kind is None:
        return None
    options = _OPTIONS.get(kind, frozenset()) | {"probability"}
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name not in options:
            known = sorted(options - {"probability"})
            hint = f": it has {', '.join(known)}" if known else ": it has no options"
            sheet.say(value, f"the fault {kind!r} has no {quoted(name)}{hint}")
        else:
            values[name] = _READERS[name](sheet, value, name)
    if (needed := _NEEDED.get(kind)) is not None and needed not in found:
        sheet.say(node, f"the fault {kind!r} needs {needed!r}")
        return None
    if None in values.values():
        return None
    probability = values.pop("probability", 1.0)
    return RuledFault(Fault(kind, **values), probability)


_READERS: dict[str, Callable[[Sheet, Node, str], Any]] = {
    "status": lambda sheet, node, name: sheet.whole(node, name, 400, 599),
    "message": Sheet.text,
    "retry_after": lambda sheet, node, name: sheet.number(node, name, 0, MAX_RETRY_AFTER),
    "retry_after_form": lambda sheet, node, name: sheet.choice(node, name, get_args(RetryAfterForm)),
    "retry_hint": Sheet.flag,
    "after": lambda sheet, node, name: sheet.whole(node, name, 0, MAX_PIECES),
    "seconds": lambda sheet, node, name: sheet.number(node, name, 0, MAX_SECONDS),
    "rate": lambda sheet, node, name: sheet.number(node, name, 0.01, 10_000),
    "jitter": lambda sheet, node, name: sheet.number(node, name, 0, 1),
    "size": lambda sheet, node, name: sheet.whole(node, name, 1, MAX_SIZE),
    "probability": lambda sheet, node, name: sheet.number(node, name, 0, 1),
}


def fault_options(kind: Kind) -> frozenset[str]:
    """Return the options that a kind of fault has, besides its probability."""
    return _OPTIONS.get(kind, frozenset())

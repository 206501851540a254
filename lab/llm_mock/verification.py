"""Whether the journal holds as many requests of a kind as there should be."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, SequenceNode

from lab.llm_mock.entry import Record
from lab.llm_mock.rules.conditions import read_match
from lab.llm_mock.rules.matching import differences, named
from lab.llm_mock.rules.model import Match
from lab.llm_mock.rules.problem import RuleProblem, RulesError
from lab.llm_mock.rules.sheet import Sheet

CHECK_LIMIT = 100
SEQS_TOLD = 50
_COUNTS = ("exactly", "at_least", "at_most")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\*)\]")
_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[(?:\d+|\*)\])*")


@dataclass(frozen=True, slots=True)
class Check:
    """How many requests have to fit."""

    match: Match
    least: int
    most: int | None


def read_checks(text: str | bytes) -> tuple[list[Check], bool]:
    """Read one check or a list of them, and say whether it was a list; raises RulesError."""
    sheet = Sheet("verify")
    root = sheet.compose(text)
    if root is None:
        raise RulesError([RuleProblem(1, 1, "nothing to verify", "verify")])
    is_list = isinstance(root, SequenceNode)
    nodes = sheet.items(root, "the body") if is_list else [root]
    if len(nodes) > CHECK_LIMIT:
        sheet.say(root, f"more than {CHECK_LIMIT} checks")
    checks = [_check(sheet, node) for node in nodes[:CHECK_LIMIT]]
    sheet.finish()
    return checks, is_list


def verify(check: Check, records: Iterable[Record]) -> dict[str, Any]:
    """Count the requests that fit; where there are too few, tell which one comes closest and in what it differs."""
    found: list[int] = []
    closest: tuple[int, list[str]] | None = None
    for record in records:
        wrong = list(_differences(check.match, record))
        if not wrong:
            found.append(record.entry.seq)
        elif closest is None or len(wrong) <= len(closest[1]):
            closest = (record.entry.seq, wrong)
    too_few = len(found) < check.least
    return {
        "ok": not too_few and (check.most is None or len(found) <= check.most),
        "found": len(found),
        "wanted": {"at_least": check.least, "at_most": check.most},
        "seqs": found[:SEQS_TOLD],
        "closest": {"seq": closest[0], "differs": closest[1]} if too_few and closest is not None else None,
    }


def _check(sheet: Sheet, node: Node) -> Check:
    fields = sheet.fields(node, "a check", ("matches", "count"))
    if isinstance(node, MappingNode) and "matches" not in fields:
        sheet.say(node, "a check needs `matches`")
    match = read_match(sheet, fields["matches"], "matches", afterwards=True) if "matches" in fields else Match()
    if "count" not in fields:
        return Check(match, 1, None)
    told = sheet.fields(fields["count"], "count", _COUNTS)
    counts = {name: sheet.whole(value, name, 0) or 0 for name, value in told.items()}
    if isinstance(fields["count"], MappingNode) and (not counts or ("exactly" in counts and len(counts) > 1)):
        sheet.say(fields["count"], "count has either `exactly`, or `at_least` or `at_most` or both")
    exactly = counts.get("exactly")
    return Check(match, counts.get("at_least", exactly or 0), counts.get("at_most", exactly))


def _differences(match: Match, record: Record) -> Iterator[str]:
    yield from differences(match, record.subject)
    entry = record.entry
    if match.rule is not None and not named(match.rule, [entry.rule or ""]):
        yield "rule"
    if match.outcome is not None and entry.outcome not in match.outcome:
        yield "outcome"
    if match.status is not None and entry.status not in match.status:
        yield "status"
    if match.body is None:
        return
    if record.body is None:
        yield "body: it was not kept, being no JSON object or too long"
        yield from (f"body.{name}" for name in match.body)
        return
    content = json.loads(record.body)
    for name, wanted in match.body.items():
        if not _has(content, name, wanted):
            yield f"body.{name}"


def _has(content: Mapping[str, Any], name: str, wanted: Any) -> bool:
    """Whether something stands under a name, or at a path like `messages[0].content` or `tools[*].name`."""
    if name in content:
        return _holds(wanted, content[name])
    if _PATH.fullmatch(name) is None:
        return False
    places: list[Any] = [content]
    for word, number in _STEP.findall(name):
        places = [each for place in places for each in _step(place, word, number)]
    return any(_holds(wanted, place) for place in places)


def _step(place: Any, word: str, number: str) -> list[Any]:
    if word:
        return [place[word]] if isinstance(place, dict) and word in place else []
    if not isinstance(place, list):
        return []
    if number == "*":
        return place
    # A number of more digits than any list is long is not worth reading.
    return place[int(number) :][:1] if len(number) <= 7 else []  # noqa: PLR2004


def _holds(wanted: Any, is_there: Any) -> bool:
    """Whether what is wanted is a part: of an object some names, of a list every item, and else the same value."""
    if isinstance(wanted, dict):
        return isinstance(is_there, dict) and all(
            name in is_there and _holds(each, is_there[name]) for name, each in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(is_there, list)
            and len(wanted) == len(is_there)
            and all(_holds(each, other) for each, other in zip(wanted, is_there, strict=True))
        )
    # In Python true is 1.
    return isinstance(wanted, bool) is isinstance(is_there, bool) and bool(wanted == is_there)

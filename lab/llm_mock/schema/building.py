"""Values that fit a schema, built from its root to its leaves."""

from collections.abc import Collection, Sequence
from functools import partial
from random import Random
from typing import Any

from lab.llm_mock.schema import numbers, texts
from lab.llm_mock.schema.choosing import Choices, Chooser, Chosen, kinds
from lab.llm_mock.schema.effort import GLANCED, PER_STEP, Effort, ImpossibleError
from lab.llm_mock.schema.fitting import fits
from lab.llm_mock.schema.matching import found, matching
from lab.llm_mock.schema.reading import (
    Document,
    Part,
    enumerated,
    for_item,
    for_property,
    key,
    least_of,
    listed,
    mapping,
    most_of,
    names,
    whole,
)  # fmt: skip

DEEPEST = 32  # levels of a value
SHALLOW = 4  # levels in which more than what is asked for is filled in
ATTEMPTS = 24
MOST_ITEMS = 5000
DISTINCT_TRIES = 30


class Builder:
    """Builds values for one schema; a `lean` one fills in no more than it has to."""

    def __init__(self, document: Document, random: Random, effort: Effort, *, lean: bool) -> None:
        self._document = document
        self._random = random
        self._effort = effort
        self._lean = lean
        self._chooser = Chooser(document, random, effort)

    def value(self, wanted: Sequence[Any], depth: int = 0, taken: Collection[str] = ()) -> Any:
        """Return a value that fits all of these schemas and is none of those taken.

        Raises ImpossibleError where none was found, SpentError where that took too long.
        """
        self._effort.spend()
        if depth > DEEPEST:
            raise ImpossibleError
        lean = self._lean or depth >= SHALLOW
        attempt, attempts = 0, 1
        while attempt < attempts:
            choices = Choices(attempt)
            attempt += 1
            try:
                chosen = self._chooser.chosen(wanted, choices, lean=lean)
                kind = choices.take(kinds(chosen.parts, lean=lean, root=depth == 0))
                rounds = choices.combinations * (3 if chosen.doubtful else 1)
                attempts = max(attempts, min(rounds, ATTEMPTS))
                again = attempt > choices.combinations
                made = self._made(chosen, kind, depth, taken, lean=lean or again)
            except ImpossibleError:
                attempts = max(attempts, min(choices.combinations, ATTEMPTS))
                continue
            if not chosen.doubtful or self._fits(made, chosen.parts):
                return made
        raise ImpossibleError

    def _fits(self, made: Any, wanted: Sequence[Any]) -> bool:
        return all(fits(made, each, self._document, self._effort) for each in wanted)

    def _made(self, chosen: Chosen, kind: str, depth: int, taken: Collection[str], *, lean: bool) -> Any:
        parts = chosen.parts
        values = next((values for part in parts if (values := enumerated(part, self._effort)) is not None), None)
        if values is None and kind == "boolean":
            values = [True, False]
        if values is not None:
            return self._one_of(values, parts, taken)
        match kind:
            case "object":
                return self._object(parts, depth, lean=lean)
            case "array":
                return self._array(parts, depth, lean=lean)
            case "string":
                made = texts.text(parts, self._random, self._effort)
                self._effort.spend(len(made) // PER_STEP)
                return made
            case "integer" | "number":
                return numbers.number(parts, self._random, self._effort, integer=kind == "integer", taken=taken)
            case _:
                return None

    def _one_of(self, values: Sequence[Any], parts: Sequence[Part], taken: Collection[str]) -> Any:
        if not values:
            raise ImpossibleError
        start = self._random.randrange(len(values))
        rest = [_but_values(part) for part in parts]
        for index in range(len(values)):
            each = values[(start + index) % len(values)]
            self._effort.spend()
            if key(each, self._effort) not in taken and self._fits(each, rest):
                return each
        raise ImpossibleError

    def _object(self, parts: Sequence[Part], depth: int, *, lean: bool) -> dict[str, Any]:
        asked = self._asked(parts)
        known = [name for part in parts for name in mapping(part.get("properties")) if isinstance(name, str)]
        least, most = most_of(parts, "minProperties"), least_of(parts, "maxProperties")
        if (most is not None and len(asked) > most) or least > MOST_ITEMS:
            raise ImpossibleError
        wanted = dict.fromkeys(name for name in known if name in asked or not (lean or asked))
        made: dict[str, Any] = {}
        for name in dict.fromkeys([*wanted, *asked]):
            if name in asked or most is None or len(made) < most:
                self._fill(made, name, parts, depth, needed=name in asked)
        for name in known:
            if len(made) < least and name not in made:
                self._fill(made, name, parts, depth, needed=False)
        index = 0
        while len(made) < least:
            index += 1
            self._fill(made, self._invented(parts, index), parts, depth, needed=index > least + DISTINCT_TRIES)
        return made

    def _asked(self, parts: Sequence[Part]) -> dict[str, None]:
        """Return the names of what has to be there, those that others bring with them included."""
        asked = dict.fromkeys(name for part in parts for name in names(part.get("required")))
        waiting = list(asked)
        while waiting:
            self._effort.spend()
            name = waiting.pop()
            for part in parts:
                for word in ("dependentRequired", "dependencies"):
                    brought = names(mapping(part.get(word)).get(name))
                    self._effort.spend(len(brought) // GLANCED)
                    more = [each for each in brought if each not in asked]
                    asked.update(dict.fromkeys(more))
                    waiting += more
        return asked

    def _fill(self, made: dict[str, Any], name: str, parts: Sequence[Part], depth: int, *, needed: bool) -> None:
        self._effort.spend(len(name) // PER_STEP + len(parts) // GLANCED)
        said = for_property(parts, name, partial(found, effort=self._effort))
        unknown = not any(name in mapping(part.get("properties")) for part in parts)
        if unknown and any(part.get("unevaluatedProperties") is False for part in parts):
            said.append(False)
        try:
            made[name] = self.value(said, depth + 1)
        except ImpossibleError:
            if needed:
                raise

    def _invented(self, parts: Sequence[Part], index: int) -> str:
        """Return a name for a property that no schema names."""
        rules = [part["propertyNames"] for part in parts if "propertyNames" in part]
        patterns = [each for part in parts for each in mapping(part.get("patternProperties"))]
        for least in (index, 0):  # growing lengths make names that differ
            try:
                if rules:
                    return str(self.value([*rules, {"type": "string", "minLength": least}], DEEPEST))
                if patterns and (
                    made := matching([patterns[index % len(patterns)]], least, None, self._random, self._effort)
                ):
                    return made
            except ImpossibleError:
                continue
        return f"key{index}"

    def _array(self, parts: Sequence[Part], depth: int, *, lean: bool) -> list[Any]:
        holds = [part for part in parts if "contains" in part]
        held = [whole(part.get("minContains", 1)) for part in holds]
        held_count = sum(1 if each is None else each for each in held)
        least, most = max(most_of(parts, "minItems"), held_count), least_of(parts, "maxItems")
        if least > MOST_ITEMS or (most is not None and least > most):
            raise ImpossibleError
        fixed = max((len(listed(part.get("prefixItems")) or listed(part.get("items"))) for part in parts), default=0)
        size = least if lean else max(least, fixed, 1)
        size = size if most is None else min(size, most)
        unique = any(part.get("uniqueItems") is True for part in parts)
        made: list[Any] = []
        taken: set[str] = set()
        for index in range(size):
            said = [each for part in parts for each in for_item(part, index)]
            # What has to be held stands at the end, behind the places that have schemas of their own.
            said += [part["contains"] for part in holds] if size - index <= held_count else []
            try:
                made.append(self._distinct(said, depth, taken) if unique else self.value(said, depth + 1))
            except ImpossibleError:
                if len(made) < least:
                    raise
                break
        return made

    def _distinct(self, said: Sequence[Any], depth: int, taken: set[str]) -> Any:
        for _ in range(DISTINCT_TRIES):
            item = self.value(said, depth + 1, taken)
            if (written := key(item, self._effort)) not in taken:
                taken.add(written)
                return item
        raise ImpossibleError


def _but_values(part: Part) -> Part:
    return {word: each for word, each in part.items() if word not in {"enum", "const"}} if "const" in part else part

"""Which rule answers a question, and how often each one did."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lab.llm_mock import mind
from lab.llm_mock.answer import Answer, Call, input_tokens
from lab.llm_mock.decision import Decision
from lab.llm_mock.fault import Fault
from lab.llm_mock.question import Question
from lab.llm_mock.rules.matching import looked_at, matches, subject_of
from lab.llm_mock.rules.model import Reply, Rule, RuledCall, Rules
from lab.llm_mock.wire.base import Received


@dataclass
class Count:
    """How many calls a rule's conditions fitted, how many it took, and the faults it gave."""

    matched: int = 0
    used: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Rulebook:
    """The rules in force and their counts; the first rule that matches and has turns left takes the call."""

    def __init__(self, rules: Rules | None = None, *, strict: bool = False) -> None:
        self._initial = self.rules = rules or Rules()
        self._strict = strict
        self._counts: list[Count] = []
        self._conditions: list[tuple[str, ...]] = []
        self._looked_at: frozenset[str] = frozenset()
        self.unmatched = 0
        self.replace(self.rules)

    @property
    def strict(self) -> bool:
        """Whether a call without a rule is refused."""
        return self._strict if self.rules.strict is None else self.rules.strict

    def replace(self, rules: Rules) -> None:
        """Put rules in the place of those in force; all counts begin anew."""
        self.rules = rules
        self.reset()

    def reset(self, *, rules: bool = False) -> None:
        """Begin all counts anew; with `rules`, go back to those of the start, too."""
        if rules:
            self.rules = self._initial
        self._counts = [Count() for _ in self.rules.rules]
        self._conditions = [looked_at(rule.match) for rule in self.rules.rules]
        self._looked_at = frozenset(name for names in self._conditions for name in names)
        self.unmatched = 0

    def decide(self, received: Received, question: Question) -> Decision:
        """Return what is to be said to a question; it counts as a call.

        In strict mode a POST that no rule takes is unmatched. What no model says (GET: lists of models) is answered
        all the same, and only a rule that names its endpoint takes it.
        """
        # Without rules nobody looks at the subject of one, which takes a quarter of the time of an answer to make.
        taken = self._ruled(received, question) if self.rules.rules else None
        if taken is not None:
            return taken
        if received.method != "POST":
            return Decision(mind.answer(question))
        self.unmatched += 1
        return Decision(mind.answer(question), unmatched=self.strict)

    def told(self) -> dict[str, Any]:
        """Return the rules' counts; `unused` are those that took no call."""
        pairs = list(zip(self.rules.rules, self._counts, strict=True))
        return {
            "schema": 1,
            "source": self.rules.source,
            "strict": self.strict,
            "seed": self.rules.seed,
            "rules": [
                {"name": rule.name, "line": rule.line, "matched": count.matched, "used": count.used,
                 "faults": dict(count.faults)}
                for rule, count in pairs
            ],
            "unused": [rule.name for rule, count in pairs if not count.used],
            "unmatched": self.unmatched,
        }  # fmt: skip

    def _ruled(self, received: Received, question: Question) -> Decision | None:
        """Return what the first rule says that takes the call, None if none does."""
        subject = subject_of(received, question, self._looked_at)
        for rule, count, names in zip(self.rules.rules, self._counts, self._conditions, strict=True):
            if (received.method != "POST" and rule.match.endpoint is None) or not matches(rule.match, subject, names):
                continue
            count.matched += 1
            if count.matched <= rule.skip or (rule.times is not None and count.used >= rule.times):
                continue
            if not self._falls(rule.probability, rule, count.matched):
                continue
            count.used += 1
            return self._taken(rule, count, question)
        return None

    def _taken(self, rule: Rule, count: Count, question: Question) -> Decision:
        turn = count.used - 1
        last = len(rule.replies) - 1
        reply = rule.replies[turn % (last + 1) if rule.cycle else min(turn, last)]
        faults = tuple(self._given(rule, reply, count)) if reply.faults else ()
        for fault in faults:
            count.faults[fault.kind] += 1
        return Decision(_answer(reply, question), faults, rule.name)

    def _given(self, rule: Rule, reply: Reply, count: Count) -> list[Fault]:
        return [
            each.fault
            for place, each in enumerate(reply.faults)
            if self._falls(each.probability, rule, count.matched, place)
        ]

    def _falls(self, probability: float, rule: Rule, *numbers: int) -> bool:
        """Draw lots: the same seed, rule and numbers always draw the same."""
        if probability >= 1:
            return True
        lot = hashlib.sha256(f"{self.rules.seed}/{rule.name}/{numbers}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(lot[:8], "big") < probability * 2**64


def _answer(reply: Reply, question: Question) -> Answer:
    if reply.text is None and not reply.calls:
        return mind.answer(question)
    calls = tuple(_call(call, question, place) for place, call in enumerate(reply.calls))
    finish = "tool_calls" if calls else "stop"
    return Answer(question.digest, reply.text or "", calls, finish, input_tokens(question))  # type: ignore[arg-type]


def _call(call: RuledCall, question: Question, place: int) -> Call:
    digest = question.digest
    if place:
        digest = hashlib.sha256(f"{digest}/{place}".encode()).hexdigest()
    arguments = call.arguments
    if arguments is None:
        schema = next((tool.schema for tool in question.tools if tool.name == call.name), {})
        arguments = mind.arguments(schema, seed=question.digest)
    return Call(f"call_{digest[:24]}", call.name, arguments)

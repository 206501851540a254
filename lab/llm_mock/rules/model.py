"""What rules are, once they were read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lab.llm_mock.fault import Fault

if TYPE_CHECKING:
    import regex

How = Literal["equals", "contains", "matches"]


@dataclass(frozen=True, slots=True)
class TextTest:
    """A condition on a text; `matches` finds a regular expression anywhere in its beginning."""

    how: How
    value: str
    pattern: "regex.Pattern[str] | None" = None


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions, all of which have to hold; None is no condition, and of several values one is enough.

    `provider`, `endpoint`, `model`, `tool` and `key` are names in which `*` and `?` stand for anything.
    The last four are known only once a request was answered: `body` is part of a request's JSON.
    """

    provider: tuple[str, ...] | None = None
    endpoint: tuple[str, ...] | None = None
    model: tuple[str, ...] | None = None
    system: tuple[TextTest, ...] | None = None
    user: tuple[TextTest, ...] | None = None
    text: tuple[TextTest, ...] | None = None
    tool: tuple[str, ...] | None = None
    result: tuple[TextTest, ...] | None = None
    turn: tuple[int, ...] | None = None
    stream: bool | None = None
    header: Mapping[str, tuple[TextTest, ...]] | None = None
    key: tuple[str, ...] | None = None
    rule: tuple[str, ...] | None = None
    outcome: tuple[str, ...] | None = None
    status: tuple[int, ...] | None = None
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RuledFault:
    """A fault, and in which share of the calls it happens."""

    fault: Fault
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class RuledCall:
    """A call of a tool; its arguments are JSON text, or None for ones that fit the tool's schema."""

    name: str
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said; where there is neither text nor a call, what the mock says without rules."""

    text: str | None = None
    calls: tuple[RuledCall, ...] = ()
    faults: tuple[RuledFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Replies for the calls that match: one after the other, then the last one again, or in a circle.

    The first `skip` calls that match are left to other rules, and so are all after `times` were taken.
    """

    name: str
    match: Match = field(default_factory=Match)
    replies: tuple[Reply, ...] = (Reply(),)
    cycle: bool = False
    times: int | None = None
    skip: int = 0
    probability: float = 1.0
    line: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules in the order in which they are tried; `strict` None leaves it to how the mock was started."""

    rules: tuple[Rule, ...] = ()
    strict: bool | None = None
    seed: int = 0
    source: str = ""

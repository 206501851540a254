"""What a client asks, whatever protocol it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.llm_mock.fixed import fixed

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model made in an earlier turn, as the client tells it; arguments are JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call with this id; protocols without ids give the tool's name."""

    id: str
    text: str


@fixed
class Turn:
    """One message of a conversation: its text joined by spaces, and how many images stand in it."""

    role: Role
    text: str = ""
    images: int = 0
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the client offers; its schema is a JSON Schema with lower-case type names."""

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@fixed
class Question:
    """A request that was understood.

    `schema` is the JSON Schema that the answer's text has to fit: None is free text, an empty one any JSON object.
    `tool_choice` is auto, none, required, or the name of a tool after a colon (":lookup").
    `inputs` are texts to embed, to moderate, to count or to rank; `dimensions` the length of a vector asked for.
    `digest` is 64 hex digits made of everything that may change the answer: how it is delivered may not.
    `detail` is for the family's own use between reading a request and writing its answer.
    """

    provider: str
    endpoint: str
    model: str
    digest: str
    stream: bool = False
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    schema: Mapping[str, Any] | None = None
    inputs: tuple[str, ...] = ()
    dimensions: int | None = None
    max_tokens: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        """What the model is told before the conversation."""
        return " ".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def last_user(self) -> str | None:
        """What the user said last; None where nobody said anything."""
        said = [turn.text for turn in self.turns if turn.role == "user" and not turn.results]
        return said[-1] if said else (self.inputs[-1] if self.inputs else None)

    @property
    def turn(self) -> int:
        """How many times the model has to speak, this time included: 1 in a new conversation."""
        return 1 + sum(turn.role == "assistant" for turn in self.turns)

    @property
    def has_results(self) -> bool:
        """Whether the client has just said what its tools answered."""
        return bool(self.turns) and bool(self.turns[-1].results)

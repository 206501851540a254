"""What is said to a model and what it says, whoever provides it."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from reference_agents.tools import Tool

Role = Literal["system", "user", "assistant", "tool"]


class LlmError(Exception):
    """The model gave no answer; the message says why."""


@dataclass(frozen=True)
class Call:
    """A call of a tool; the arguments are text, JSON if all is well, and `mark` is for the provider's own use."""

    id: str
    name: str
    arguments: str
    mark: Any = None


@dataclass(frozen=True)
class Result:
    """What came of a call."""

    call: Call
    text: str
    failed: bool


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: calls are the assistant's, results the tools'."""

    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Question:
    """A conversation that a model is to go on with; `stream` is how its provider is asked to deliver.

    `model` is the name that the provider itself gives to it.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    stream: bool = False
    model: str = ""

    @property
    def system(self) -> str:
        """What the model is told before the conversation."""
        return "\n".join(message.text for message in self.messages if message.role == "system")

    @property
    def spoken(self) -> list[Message]:
        """The conversation without what the model is told before it."""
        return [message for message in self.messages if message.role != "system"]


@dataclass(frozen=True)
class Reply:
    """What a model said; `finish` is the provider's mark of the end, None where the answer has none."""

    text: str
    calls: tuple[Call, ...] = ()
    finish: str | None = None


class Provider(Protocol):
    """A way to a provider's models; one attempt each time, with whatever exceptions its SDK has."""

    async def ask(self, question: Question) -> Reply:
        """Return the reply once it is there as a whole."""

    async def close(self) -> None:
        """Close the connections."""

"""The chat completions that OpenAI began, as its SDK, Azure's, Groq's and Mistral's hold them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from reference_agents.llm.conversation import Call, Message, Question, Reply
from reference_agents.tools import Tool

NO_ID = "null"  # Mistral's SDK says so where a fragment has none.


class Completions:
    """Chat completions of an SDK that is made like OpenAI's."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        answer = await self._client.chat.completions.create(**told(question), stream=question.stream)
        if not question.stream:
            return read(answer)
        async with answer:
            return await read_stream(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def told(question: Question) -> dict[str, Any]:
    """Return the arguments of the call that ask the question."""
    asked: dict[str, Any] = {
        "model": question.model,
        "messages": [each for message in question.messages for each in _told(message)],
    }
    return {**asked, "tools": [offered(tool) for tool in question.tools]} if question.tools else asked


def offered(tool: Tool) -> dict[str, Any]:
    """Return a tool as it is offered; Ollama and Cohere take the same form."""
    described = {"name": tool.name, "description": tool.description, "parameters": tool.schema}
    return {"type": "function", "function": described}


def _told(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"role": "tool", "tool_call_id": each.call.id, "content": each.text} for each in message.results]
    if not message.calls:
        return [{"role": message.role, "content": message.text}]
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.calls
    ]
    return [{"role": message.role, "content": message.text or None, "tool_calls": calls}]


def read(completion: Any) -> Reply:
    """Read a whole completion, or raise what comes of reading something else."""
    choice = completion.choices[0]
    calls = tuple(
        Call(str(call.id), call.function.name, arguments(call.function.arguments))
        for call in choice.message.tool_calls or []
    )
    return Reply(text_of(choice.message.content), calls, choice.finish_reason)


async def read_stream(chunks: AsyncIterator[Any]) -> Reply:
    """Join the chunks of a completion; without a finish_reason it has no end."""
    text: list[str] = []
    calls = Calls()
    finish = None
    async for chunk in chunks:
        for choice in chunk.choices[:1]:
            text.append(text_of(choice.delta.content))
            for part in choice.delta.tool_calls or []:
                calls.add(part.index, part.id, part.function.name, arguments(part.function.arguments))
            finish = choice.finish_reason or finish
    return Reply("".join(text), calls.joined(), finish)


def text_of(content: Any) -> str:
    """Return the text of a message, which may come in pieces and may be missing."""
    if not content:
        return ""
    if isinstance(content, str):
        return content
    return "".join(getattr(piece, "text", None) or "" for piece in content)


def arguments(given: Any) -> str:
    """Return the arguments of a call as JSON text, in which some SDKs have them already."""
    return given if isinstance(given, str) else "" if given is None else json.dumps(given)


@dataclass
class Calls:
    """Calls that arrive in fragments: the first of each has its id and name, all have a piece of its arguments."""

    _found: dict[tuple[Any, int], list[str]] = field(default_factory=dict)
    _keys: dict[Any, tuple[Any, int]] = field(default_factory=dict)

    def add(self, index: Any, call_id: str | None, name: str | None, piece: str | None) -> None:
        """Add a fragment; another id under the same index is another call."""
        known = call_id if call_id and call_id != NO_ID else ""
        key = self._keys.get(index)
        if key is None or (known and self._found[key][0] not in {"", known}):
            key = self._keys[index] = (index, len(self._found))
            self._found[key] = ["", "", ""]
        parts = self._found[key]
        self._found[key] = [parts[0] or known, parts[1] or name or "", parts[2] + (piece or "")]

    def joined(self) -> tuple[Call, ...]:
        """Return the calls in the order in which they began; no arguments at all are an empty object."""
        return tuple(Call(parts[0], parts[1], parts[2] or "{}") for parts in self._found.values())

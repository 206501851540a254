"""Ollama, through its SDK."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import ollama

from reference_agents.llm.conversation import Call, Message, Question, Reply
from reference_agents.llm.providers.chat import offered
from reference_agents.llm.providers.media import HOOKS
from reference_agents.tools import json_object


def connect(values: Mapping[str, str], timeout: float) -> "Ollama":
    """Return the way to the Ollama of this machine, or to what OLLAMA_HOST names; a key is needed by few."""
    key = values.get("OLLAMA_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    client = ollama.AsyncClient(values.get("OLLAMA_HOST") or None, headers=headers, timeout=timeout, event_hooks=HOOKS)
    return Ollama(client)


class Ollama:
    """Chat; its calls have no ids."""

    def __init__(self, client: ollama.AsyncClient) -> None:
        self._client = client

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        answer: Any = await self._client.chat(
            model=question.model,
            messages=[each for message in question.messages for each in _told(message)],
            tools=[offered(tool) for tool in question.tools] or None,
            stream=question.stream,
        )
        return _joined([part async for part in _parts(answer, question)])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _parts(answer: Any, question: Question) -> AsyncIterator[Any]:
    if not question.stream:
        yield answer
        return
    async for part in answer:
        yield part


def _told(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"role": "tool", "tool_name": each.call.name, "content": each.text} for each in message.results]
    calls = [{"function": {"name": call.name, "arguments": json_object(call.arguments)}} for call in message.calls]
    return [{"role": message.role, "content": message.text, **({"tool_calls": calls} if calls else {})}]


def _joined(parts: list[Any]) -> Reply:
    text = "".join(part.message.content or "" for part in parts)
    calls = tuple(
        Call("", call.function.name, json.dumps(dict(call.function.arguments)))
        for part in parts
        for call in part.message.tool_calls or []
    )
    finish = next((part.done_reason or "stop" for part in parts if part.done), None)
    return Reply(text, calls, finish)

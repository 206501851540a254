"""Anthropic, through its SDK."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import anthropic

from reference_agents.llm.connection import required
from reference_agents.llm.conversation import Call, Message, Question, Reply
from reference_agents.llm.providers.chat import Calls, arguments
from reference_agents.llm.providers.media import HOOKS
from reference_agents.tools import json_object

MAX_TOKENS = 4096


def connect(values: Mapping[str, str], timeout: float) -> "Anthropic":
    """Return the way to Anthropic, or to what ANTHROPIC_BASE_URL names."""
    client = anthropic.AsyncAnthropic(
        api_key=required(values, "anthropic", "ANTHROPIC_API_KEY"),
        base_url=values.get("ANTHROPIC_BASE_URL") or None,
        timeout=timeout,
        max_retries=0,
        http_client=anthropic.DefaultAsyncHttpxClient(event_hooks=HOOKS),
    )
    return Anthropic(client)


class Anthropic:
    """Messages."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        answer: Any = await self._client.messages.create(**_told(question), stream=question.stream)
        if not question.stream:
            return _read(answer)
        async with answer:
            return await _read_stream(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _told(question: Question) -> dict[str, Any]:
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in question.tools
    ]
    asked: dict[str, Any] = {
        "model": question.model,
        "max_tokens": MAX_TOKENS,
        "system": question.system,
        # A message without content is refused; a turn can have been answered with nothing.
        "messages": [said for message in question.spoken if (said := _message(message))["content"]],
    }
    return {**asked, "tools": tools} if tools else asked


def _message(message: Message) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text else []
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json_object(call.arguments)}
        for call in message.calls
    ]
    content += [
        {"type": "tool_result", "tool_use_id": each.call.id, "content": each.text, "is_error": each.failed}
        for each in message.results
    ]
    return {"role": "assistant" if message.role == "assistant" else "user", "content": content}


def _read(answer: Any) -> Reply:
    text = "".join(block.text for block in answer.content if block.type == "text")
    calls = tuple(
        Call(block.id, block.name, arguments(block.input)) for block in answer.content if block.type == "tool_use"
    )
    return Reply(text, calls, answer.stop_reason)


async def _read_stream(events: AsyncIterator[Any]) -> Reply:
    text: list[str] = []
    calls = Calls()
    stop_reason = finish = None
    async for event in events:
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            calls.add(event.index, event.content_block.id, event.content_block.name, "")
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            text.append(event.delta.text)
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            calls.add(event.index, "", "", event.delta.partial_json)
        elif event.type == "message_delta":
            stop_reason = event.delta.stop_reason
        elif event.type == "message_stop":
            finish = stop_reason or event.type
    return Reply("".join(text), calls.joined(), finish)

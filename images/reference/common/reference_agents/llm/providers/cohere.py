"""Cohere, through its SDK."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import cohere
import httpx

from reference_agents.llm.connection import required
from reference_agents.llm.conversation import LlmError, Question, Reply
from reference_agents.llm.providers.chat import Calls, arguments, text_of, told
from reference_agents.llm.providers.media import HOOKS


def connect(values: Mapping[str, str], timeout: float) -> "Cohere":
    """Return the way to Cohere, or to what CO_API_URL names."""
    http = httpx.AsyncClient(follow_redirects=True, event_hooks=HOOKS, timeout=timeout)
    client = cohere.AsyncClientV2(
        required(values, "cohere", "CO_API_KEY", "COHERE_API_KEY"),
        base_url=values.get("CO_API_URL") or None,
        timeout=timeout,
        max_retries=0,
        httpx_client=http,
        log_warning_experimental_features=False,
    )
    return Cohere(client, http)


class Cohere:
    """Chat, in its second version."""

    def __init__(self, client: cohere.AsyncClientV2, http: httpx.AsyncClient) -> None:
        self._client = client
        self._http = http

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        asked = told(question)
        if question.stream:
            return await _read_stream(self._client.chat_stream(**asked))
        return _read(await self._client.chat(**asked))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _read(answer: Any) -> Reply:
    calls = Calls()
    for index, call in enumerate(answer.message.tool_calls or []):
        calls.add(index, call.id, call.function.name, arguments(call.function.arguments))
    return Reply(text_of(answer.message.content), calls.joined(), answer.finish_reason)


async def _read_stream(events: AsyncIterator[Any]) -> Reply:
    text: list[str] = []
    calls = Calls()
    finish = None
    async for event in events:
        if event.type == "content-delta":
            text.append(event.delta.message.content.text or "")
        elif event.type in {"tool-call-start", "tool-call-delta"}:
            call = event.delta.message.tool_calls
            calls.add(event.index, getattr(call, "id", ""), getattr(call.function, "name", ""), call.function.arguments)
        elif event.type == "message-end":
            if event.delta.error:
                raise LlmError(f"an error within the answer: {event.delta.error}")
            finish = event.delta.finish_reason or "COMPLETE"
    return Reply("".join(text), calls.joined(), finish)

"""Mistral, through its SDK, which has no variable of its own for an address."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
from mistralai.client import Mistral

from reference_agents.llm.connection import required
from reference_agents.llm.conversation import Question, Reply
from reference_agents.llm.providers.chat import read, read_stream, told
from reference_agents.llm.providers.media import HOOKS


def connect(values: Mapping[str, str], timeout: float) -> "MistralChat":
    """Return the way to Mistral, or to what REFERENCE_MISTRAL_URL names."""
    http = httpx2.AsyncClient(follow_redirects=True, event_hooks=HOOKS)
    client = Mistral(
        api_key=required(values, "mistral", "MISTRAL_API_KEY"),
        server_url=(values.get("REFERENCE_MISTRAL_URL") or "").rstrip("/") or None,
        async_client=http,
        timeout_ms=int(timeout * 1000),
        retry_config=None,
    )
    return MistralChat(client, http)


class MistralChat:
    """Chat completions; the SDK does not close a client that it was given."""

    def __init__(self, client: Mistral, http: httpx2.AsyncClient) -> None:
        self._client = client
        self._http = http

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        if not question.stream:
            return read(await self._client.chat.complete_async(**told(question)))
        async with await self._client.chat.stream_async(**told(question)) as events:
            return await read_stream(_chunks(events))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def _chunks(events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for event in events:
        yield event.data

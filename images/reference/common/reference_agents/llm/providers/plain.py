"""OpenAI's protocol without its SDK: whole answers, and no tools."""

from collections.abc import Mapping

import httpx

from reference_agents.llm.connection import EXTRA
from reference_agents.llm.conversation import Call, LlmError, Question, Reply
from reference_agents.llm.failure import EXCERPT
from reference_agents.llm.providers.chat import arguments, told
from reference_agents.llm.providers.media import HOOKS


def connect(values: Mapping[str, str], timeout: float) -> "Plain":
    """Return the way to what OPENAI_BASE_URL names; a server of one's own may need no key."""
    url = (values.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
    return Plain(url, values.get("OPENAI_API_KEY", ""), timeout)


class Plain:
    """Chat completions over HTTP."""

    def __init__(self, url: str, key: str, timeout: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport, event_hooks=HOOKS)

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        if question.stream or question.tools:
            raise LlmError(f"streams and tools need the SDK of OpenAI; {EXTRA}")
        response = await self._client.post(f"{self._url}/chat/completions", json=told(question))
        if response.status_code != httpx.codes.OK:
            raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
        return _read(response)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _read(response: httpx.Response) -> Reply:
    try:
        message = response.json()["choices"][0]["message"]
        calls = [call["function"] for call in message.get("tool_calls") or []]
        # A body that can be read to its last bracket is whole, whatever mark of its end it has.
        return Reply(
            str(message.get("content") or ""),
            tuple(Call("", str(call["name"]), arguments(call["arguments"])) for call in calls),
            finish="stop",
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise LlmError(f"not a chat completion: {response.text[:EXCERPT]}") from error

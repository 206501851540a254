"""What the model says."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from reference_agents.settings import Settings

EXCERPT = 200


class LlmError(Exception):
    """The model gave no answer; the message says why."""


@dataclass(frozen=True)
class Reply:
    """An answer of the model; an agent without tools reports the calls and makes none."""

    text: str
    tool_calls: list[dict[str, Any]] = field(default_factory=list)


class Llm:
    """A model behind the OpenAI chat completions protocol."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key = settings.openai_api_key
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key}"} if key else {}, timeout=settings.llm_timeout
        )

    async def complete(self, messages: list[dict[str, str]]) -> Reply:
        """Return the model's answer to a conversation, or raise LlmError."""
        url = f"{self._settings.openai_base_url}/chat/completions"
        try:
            response = await self._client.post(url, json={"model": self._settings.model, "messages": messages})
        except httpx.TimeoutException as error:
            raise LlmError(f"no answer within {self._settings.llm_timeout:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LlmError(f"no connection: {error or type(error).__name__}") from error
        if response.status_code != httpx.codes.OK:
            raise LlmError(f"HTTP {response.status_code}: {response.text[:EXCERPT]}")
        return _reply(response)

    async def close(self) -> None:
        """Close the connections to the model."""
        await self._client.aclose()


def _reply(response: httpx.Response) -> Reply:
    try:
        message = response.json()["choices"][0]["message"]
        calls = [call["function"] for call in message.get("tool_calls") or []]
        return Reply(
            text=str(message.get("content") or ""),
            tool_calls=[{"tool_name": call["name"], "args": call["arguments"]} for call in calls],
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise LlmError(f"not a chat completion: {response.text[:EXCERPT]}") from error

"""OpenAI, through its SDK."""

from collections.abc import Mapping

import openai

from reference_agents.llm.connection import required
from reference_agents.llm.providers.chat import Completions
from reference_agents.llm.providers.media import HOOKS


def connect(values: Mapping[str, str], timeout: float) -> Completions:
    """Return the way to OpenAI, or to what OPENAI_BASE_URL names."""
    client = openai.AsyncOpenAI(
        api_key=required(values, "openai", "OPENAI_API_KEY"),
        base_url=values.get("OPENAI_BASE_URL") or None,
        timeout=timeout,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks=HOOKS),
    )
    return Completions(client)

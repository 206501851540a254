"""Groq, through its SDK."""

from collections.abc import Mapping

import groq

from reference_agents.llm.connection import required
from reference_agents.llm.providers.chat import Completions
from reference_agents.llm.providers.media import HOOKS


def connect(values: Mapping[str, str], timeout: float) -> Completions:
    """Return the way to Groq, or to what GROQ_BASE_URL names."""
    client = groq.AsyncGroq(
        api_key=required(values, "groq", "GROQ_API_KEY"),
        base_url=values.get("GROQ_BASE_URL") or None,
        timeout=timeout,
        max_retries=0,
        http_client=groq.DefaultAsyncHttpxClient(event_hooks=HOOKS),
    )
    return Completions(client)

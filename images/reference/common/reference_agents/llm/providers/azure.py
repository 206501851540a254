"""OpenAI's models at Azure, through OpenAI's SDK; a model is the name of a deployment."""

from collections.abc import Mapping

import openai

from reference_agents.llm.connection import required
from reference_agents.llm.providers.chat import Completions
from reference_agents.llm.providers.media import HOOKS

API_VERSION = "2024-10-21"


def connect(values: Mapping[str, str], timeout: float) -> Completions:
    """Return the way to what AZURE_OPENAI_ENDPOINT names."""
    client = openai.AsyncAzureOpenAI(
        api_key=required(values, "azure", "AZURE_OPENAI_API_KEY"),
        azure_endpoint=required(values, "azure", "AZURE_OPENAI_ENDPOINT"),
        api_version=values.get("OPENAI_API_VERSION") or API_VERSION,
        timeout=timeout,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks=HOOKS),
    )
    return Completions(client)

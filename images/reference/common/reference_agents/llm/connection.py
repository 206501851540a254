"""How a provider is reached: its SDK if that is installed, and the settings for it."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import httpx  # noqa: F401 - an SDK in use looks for it among the modules, and must not find it half imported by another

from reference_agents.llm.conversation import LlmError, Provider
from reference_agents.settings import Settings

EXTRA = "install the extra: reference-agents[llm]"


def connect(name: str, settings: Settings) -> Provider:
    """Return the way to a provider, importing its SDK; OpenAI needs none for whole answers without tools."""
    module = "plain" if name == "openai" and find_spec("openai") is None else name
    try:
        found = import_module(f"reference_agents.llm.providers.{module}")
    except ImportError as error:
        raise LlmError(f"the SDK for {name} is not installed ({error}); {EXTRA}") from error
    provider: Provider = found.connect(settings.llm_values, settings.llm_timeout)
    return provider


def required(values: Mapping[str, str], provider: str, *names: str) -> str:
    """Return the first of these settings that is set, or raise LlmError; the SDKs take them from here only."""
    for name in names:
        if values.get(name):
            return values[name]
    raise LlmError(f"{provider} needs {' or '.join(names)}: set it in the environment or in the env file")

"""Which provider's model a name means."""

import re
from dataclasses import dataclass

PROVIDERS = ("openai", "anthropic", "gemini", "groq", "mistral", "ollama", "cohere", "azure", "bedrock")
# The names of OpenAI's fine-tuned models hold colons of their own.
FINE_TUNED = "ft"
_NAME = re.compile(r"[!-~]{1,255}")  # A name goes into the log and into addresses.


class ModelNameError(ValueError):
    """No model can be meant; the message says why."""


@dataclass(frozen=True)
class ModelName:
    """A model of a provider."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}"


def model_name(text: str) -> ModelName:
    """Read `provider:model`, or the name of a model of OpenAI alone, or raise ModelNameError."""
    if not _NAME.fullmatch(text):
        raise ModelNameError("the name of a model is 1 to 255 letters, digits and signs of ASCII, without spaces")
    provider, colon, model = text.partition(":")
    if not colon or provider == FINE_TUNED:
        return ModelName("openai", text)
    if provider not in PROVIDERS:
        raise ModelNameError(f"there is no provider {provider!r}, only {', '.join(PROVIDERS)}")
    if not model:
        raise ModelNameError(f"no model is named after {text!r}")
    return ModelName(provider, model)

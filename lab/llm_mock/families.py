"""Which family a request belongs to; a family is imported when it is first asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from lab.llm_mock.wire.base import Family, Finder

NAMES = ("openai", "azure", "groq", "mistral", "anthropic", "bedrock", "gemini", "ollama", "cohere")
# "/openai" is no prefix of the first: Azure and Groq have paths of their own that begin so.
_PREFIXED = re.compile(r"/(azure|groq|mistral|anthropic|bedrock|gemini|ollama|cohere)(/.*)")
_BEGINNINGS = (("/api/", "ollama"), ("/v2/", "cohere"), ("/model/", "bedrock"), ("/foundation-models", "bedrock"))
_VERB = re.compile(r"(?:/v\d\w*)?/(?:models|tunedModels)/[^/]+:\w+")


@dataclass(frozen=True)
class Known:
    """A family and the finder of its endpoints."""

    family: Family
    finder: Finder


@cache
def known(name: str) -> Known:
    """Return a family by its name, importing it."""
    family: Family = import_module(f"lab.llm_mock.wire.{name}").FAMILY
    return Known(family, Finder(family.routes))


def family_of(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """Return the family's name and the path within it.

    A path may begin with the family's name (`/mistral/v1/chat/completions`), which leaves no doubt. Otherwise the
    path decides, and where families share one, the headers that only their clients send. What nobody else claims is
    OpenAI's.
    """
    if (prefixed := _PREFIXED.fullmatch(path)) is not None:
        return prefixed[1], prefixed[2]
    return _by_path(method, path, headers, query) or _by_client(headers, query) or "openai", path


def _by_path(method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    if path.startswith("/openai/"):
        return "azure" if "api-version" in query or "api-key" in headers else "groq"
    # Names of other providers' models have colons, too, but nothing is posted to them.
    if path.startswith(("/v1beta", "/v1alpha")) or (method == "POST" and ":" in path and _VERB.fullmatch(path)):
        return "gemini"
    if "/publishers/google/models/" in path:  # of Vertex
        return "gemini"
    for beginning, name in _BEGINNINGS:
        if path.startswith(beginning):
            return name
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return "anthropic"
    return None


def _by_client(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    if "anthropic-version" in headers:
        return "anthropic"
    if "x-goog-api-key" in headers or "key" in query:
        return "gemini"
    agent = headers.get("user-agent", "").lower()
    if agent.startswith("mistral"):
        return "mistral"
    if "cohere" in agent or "cohere" in headers.get("x-fern-sdk-name", ""):
        return "cohere"
    if agent.startswith("groq"):
        return "groq"
    return None

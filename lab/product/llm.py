"""What a definition says of a product that talks to models: whom it asks, how it is asked, what it promises."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from lab.product.actions import Answer, Request
from lab.strict import Pattern, Seconds, Slug, Strict, Text

ProviderName = Literal[
    "openai", "azure", "groq", "mistral", "anthropic", "bedrock", "gemini", "ollama", "cohere"
]  # fmt: skip
"""Providers whose protocols the LLM mock speaks."""
Mode = Literal["plain", "stream", "tools", "streamed-tools"]
"""How a model is asked: for a whole answer, for a stream, and both of them with tools that it may call."""
SPEAKING: Mapping[ProviderName, tuple[str, ...]] = {
    "openai": ("chat", "completions", "responses"),
    "azure": ("chat", "completions", "responses"),
    "groq": ("chat", "responses"),
    "mistral": ("chat",),
    "anthropic": ("messages",),
    "bedrock": ("converse", "converse-stream", "invoke", "invoke-with-response-stream"),
    "gemini": ("generateContent", "streamGenerateContent"),
    "ollama": ("chat", "generate"),
    "cohere": ("chat",),
}
"""Endpoints of each provider at which a model speaks, as the LLM mock names them."""
SPOKEN = frozenset(name for names in SPEAKING.values() for name in names)
"""The same of all providers."""
Beside = Literal[
    "batchEmbedContents", "count-tokens", "countTokens", "count_tokens", "embed", "embedContent", "embeddings",
    "input_tokens", "moderations", "predict", "rerank", "show", "tokenize",
]  # fmt: skip
"""The other endpoints of providers that are asked something, as the LLM mock names them."""


def _once_each(names: list[str]) -> list[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"'{twice[0]}' stands here more than once")
    return names


OnceEach = AfterValidator(_once_each)
"""A list in which nothing stands twice."""


class LlmProvider(Strict):
    """One provider that the product works with."""

    model: Text
    """The model's name as the provider knows it, {llm.model}."""
    values: dict[Slug, str] = Field(default={}, alias="with")
    """Name to whatever else a request needs to reach it, as {llm.with.NAME}."""


class LlmTool(Strict):
    """A tool of the product's own: the mock calls it, and the product must say what it gave."""

    name: Text
    """Its name, as the model is told it."""
    arguments: dict[str, Any] = {}
    """What it is called with."""
    result: Text | None = None
    """Text that must stand in what the model is told of the call; None where the product passes calls on."""


class LlmRequest(Strict):
    """A request that makes the product ask a model."""

    request: Request
    """Filled in with {llm.provider}, {llm.model}, {llm.prompt} and {llm.case}, a word that is another one each time."""
    expect: Answer = Answer()
    """What an answer looks like that the product presents as the model's."""
    text: Text | None = None
    """JSON path of the model's text in it; of a stream, in each of its events. None: it is not shown."""
    called: dict[str, Any] = {}
    """JSON path to value: what it shows of a called tool; asked of it while nothing goes wrong. In a stream one of the
    events has the value, or all together have the text."""
    events: Literal["sse", "lines"] | None = None
    """Whether the product's own answer is a stream: server-sent events, or lines of JSON."""
    ends_with: Text | None = None
    """Of a stream: the text of its last event, or a JSON path at which an event has a value when all has been said."""

    @model_validator(mode="after")
    def _streams_end(self) -> "LlmRequest":
        if (self.events is None) != (self.ends_with is None):
            raise ValueError("'events' and 'ends_with' belong together: a stream that has no end mark tells nothing")
        return self


class LlmUse(Strict):
    """How the product uses language models."""

    extra: Slug | None = None
    """Optional dependencies of the distribution without which it knows no provider; installed where it converses."""
    providers: Annotated[dict[ProviderName, LlmProvider], Field(min_length=1)]
    """Provider to what is asked of it."""
    modes: Annotated[dict[Mode, LlmRequest], Field(min_length=1)]
    """Mode to the request in which the product asks a model so."""
    tool: LlmTool | None = None
    """The tool that is called in the modes with tools."""
    failure: Answer
    """How the product tells that the model failed. Of a stream, one event does with all values of `json`, whatever
    `status` says, or one whose JSON has an `error`, or a server-sent one named `error`; so does a stream that began
    and broke off."""
    logged: Pattern | None = None
    """Regular expression that fits a line of the product's log which tells of a failed attempt or a failed model; in
    it, {llm.provider} and {llm.model} stand for these very words."""
    also: Annotated[list[Beside], OnceEach] = []
    """Endpoints at which it may ask its providers beside a conversation, as the mock names them: for vectors, say."""
    retries: Annotated[int, Field(ge=0, le=20)]
    """How often the product asks again at most, when a provider fails."""
    budget: Seconds
    """Seconds within which the product answers, whatever a model does."""
    environment: dict[str, str] = {}
    """Variables of the process beside those that lead to the mock, where the product converses; {llm.url} is the
    mock's address."""

    @model_validator(mode="after")
    def _tools_are_named(self) -> "LlmUse":
        if self.tool is None and not {"tools", "streamed-tools"}.isdisjoint(self.modes):
            raise ValueError("a mode with tools needs 'tool': which one is called")
        return self

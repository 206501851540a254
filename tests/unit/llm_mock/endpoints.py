"""One right request for every endpoint that is asked with POST, with as much in it as its reader looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.llm_mock.families import known
from lab.llm_mock.wire.base import Endpoint


@dataclass(frozen=True)
class Asked:
    """A request of a family; `path` is the family's own, and `sign` a name that every whole answer to it has."""

    family: str
    path: str
    content: Mapping[str, Any]
    sign: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The path as it is sent: with the family's name before it, which leaves no doubt."""
        return self.path if self.family == "openai" else f"/{self.family}{self.path}"

    @property
    def endpoint(self) -> str:
        """The endpoint's name; raises KeyError where the family has no such path."""
        found = known(self.family).finder.find("POST", self.path.partition("?")[0])
        if not isinstance(found, tuple):
            raise KeyError(self.path)
        endpoint: Endpoint = found[0]
        return endpoint.name

    def __str__(self) -> str:
        return f"{self.family} {self.path}"


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"type": "function", "function": {"name": "lookup", "description": "x", "parameters": SCHEMA}}
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "lookup", "arguments": '{"city": "x"}'}}
_MESSAGES = [
    {"role": "system", "content": "be nice"},
    {"role": "user", "content": [{"type": "text", "text": "hello there"}, _IMAGE]},
    {"role": "assistant", "content": None, "tool_calls": [_CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]
_FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
_CHAT = {
    "model": "m", "messages": _MESSAGES, "tools": [FUNCTION], "tool_choice": "auto", "response_format": _FORMAT,
    "max_tokens": 50, "temperature": 0.5, "stream": False,
}  # fmt: skip
_STREAMED = {**_CHAT, "n": 2, "stop": ["x"], "stream": True, "stream_options": {"include_usage": True}}
_COMPLETION = {
    "model": "m", "prompt": ["a", "b"], "n": 1, "max_tokens": 5, "stream": True, "stream_options": {}
}  # fmt: skip
_VECTORS = {"model": "m", "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64"}
_RESPONSE = {
    "model": "m",
    "instructions": "be nice",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "function_call", "call_id": "c", "name": "lookup", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "sunny"},
    ],
    "tools": [{"type": "function", "name": "lookup", "parameters": SCHEMA}],
    "tool_choice": {"type": "function", "name": "lookup"},
    "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA}},
    "max_output_tokens": 50,
    "metadata": {"a": "b"},
    "stream": True,
}
_TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {"city": "x"}}
_TOOL_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "x"}]}
_CLAUDE = {
    "model": "m",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "be nice"}],
    "messages": [
        {"role": "user", "content": "hello there"},
        {"role": "assistant", "content": [_TOOL_USE]},
        {"role": "user", "content": [_TOOL_RESULT]},
    ],
    "tools": [{"name": "lookup", "input_schema": SCHEMA}, {"type": "bash_20250124", "name": "bash"}],
    "tool_choice": {"type": "auto"},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
}
_CONVERSED = {
    "messages": [
        {"role": "user", "content": [{"text": "hello"}, {"image": {"format": "png", "source": {"bytes": "aGk="}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "lookup", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}]},
    ],
    "system": [{"text": "be nice"}],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "lookup", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"auto": {}},
    },
    "inferenceConfig": {"maxTokens": 50},
    "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}},
    "additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
}
_INVOKED = {"anthropic_version": "bedrock-2023-05-31", **_CLAUDE}
_CONTENTS = [
    {"role": "user", "parts": [{"text": "hello"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
    {"role": "model", "parts": [{"functionCall": {"id": "f", "name": "lookup", "args": {"city": "x"}}}]},
    {"role": "user", "parts": [{"functionResponse": {"name": "lookup", "response": {"result": "sunny"}}}]},
]
_GENERATED = {
    "contents": _CONTENTS,
    "systemInstruction": {"parts": [{"text": "be nice"}]},
    "tools": [{"functionDeclarations": [{"name": "lookup", "parameters": {"type": "OBJECT"}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["lookup"]}},
    "generationConfig": {
        "maxOutputTokens": 50, "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"},
        "responseFormat": [{"text": {"mimeType": "APPLICATION_JSON", "schema": SCHEMA}}],
    },
}  # fmt: skip
_GEMINI_VECTOR = {
    "model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8,
    "embedContentConfig": {"outputDimensionality": 8},
}  # fmt: skip
_OLLAMA = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be nice"},
        {"role": "user", "content": "hello there", "images": ["aGk="]},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "lookup", "arguments": {}}}]},
        {"role": "tool", "tool_name": "lookup", "content": "sunny"},
    ],
    "tools": [FUNCTION],
    "format": SCHEMA,
    "options": {"num_predict": 50},
    "keep_alive": "5m",
    "stream": True,
}
_COHERE = {
    **_CHAT,
    "tool_choice": "REQUIRED",
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "stream": True,
}
_AZURE, _VERSION = "/openai/deployments/m", "?api-version=2024-10-21"

ASKED = (
    Asked("openai", "/v1/chat/completions", _CHAT, "choices"),
    Asked("openai", "/v1/completions", _COMPLETION, "choices"),
    Asked("openai", "/v1/responses", _RESPONSE, "output"),
    Asked("openai", "/v1/responses/input_tokens", _RESPONSE, "input_tokens"),
    Asked("openai", "/v1/embeddings", _VECTORS, "data"),
    Asked("openai", "/v1/moderations", {"model": "m", "input": [{"type": "text", "text": "a"}, _IMAGE]}, "results"),
    Asked("openai", "/v1/moderations", {"input": ["be nice", "violence"]}, "results"),
    Asked("azure", f"{_AZURE}/chat/completions{_VERSION}", _STREAMED, "choices"),
    Asked("azure", f"{_AZURE}/completions{_VERSION}", _COMPLETION, "choices"),
    Asked("azure", f"{_AZURE}/embeddings{_VERSION}", _VECTORS, "data"),
    Asked("azure", f"/openai/responses{_VERSION}", _RESPONSE, "output"),
    Asked("azure", "/openai/v1/responses/input_tokens", _RESPONSE, "input_tokens"),
    Asked("groq", "/openai/v1/chat/completions", _STREAMED, "choices"),
    Asked("groq", "/openai/v1/responses", _RESPONSE, "output"),
    Asked("groq", "/openai/v1/embeddings", _VECTORS, "data"),
    Asked("mistral", "/v1/chat/completions", {**_CHAT, "stream": True, "tool_choice": "any"}, "choices"),
    Asked("mistral", "/v1/embeddings", {"model": "m", "input": ["a"], "output_dimension": 3}, "data"),
    Asked("anthropic", "/v1/messages", {**_CLAUDE, "stream": True, "thread": {"type": "create"}}, "content"),
    Asked("anthropic", "/v1/messages", _CLAUDE, "content"),
    Asked("anthropic", "/v1/messages/count_tokens", _CLAUDE, "input_tokens"),
    Asked("bedrock", "/model/m/converse", _CONVERSED, "output"),
    Asked("bedrock", "/model/m/converse-stream", _CONVERSED, "output"),
    Asked("bedrock", "/model/anthropic.m/invoke", _INVOKED, "content"),
    Asked("bedrock", "/model/anthropic.m/invoke-with-response-stream", _INVOKED, "content"),
    Asked("bedrock", "/model/nova/invoke-with-response-stream", {**_CONVERSED, "outputConfig": {}}, "output"),
    Asked("bedrock", "/model/amazon.titan-embed-text/invoke", {"inputText": "x", "dimensions": 8}, ""),
    Asked("bedrock", "/model/meta.llama/invoke-with-response-stream", {"prompt": "x", "max_gen_len": 3}, ""),
    Asked("bedrock", "/model/mistral.m/invoke", {"prompt": "x", "max_tokens": 3}, ""),
    Asked(
        "bedrock", "/model/amazon.titan/invoke", {"inputText": "x", "textGenerationConfig": {"maxTokenCount": 3}}, ""
    ),
    Asked(
        "bedrock", "/model/cohere.embed/invoke",
        {"texts": ["x"], "embedding_types": ["float"], "output_dimension": 8}, "",
    ),
    Asked("bedrock", "/model/m/count-tokens", {"input": {"converse": _CONVERSED}}, "inputTokens"),
    Asked(
        "bedrock", "/model/m/count-tokens", {"input": {"invokeModel": {"body": "eyJpbnB1dFRleHQiOiAieCJ9"}}},
        "inputTokens",
    ),
    Asked("gemini", "/v1beta/models/m:generateContent", _GENERATED, "candidates"),
    Asked("gemini", "/v1/models/m:streamGenerateContent?alt=sse", _GENERATED, "candidates"),
    Asked("gemini", "/v1/models/m:streamGenerateContent", _GENERATED, "candidates"),
    Asked("gemini", "/v1beta/models/m:embedContent", _GEMINI_VECTOR, "embedding"),
    Asked("gemini", "/v1beta/models/m:batchEmbedContents", {"requests": [_GEMINI_VECTOR] * 2}, "embeddings"),
    Asked("gemini", "/v1beta/models/m:countTokens", {"contents": _CONTENTS}, "totalTokens"),
    Asked("gemini", "/v1beta/models/m:countTokens", {"generateContentRequest": _GENERATED}, "totalTokens"),
    Asked(
        "gemini", "/v1/publishers/google/models/m:predict",
        {"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 8}}, "predictions",
    ),
    Asked("ollama", "/api/chat", _OLLAMA, "message"),
    Asked("ollama", "/api/chat", {"model": "m", "keep_alive": 0}, "message"),
    Asked(
        "ollama", "/api/generate",
        {"model": "m", "prompt": "hello", "system": "be nice", "images": ["aGk="], "format": "json",
         "options": {"num_predict": 50}, "stream": True},
        "response",
    ),
    Asked("ollama", "/api/embed", {"model": "m", "input": ["a", "b"], "dimensions": 8}, "embeddings"),
    Asked("ollama", "/api/embeddings", {"model": "m", "prompt": "a"}, "embedding"),
    Asked("ollama", "/api/show", {"model": "m", "verbose": True}, "capabilities"),
    Asked("cohere", "/v2/chat", _COHERE, "message"),
    Asked("cohere", "/v2/chat", _COHERE, "message", {"accept": "application/json"}),
    Asked(
        "cohere", "/v2/embed",
        {"model": "m", "texts": ["a"], "images": ["data:image/png;base64,aGk="], "output_dimension": 16,
         "inputs": [{"content": [{"type": "text", "text": "a"}, _IMAGE]}], "input_type": "search_query",
         "embedding_types": ["float", "int8", "ubinary", "base64"]},
        "embeddings",
    ),
    Asked(
        "cohere", "/v2/rerank",
        {"model": "m", "query": "a", "documents": ["a b", {"text": "c"}], "top_n": 1, "return_documents": True},
        "results",
    ),
    Asked("cohere", "/v1/tokenize", {"model": "m", "text": "hello there"}, "tokens"),
)  # fmt: skip

"""Amazon Bedrock: conversations and invocations, whole and streamed."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer

from lab.llm_mock.wire.base import Problem
from lab.llm_mock.wire.bedrock import FAMILY

from .asking import ask
from .spoiling import defects

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x"
HELLO = {"messages": [{"role": "user", "content": [{"text": "hello there"}]}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"toolSpec": {"name": "lookup", "inputSchema": {"json": SCHEMA}}}
TOOLS = {"toolConfig": {"tools": [TOOL]}}
INVOKED = {"max_tokens": 50, "messages": [{"role": "user", "content": "hello there"}]}


def post(verb: str, content: Any, model: str = CLAUDE) -> Any:
    return ask("POST", f"/model/{quote(model, safe='')}/{verb}", content)


def read(data: bytes) -> list[tuple[str, Any]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers[":event-type"], json.loads(message.payload)) for message in buffer]


def converse(**more: Any) -> Any:
    told = post("converse", {**HELLO, **more})
    assert told.status == 200, told.response.text
    return told.json()


def chunks(content: Mapping[str, Any], model: str = CLAUDE) -> list[Any]:
    told = post("invoke-with-response-stream", content, model)
    assert told.response.headers["content-type"] == "application/vnd.amazon.eventstream"
    return [json.loads(base64.b64decode(payload["bytes"])) for _, payload in read(told.response.content)]


@pytest.mark.parametrize("model", [CLAUDE, PROFILE])
def test_a_model_may_have_colons_and_slashes_in_its_name(model: str) -> None:
    told = post("converse", HELLO, model)

    assert told.entry.model == model
    assert told.json()["output"]["message"]["content"][0]["text"].endswith("to: hello there")
    assert told.json()["usage"] == {"inputTokens": 3, "outputTokens": 6, "totalTokens": 9}
    assert told.json()["metrics"]["latencyMs"] > 0


def test_a_conversation_is_streamed_without_a_start_for_text() -> None:
    events = read(post("converse-stream", HELLO).response.content)
    kinds = [kind for kind, _ in events]

    assert kinds[0] == "messageStart"
    assert set(kinds[1:-3]) == {"contentBlockDelta"}
    assert kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    text = "".join(payload["delta"]["text"] for _, payload in events[1:-3])
    assert text == converse()["output"]["message"]["content"][0]["text"]
    assert events[-1][1]["usage"]["outputTokens"] == 6


def test_a_tool_is_called_whole_and_in_fragments_and_its_result_ends_the_loop() -> None:
    answer = converse(**TOOLS)
    message = answer["output"]["message"]
    call = message["content"][0]["toolUse"]
    events = read(post("converse-stream", {**HELLO, **TOOLS}).response.content)

    assert (answer["stopReason"], call["name"]) == ("tool_use", "lookup")
    assert events[1] == (
        "contentBlockStart",
        {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": call["toolUseId"], "name": "lookup"}}},
    )
    parts = [payload["delta"]["toolUse"]["input"] for kind, payload in events if kind == "contentBlockDelta"]
    assert len(parts) > 1
    assert json.loads("".join(parts)) == call["input"]
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"sun": True}}, {"text": "x"}]}}
    then = [*HELLO["messages"], message, {"role": "user", "content": [result]}]
    assert converse(**TOOLS, messages=then)["stopReason"] == "end_turn"


def test_limits_schemas_and_thoughts_are_kept_to() -> None:
    assert converse(inferenceConfig={"maxTokens": 2})["stopReason"] == "max_tokens"
    structure = {"jsonSchema": {"schema": json.dumps(SCHEMA)}}
    fitting = converse(outputConfig={"textFormat": {"type": "json_schema", "structure": structure}})
    assert set(json.loads(fitting["output"]["message"]["content"][0]["text"])) == {"city"}
    thoughtful = converse(additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 1024}})
    assert thoughtful["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"]["signature"]


@pytest.mark.parametrize("version", ["bedrock-2023-05-31", "2026-10-21"])
def test_an_invocation_of_claude_gets_what_anthropic_says(version: str) -> None:
    whole = post("invoke", {"anthropic_version": version, **INVOKED}).json()
    events = chunks({"anthropic_version": version, **INVOKED})

    assert whole == post("invoke", {"anthropic_version": "any", **INVOKED}).json()
    assert (whole["type"], whole["stop_reason"]) == ("message", "end_turn")
    assert "ping" not in {event["type"] for event in events}
    assert (
        "".join(event["delta"].get("text", "") for event in events if "delta" in event) == (whole["content"][0]["text"])
    )
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == whole["usage"]["output_tokens"]


@pytest.mark.parametrize(
    ("model", "content", "path"),
    [
        ("amazon.titan-text-express-v1", {"inputText": "hi"}, ("results", 0, "outputText")),
        ("meta.llama3-70b-instruct-v1:0", {"prompt": "hi"}, ("generation",)),
        ("mistral.mistral-large-2402-v1:0", {"prompt": "hi"}, ("outputs", 0, "text")),
        ("amazon.nova-pro-v1:0", HELLO, ("output", "message", "content", 0, "text")),
    ],
)
def test_other_makers_answer_in_their_own_way(model: str, content: dict[str, Any], path: tuple[str | int, ...]) -> None:
    told = post("invoke", content, model).json()
    for step in path:
        told = told[step]

    assert told.startswith("mock answer")
    streamed = "".join(json.dumps(chunk) for chunk in chunks(content, model))
    assert all(word in streamed for word in told.split())
    assert "amazon-bedrock-invocationMetrics" in streamed


def test_texts_are_embedded() -> None:
    titan = post("invoke", {"inputText": "hi", "dimensions": 256}, "amazon.titan-embed-text-v2:0").json()
    cohere = post("invoke", {"texts": ["hi", "ho"], "input_type": "search_query"}, "cohere.embed-english-v3").json()

    assert len(titan["embedding"]) == 256
    assert len(cohere["embeddings"]) == 2
    assert cohere["embeddings"][0] != cohere["embeddings"][1]


def test_tokens_are_counted_and_models_listed() -> None:
    invoked = base64.b64encode(json.dumps({"anthropic_version": "x", **INVOKED}).encode()).decode()
    for content in ({"converse": HELLO}, {"invokeModel": {"body": invoked}}):
        assert post("count-tokens", {"input": content}).json() == {"inputTokens": 3}
    listed = ask("GET", "/bedrock/foundation-models").json()["modelSummaries"]
    assert CLAUDE in {each["modelId"] for each in listed}


@pytest.mark.parametrize(
    ("verb", "content"),
    [
        ("converse", {"messages": []}),
        ("converse", {"messages": [{"role": "user", "content": "text"}]}),
        ("converse-stream", {"messages": [None]}),
        ("converse", {**HELLO, "inferenceConfig": {"maxTokens": 2**80}}),
        ("converse", {**HELLO, "outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}}),
        ("invoke", {"anthropic_version": "x", "messages": INVOKED["messages"]}),
        ("invoke", {"inputText": 7}),
        ("invoke-with-response-stream", {"texts": ["hi"]}),
        ("count-tokens", {"input": {"invokeModel": {"body": "no base64 \u00e4"}}}),
    ],
)
def test_a_wrong_request_is_refused(verb: str, content: dict[str, Any]) -> None:
    told = post(verb, content)

    assert told.status == 400
    assert told.response.headers["x-amzn-errortype"] == "ValidationException"
    assert told.json()["message"]


@pytest.mark.parametrize(
    ("status", "whole", "within"),
    [
        (400, "ValidationException", "validationException"),
        (403, "AccessDeniedException", "validationException"),
        (404, "ResourceNotFoundException", "validationException"),
        (408, "ModelTimeoutException", "modelStreamErrorException"),
        (424, "ModelErrorException", "modelStreamErrorException"),
        (429, "ThrottlingException", "throttlingException"),
        (500, "InternalServerException", "internalServerException"),
        (503, "ServiceUnavailableException", "serviceUnavailableException"),
    ],
)
def test_an_error_is_an_exception_whole_and_in_a_stream(status: int, whole: str, within: str) -> None:
    problem = Problem(status, "no")
    told = FAMILY.error(problem)
    buffer = EventStreamBuffer()
    buffer.add_data(FAMILY.stream_error("converse-stream", problem))
    message = next(buffer)

    assert dict(told.headers)["x-amzn-errortype"] == whole
    assert json.loads(told.body) == json.loads(message.payload) == {"message": "no"}
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == within


@pytest.mark.parametrize("endpoint", ["converse-stream", "invoke-with-response-stream"])
def test_a_malformed_frame_has_a_wrong_checksum(endpoint: str) -> None:
    with pytest.raises(ChecksumMismatch):
        read(FAMILY.malformed(endpoint))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "/model/m/converse-stream",
            {
                "messages": [
                    *HELLO["messages"],
                    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "lookup", "input": {}}}]},
                    {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}]},
                ],
                "system": [{"text": "x"}],
                "toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "lookup"}}},
                "inferenceConfig": {"maxTokens": 5},
                "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}},
                "additionalModelRequestFields": {"thinking": {"type": "adaptive"}},
            },
        ),
        ("/model/m/invoke-with-response-stream", {"anthropic_version": "x", **INVOKED}),
        ("/model/m/invoke-with-response-stream", {"prompt": "x", "max_gen_len": 3}),
        ("/model/m/invoke", {"inputText": "x", "textGenerationConfig": {"maxTokenCount": 3}}),
        ("/model/titan-embed/invoke", {"inputText": "x", "dimensions": 8}),
        ("/model/m/invoke", {"texts": ["x"], "embedding_types": ["float"], "output_dimension": 8}),
        ("/model/m/count-tokens", {"input": {"invokeModel": {"body": "e30="}}}),
        ("/model/m/count-tokens", {"input": {"converse": HELLO}}),
    ],
)
def test_whatever_stands_in_a_request_is_answered_or_refused(path: str, content: dict[str, Any]) -> None:
    assert not defects("bedrock", path, content)

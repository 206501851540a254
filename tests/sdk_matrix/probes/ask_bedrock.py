"""What boto3 makes of the mock's Bedrock."""

import base64
import json
import os
from collections.abc import Iterator

from checking import PATIENCE, SHORT, Probe, error_of, holds, named, same
from misbehaviour import WAITS, journal_check, retry_checks, status_checks, stream_fault_checks, whole_fault_checks
from tasks import (
    ANSWER,
    PERSON_SCHEMA,
    PNG,
    SAID,
    TOOL_NAME,
    TOOL_SCHEMA,
    fits_person,
    fits_tool,
    is_echo,
    streams_wholly,
    vectors,
)

probe = Probe.started()
os.environ.update(
    AWS_ACCESS_KEY_ID="mock", AWS_SECRET_ACCESS_KEY="mock-secret", AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
)  # fmt: skip
import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOLS = {"tools": [{"toolSpec": {"name": TOOL_NAME, "inputSchema": {"json": TOOL_SCHEMA}}}]}


def connect(seconds: float = PATIENCE, attempts: int = 1, mode: str = "standard", **more: object) -> object:
    retries = {"mode": mode, "total_max_attempts": attempts}
    config = Config(read_timeout=seconds, connect_timeout=PATIENCE, retries=retries)
    return boto3.client("bedrock-runtime", config=config, **more)


client = connect(endpoint_url=probe.mock.base)
stubborn = connect(attempts=3, endpoint_url=probe.mock.base)


def user(*content: dict) -> list[dict]:
    return [{"role": "user", "content": list(content)}]


def converse(said: str = SAID, **more: object) -> dict:
    return client.converse(**{"modelId": MODEL, "messages": user({"text": said}), **more})


def ask(asked: object, said: str) -> str:
    answer = asked.converse(modelId=MODEL, messages=user({"text": said}))
    return answer["output"]["message"]["content"][0]["text"]


def text_of(asked: object, said: str, **more: object) -> Iterator[str]:
    for event in asked.converse_stream(modelId=MODEL, messages=user({"text": said}), **more)["stream"]:
        if "contentBlockDelta" in event:
            yield event["contentBlockDelta"]["delta"]["text"]


def invoked(said: object = SAID, **more: object) -> str:
    messages = [{"role": "user", "content": said}]
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 400, "messages": messages, **more})


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = converse(system=[{"text": "Be brief."}])
    message = found["output"]["message"]
    same((message["role"], found["stopReason"]), ("assistant", "end_turn"))
    is_echo(message["content"][0]["text"])
    holds(found["metrics"]["latencyMs"] >= 0, found)
    holds(found["ResponseMetadata"]["RequestId"], found)


@probe.check
def usage_adds_up() -> None:
    usage = converse()["usage"]
    same(usage["totalTokens"], usage["inputTokens"] + usage["outputTokens"])
    holds(usage["inputTokens"] > 5 and usage["outputTokens"] > 5, usage)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    same(converse()["output"], converse()["output"])
    holds(ask(client, SAID) != ask(client, "another"), "the same")


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(client, SAID)), ask(client, SAID))


@probe.check
def a_stream_has_its_events_in_order() -> None:
    events = list(client.converse_stream(modelId=MODEL, messages=user({"text": SAID}))["stream"])
    kinds = [next(iter(event)) for event in events if "contentBlockDelta" not in event]
    same(kinds, ["messageStart", "contentBlockStop", "messageStop", "metadata"])
    same(events[-2]["messageStop"]["stopReason"], "end_turn")
    same(events[-1]["metadata"]["usage"], converse()["usage"])


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    messages = user({"text": SAID})
    turns = 0
    while turns < 5:
        turns += 1
        found = converse(messages=messages, toolConfig=TOOLS)
        messages.append(found["output"]["message"])
        if found["stopReason"] != "tool_use":
            break
        calls = [block["toolUse"] for block in messages[-1]["content"] if "toolUse" in block]
        same([call["name"] for call in calls], [TOOL_NAME])
        fits_tool(calls[0]["input"])
        results = [{"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "fine"}]}} for call in calls]
        messages += user(*results)
    same((turns, found["stopReason"]), (2, "end_turn"))
    holds(messages[-1]["content"][0]["text"], messages)


@probe.check
def a_tools_call_is_streamed_in_fragments_that_make_up_the_whole_one() -> None:
    content = converse(toolConfig=TOOLS)["output"]["message"]["content"]
    whole = next(block["toolUse"] for block in content if "toolUse" in block)
    asked = {"modelId": MODEL, "messages": user({"text": SAID}), "toolConfig": TOOLS}
    events = list(client.converse_stream(**asked)["stream"])
    started = [each["contentBlockStart"]["start"]["toolUse"] for each in events if "contentBlockStart" in each]
    same([(call["toolUseId"], call["name"]) for call in started], [(whole["toolUseId"], TOOL_NAME)])
    deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
    parts = [delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta]
    holds(len(parts) > 1, parts)
    same(json.loads("".join(parts)), whole["input"])


@probe.check
def two_calls_at_once_have_two_ids() -> None:
    arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
    probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
    content = converse("both", toolConfig=TOOLS)["output"]["message"]["content"]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    same([call["input"] for call in calls], [arguments] * 2)
    same(len({call["toolUseId"] for call in calls}), 2)


@probe.check
def a_tool_that_has_to_be_called_is_called() -> None:
    other = {"toolSpec": {"name": "other", "inputSchema": {"json": {"type": "object"}}}}
    config = {"tools": [*TOOLS["tools"], other], "toolChoice": {"tool": {"name": "other"}}}
    content = converse(toolConfig=config)["output"]["message"]["content"]
    same([block["toolUse"]["name"] for block in content if "toolUse" in block], ["other"])


@probe.check
def a_schema_is_filled_by_way_of_a_tool() -> None:
    tool = {"toolSpec": {"name": "note", "inputSchema": {"json": PERSON_SCHEMA}}}
    content = converse(toolConfig={"tools": [tool], "toolChoice": {"any": {}}})["output"]["message"]["content"]
    fits_person(next(block["toolUse"]["input"] for block in content if "toolUse" in block))


# The older one knows no such parameter, and refuses what it does not know.
if "outputConfig" in client.meta.service_model.operation_model("Converse").input_shape.members:

    @probe.check
    def an_answer_fits_the_schema_that_it_was_given() -> None:
        structure = {"jsonSchema": {"name": "person", "schema": json.dumps(PERSON_SCHEMA)}}
        asked = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}
        whole = converse(**asked)["output"]["message"]["content"][0]["text"]
        fits_person(json.loads(whole))
        streams_wholly(list(text_of(client, SAID, **asked)), whole)


@probe.check
def images_are_taken() -> None:
    image = {"image": {"format": "png", "source": {"bytes": base64.b64decode(PNG)}}}
    is_echo(converse(messages=user({"text": SAID}, image))["output"]["message"]["content"][0]["text"])


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = converse(inferenceConfig={"maxTokens": 3})
    same((found["stopReason"], found["usage"]["outputTokens"]), ("max_tokens", 3))


@probe.check
def a_model_is_invoked() -> None:
    answer = client.invoke_model(modelId=MODEL, body=invoked())
    same(answer["contentType"], "application/json")
    found = json.loads(answer["body"].read())
    is_echo(found["content"][0]["text"])
    same((found["type"], found["stop_reason"]), ("message", "end_turn"))


@probe.check
def a_model_is_invoked_with_a_tool() -> None:
    tools = [{"name": TOOL_NAME, "input_schema": TOOL_SCHEMA}]
    found = json.loads(client.invoke_model(modelId=MODEL, body=invoked(tools=tools))["body"].read())
    same(found["stop_reason"], "tool_use")
    fits_tool(next(block["input"] for block in found["content"] if block["type"] == "tool_use"))


@probe.check
def a_model_is_invoked_with_a_stream() -> None:
    stream = client.invoke_model_with_response_stream(modelId=MODEL, body=invoked())["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    kinds = [event["type"] for event in events if event["type"] not in {"ping", "content_block_delta"}]
    same(kinds, ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"])
    parts = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    whole = json.loads(client.invoke_model(modelId=MODEL, body=invoked())["body"].read())
    streams_wholly(parts, whole["content"][0]["text"])


@probe.check
def titan_embeds_a_text() -> None:
    body = json.dumps({"inputText": "one", "dimensions": 256, "normalize": True})
    answer = client.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)
    found = json.loads(answer["body"].read())
    vectors([found["embedding"]], 1, 256)
    holds(found["inputTextTokenCount"] > 0, found)


@probe.check
def the_environment_leads_to_the_mock() -> None:
    os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = probe.mock.base
    is_echo(ask(connect(), SAID))


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    control = boto3.client("bedrock", endpoint_url=probe.mock.base)
    listed = control.list_foundation_models()["modelSummaries"]
    holds(listed and all(each["modelArn"].endswith(each["modelId"]) for each in listed), listed)
    holds(any("EMBEDDING" in each["outputModalities"] for each in listed), listed)
    name = listed[0]["modelId"]
    same(control.get_foundation_model(modelIdentifier=name)["modelDetails"]["modelId"], name)


@probe.check
def the_environment_leads_the_list_of_models_to_the_mock() -> None:
    os.environ["AWS_ENDPOINT_URL_BEDROCK"] = f"{probe.mock.base}/bedrock"
    holds(boto3.client("bedrock").list_foundation_models()["modelSummaries"], "none")


@probe.check
def a_model_may_be_named_by_its_arn() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    is_echo(converse(modelId=arn)["output"]["message"]["content"][0]["text"])


@probe.check
def an_error_is_one_of_the_services_own() -> None:
    kinds = {
        400: "ValidationException", 403: "AccessDeniedException", 404: "ResourceNotFoundException",
        429: "ThrottlingException", 500: "InternalServerException", 503: "ServiceUnavailableException",
    }  # fmt: skip
    for status, kind in kinds.items():
        probe.mock.fault(f"own {status}", "status", status=status)
        error = error_of(ask, client, f"own {status}")
        holds(isinstance(error, getattr(client.exceptions, kind)), error)
        same(error.response["Error"]["Code"], kind)


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask(client, "say it"), ANSWER)
    same("".join(text_of(client, "say it")), ANSWER)


@probe.check
def arguments_that_are_no_JSON_are_streamed() -> None:  # noqa: N802
    probe.mock.fault("bad arguments", "bad-arguments")
    asked = {"modelId": MODEL, "messages": user({"text": "bad arguments"}), "toolConfig": TOOLS}
    events = list(client.converse_stream(**asked)["stream"])
    deltas = [each["contentBlockDelta"]["delta"] for each in events if "contentBlockDelta" in each]
    arguments = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
    holds(arguments and isinstance(error_of(json.loads, arguments), ValueError), arguments)


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    content = converse("unknown tool", toolConfig=TOOLS)["output"]["message"]["content"]
    name = next(block["toolUse"]["name"] for block in content if "toolUse" in block)
    holds(name and name != TOOL_NAME, name)


def invoke_fault(kind: str, **more: object) -> str:
    probe.mock.rule(f"invoke with {kind}", text=ANSWER, fault={"kind": kind, "after": 3, **more})
    try:
        for _event in client.invoke_model_with_response_stream(modelId=MODEL, body=invoked(f"invoke with {kind}"))[
            "body"
        ]:
            pass
    except Exception as error:  # noqa: BLE001
        return named(error)
    holds(kind == "truncate", "nothing was raised")
    return "no error"


for kind, more in {"disconnect": {}, "truncate": {}, "stream-error": {"status": 500}}.items():
    probe.add(f"invoke stream: {kind}", lambda kind=kind, more=more: invoke_fault(kind, **more))

hasty = connect(SHORT, endpoint_url=probe.mock.base)


def waiting(seconds: float) -> object:
    """Return the client with this patience; it is kept, for some close their connections when they are dropped."""
    return client if seconds == PATIENCE else hasty


status_checks(
    probe, dict.fromkeys((400, 401, 403, 404, 429, 500, 503), ClientError),
    lambda said: ask(client, said), lambda error: error.response["ResponseMetadata"]["HTTPStatusCode"],
)  # fmt: skip
# The newer one reads `x-amz-retry-after`, which the mock sends however a wait is told, and the older one reads nothing.
# Where they are throttled both wait by themselves for up to a second.
retry_checks(
    probe, lambda said: ask(stubborn, said), error=ClientError, final={529}, reads=WAITS if probe.new else (), alone=1.0
)
stream_fault_checks(probe, lambda said, seconds: text_of(waiting(seconds), said))
whole_fault_checks(probe, lambda said, seconds: ask(waiting(seconds), said))
journal_check(probe, lambda said: ask(client, said), MODEL, keyed=False)
probe.run()

"""Amazon Bedrock, through boto3, which knows no asynchronous calls."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from threading import Event
from typing import Any

import boto3
from botocore.config import Config

from reference_agents.llm.connection import required
from reference_agents.llm.conversation import Call, LlmError, Message, Question, Reply
from reference_agents.llm.providers.chat import Calls, arguments
from reference_agents.llm.providers.media import check_media_type
from reference_agents.tools import json_object
from reference_agents.within import begun

REGION = "us-east-1"


def connect(values: Mapping[str, str], timeout: float) -> "Bedrock":
    """Return the way to Bedrock, or to what AWS_ENDPOINT_URL_BEDROCK_RUNTIME names.

    Keys are taken from the settings only: looking for others, boto3 would ask the addresses of a cloud's machines.
    """
    client = boto3.client(
        "bedrock-runtime",
        aws_access_key_id=required(values, "bedrock", "AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=required(values, "bedrock", "AWS_SECRET_ACCESS_KEY"),
        aws_session_token=values.get("AWS_SESSION_TOKEN") or None,
        region_name=values.get("AWS_REGION") or values.get("AWS_DEFAULT_REGION") or REGION,
        endpoint_url=values.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME") or values.get("AWS_ENDPOINT_URL") or None,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=timeout, connect_timeout=timeout),
    )
    client.meta.events.register("before-parse.bedrock-runtime", _check_length)
    return Bedrock(client)


class Bedrock:
    """Converse, in a thread for each question."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def ask(self, question: Question) -> Reply:
        """Ask once; whoever stops waiting lets the thread end with the next event, or with its time-out."""
        given_up = Event()
        try:
            return await asyncio.wrap_future(begun(partial(self._ask, question, given_up)))
        finally:
            given_up.set()

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, question: Question, given_up: Event) -> Reply:
        asked = _told(question)
        answer = self._client.converse_stream(**asked) if question.stream else self._client.converse(**asked)
        metadata = answer["ResponseMetadata"]
        check_media_type(metadata["HTTPStatusCode"], metadata["HTTPHeaders"].get("content-type", ""))
        if not question.stream:
            return _read(answer)
        try:
            return _read_stream(_until(given_up, answer["stream"]))
        finally:
            answer["stream"].close()


def _check_length(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Raise ConnectionError for a body that lacks its end: botocore reads nothing out of it, and says nothing."""
    body, length = response_dict["body"], response_dict["headers"].get("content-length", "")
    if isinstance(body, bytes) and length.isdecimal() and len(body) < int(length):
        raise ConnectionError(f"the connection broke after {len(body)} of {length} bytes")


def _until(given_up: Event, events: Iterable[Any]) -> Iterator[Any]:
    for event in events:
        if given_up.is_set():
            raise LlmError("given up")
        yield event


def _told(question: Question) -> dict[str, Any]:
    tools = [
        {"toolSpec": {"name": tool.name, "description": tool.description, "inputSchema": {"json": tool.schema}}}
        for tool in question.tools
    ]
    asked: dict[str, Any] = {"modelId": question.model, "messages": _alternating(question.spoken)}
    if question.system:
        asked["system"] = [{"text": question.system}]
    return {**asked, "toolConfig": {"tools": tools}} if tools else asked


def _alternating(messages: list[Message]) -> list[dict[str, Any]]:
    """Return the messages, those of one side after each other as one: Bedrock refuses them otherwise."""
    told: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        content = _content(message)
        if content and told and told[-1]["role"] == role:
            told[-1]["content"] += content
        elif content:
            told.append({"role": role, "content": content})
    return told


def _content(message: Message) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = [{"text": message.text}] if message.text else []
    content += [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": json_object(call.arguments)}}
        for call in message.calls
    ]
    content += [
        {
            "toolResult": {
                "toolUseId": each.call.id,
                "content": [{"text": each.text}],
                "status": "error" if each.failed else "success",
            }
        }
        for each in message.results
    ]
    return content


def _read(answer: Mapping[str, Any]) -> Reply:
    if "output" not in answer:  # As botocore gives a body that is no JSON.
        raise LlmError("not an answer of a model: its body cannot be read")
    content = answer["output"]["message"]["content"]
    calls = tuple(
        Call(each["toolUse"]["toolUseId"], each["toolUse"]["name"], arguments(each["toolUse"]["input"]))
        for each in content
        if "toolUse" in each
    )
    return Reply("".join(each.get("text", "") for each in content), calls, answer["stopReason"])


def _read_stream(events: Iterable[Mapping[str, Any]]) -> Reply:
    text: list[str] = []
    calls = Calls()
    finish = None
    for event in events:
        if "contentBlockStart" in event:
            started = event["contentBlockStart"]
            if tool := started["start"].get("toolUse"):
                calls.add(started["contentBlockIndex"], tool["toolUseId"], tool["name"], "")
        elif "contentBlockDelta" in event:
            delta = event["contentBlockDelta"]["delta"]
            text.append(delta.get("text", ""))
            if tool := delta.get("toolUse"):
                calls.add(event["contentBlockDelta"]["contentBlockIndex"], "", "", tool["input"])
        elif "messageStop" in event:
            finish = event["messageStop"]["stopReason"]
    return Reply("".join(text), calls.joined(), finish)

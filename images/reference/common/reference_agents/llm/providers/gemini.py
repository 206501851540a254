"""Gemini, through Google's SDK."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
from google import genai
from google.genai import types

from reference_agents.llm.connection import required
from reference_agents.llm.conversation import Call, Message, Question, Reply
from reference_agents.llm.providers.media import HOOKS
from reference_agents.tools import json_object


def connect(values: Mapping[str, str], timeout: float) -> "Gemini":
    """Return the way to Gemini, or to what GOOGLE_GEMINI_BASE_URL names."""
    http = httpx2.AsyncClient(follow_redirects=True, event_hooks=HOOKS, timeout=timeout)
    client = genai.Client(
        vertexai=False,
        api_key=required(values, "gemini", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
        http_options=types.HttpOptions(
            base_url=values.get("GOOGLE_GEMINI_BASE_URL") or None,
            timeout=int(timeout * 1000),
            httpx_async_client=http,
        ),
    )
    return Gemini(client, http)


class Gemini:
    """Generated content; the SDK retries nothing unless it is told to."""

    def __init__(self, client: genai.Client, http: httpx2.AsyncClient) -> None:
        self._client = client
        self._http = http

    async def ask(self, question: Question) -> Reply:
        """Ask once."""
        models, asked = self._client.aio.models, _told(question)
        if not question.stream:
            return _read([await models.generate_content(**asked)])
        return _read([part async for part in await models.generate_content_stream(**asked)])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _told(question: Question) -> dict[str, Any]:
    functions = [
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=tool.schema)
        for tool in question.tools
    ]
    config = types.GenerateContentConfig(
        system_instruction=question.system or None,
        tools=[types.Tool(function_declarations=functions)] if functions else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    return {"model": question.model, "contents": [_content(each) for each in question.spoken], "config": config}


def _content(message: Message) -> types.Content:
    parts = [types.Part(text=message.text)] if message.text or not (message.calls or message.results) else []
    parts += [
        types.Part(
            function_call=types.FunctionCall(id=call.id or None, name=call.name, args=json_object(call.arguments)),
            thought_signature=call.mark,
        )
        for call in message.calls
    ]
    parts += [
        types.Part(
            function_response=types.FunctionResponse(
                id=each.call.id or None,
                name=each.call.name,
                response={"error" if each.failed else "output": each.text},
            )
        )
        for each in message.results
    ]
    return types.Content(role="model" if message.role == "assistant" else "user", parts=parts)


def _read(answers: list[types.GenerateContentResponse]) -> Reply:
    """Join the parts of an answer, or raise TypeError for what has no candidate."""
    candidates = [each.candidates[0] for each in answers if each.candidates]
    parts = [part for each in candidates if each.content for part in each.content.parts or [] if not part.thought]
    calls = tuple(
        Call(part.function_call.id or "", part.function_call.name or "", json.dumps(part.function_call.args or {}),
             mark=part.thought_signature)
        for part in parts if part.function_call
    )  # fmt: skip
    finish = next((str(each.finish_reason.value) for each in candidates if each.finish_reason), None)
    return Reply("".join(part.text or "" for part in parts), calls, finish)

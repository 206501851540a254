"""Checks of chat completions, for the SDKs that speak as OpenAI does."""

import json
from collections.abc import Iterator
from types import ModuleType

from checking import Probe, holds, same
from misbehaviour import journal_check
from stainless import error_checks
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
)

TOOLS = [{"type": "function", "function": {"name": TOOL_NAME, "parameters": TOOL_SCHEMA}}]


def user(text: object) -> list[dict]:
    """Say one thing."""
    return [{"role": "user", "content": text}]


def text_of(client: object, model: str, said: str) -> Iterator[str]:
    """Stream an answer's text."""
    for chunk in client.chat.completions.create(model=model, messages=user(said), stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content


def chat_checks(  # noqa: C901, PLR0915
    probe: Probe, sdk: ModuleType, client: object, async_client: type, model: str
) -> None:
    """Check what a chat can do; `async_client` makes a client for the running loop."""

    def create(**asked: object) -> object:
        return client.chat.completions.create(model=model, **asked)

    def check(name: str) -> object:
        return lambda function: probe.add(name, function)

    def ask(asked: object, said: str) -> str:
        return asked.chat.completions.create(model=model, messages=user(said)).choices[0].message.content

    @check("an answer is whole, and says why it ends")
    def _() -> None:
        found = create(messages=[{"role": "system", "content": "Be brief."}, *user(SAID)])
        is_echo(found.choices[0].message.content)
        same((found.object, found.model, len(found.choices)), ("chat.completion", model, 1))
        same((found.choices[0].finish_reason, found.choices[0].message.role), ("stop", "assistant"))
        holds(found.id and found.created > 1_600_000_000, found)

    @check("usage adds up")
    def _() -> None:
        usage = create(messages=user(SAID)).usage
        same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        holds(usage.prompt_tokens > 5 and usage.completion_tokens > 5, usage)

    @check("the same question has the same answer, and another one another")
    def _() -> None:
        first, again, other = (create(messages=user(said)) for said in (SAID, SAID, "another"))
        same(first.model_dump(), again.model_dump())
        holds(first.id != other.id, other.id)

    @check("a stream says what the whole answer says")
    def _() -> None:
        streams_wholly(list(text_of(client, model, SAID)), ask(client, SAID))

    @check("a stream ends with its reason and has one id")
    def _() -> None:
        # Azure begins with a chunk of its own that has neither a choice nor an id.
        chunks = [chunk for chunk in create(messages=user(SAID), stream=True) if chunk.choices]
        same({chunk.object for chunk in chunks}, {"chat.completion.chunk"})
        same(len({chunk.id for chunk in chunks}), 1)
        same(chunks[0].choices[0].delta.role, "assistant")
        same([each.choices[0].finish_reason for each in chunks][-1], "stop")
        holds(all(each.choices[0].finish_reason is None for each in chunks[:-1]), chunks)

    @check("a tool is called, its result is taken, and the conversation ends")
    def _() -> None:
        messages = user(f"what will it be like, {TOOL_NAME}?")
        turns = 0
        while turns < 5:
            turns += 1
            choice = create(messages=messages, tools=TOOLS).choices[0]
            if not choice.message.tool_calls:
                break
            same(choice.finish_reason, "tool_calls")
            messages.append(choice.message.model_dump(exclude_none=True))
            for call in choice.message.tool_calls:
                same((call.type, call.function.name), ("function", TOOL_NAME))
                fits_tool(json.loads(call.function.arguments))
                holds(call.id, call)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": "fine, 21 degrees"})
        same((turns, choice.finish_reason), (2, "stop"))
        holds(choice.message.content, choice)

    @check("a tool's call is streamed in fragments that make up the whole one")
    def _() -> None:
        asked = {"messages": user(SAID), "tools": TOOLS}
        whole = create(**asked).choices[0].message.tool_calls[0]
        calls, reasons = {}, []
        for chunk in create(**asked, stream=True):
            for choice in chunk.choices:
                reasons.append(choice.finish_reason)
                for part in choice.delta.tool_calls or []:
                    calls.setdefault(part.index, []).append(part)
        same((list(calls), reasons[-1]), ([0], "tool_calls"))
        parts = calls[0]
        same((parts[0].id, parts[0].function.name), (whole.id, TOOL_NAME))
        holds(not any(part.id or part.function.name for part in parts[1:]), parts)
        holds(len(parts) > 2, parts)
        same("".join(part.function.arguments or "" for part in parts), whole.function.arguments)

    @check("two calls at once have two ids")
    def _() -> None:
        arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
        probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
        calls = create(messages=user("both"), tools=TOOLS).choices[0].message.tool_calls
        same([json.loads(call.function.arguments) for call in calls], [arguments] * 2)
        same(len({call.id for call in calls}), 2)

    @check("a tool that has to be called is called, and one that must not be is not")
    def _() -> None:
        other = {"type": "function", "function": {"name": "other", "parameters": {"type": "object"}}}
        chosen = {"type": "function", "function": {"name": "other"}}
        forced = create(messages=user(SAID), tools=[*TOOLS, other], tool_choice=chosen).choices[0].message
        same([call.function.name for call in forced.tool_calls], ["other"])
        none = create(messages=user(SAID), tools=TOOLS, tool_choice="none").choices[0].message
        same(none.tool_calls, None)
        is_echo(none.content)

    @check("an answer fits the schema that it was given")
    def _() -> None:
        form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON_SCHEMA, "strict": True}}
        asked = {"messages": user(SAID), "response_format": form}
        whole = create(**asked).choices[0].message.content
        fits_person(json.loads(whole))
        parts = [each.choices[0].delta.content or "" for each in create(**asked, stream=True) if each.choices]
        same("".join(parts), whole)

    @check("an answer is a JSON object where that was asked for")
    def _() -> None:
        found = create(messages=user("answer in JSON"), response_format={"type": "json_object"})
        holds(isinstance(json.loads(found.choices[0].message.content), dict), found)

    @check("images are taken")
    def _() -> None:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        is_echo(ask_parts([{"type": "text", "text": SAID}, image]))

    def ask_parts(parts: list[dict]) -> str:
        return create(messages=user(parts)).choices[0].message.content

    @check("a limit of tokens cuts the answer")
    def _() -> None:
        found = create(messages=user(SAID), max_tokens=3)
        same((found.choices[0].finish_reason, found.usage.completion_tokens), ("length", 3))

    @check("a rule says what is answered")
    def _() -> None:
        probe.mock.rule("say it", text=ANSWER)
        same(ask(client, "say it"), ANSWER)
        same("".join(text_of(client, model, "say it")), ANSWER)

    @check("an asynchronous client gets the same answer and stream")
    async def _() -> None:
        async with async_client() as waiting:
            found = await waiting.chat.completions.create(model=model, messages=user(SAID))
            is_echo(found.choices[0].message.content)
            stream = await waiting.chat.completions.create(model=model, messages=user(SAID), stream=True)
            parts = [each.choices[0].delta.content async for each in stream if each.choices]
            streams_wholly([part for part in parts if part], found.choices[0].message.content)

    @check("an asynchronous client raises the same errors")
    async def _() -> None:
        probe.mock.fault("again", "status", status=429, retry_after=0.01, retry_after_form="ms")
        async with async_client() as waiting:
            try:
                await waiting.chat.completions.create(model=model, messages=user("again"))
            except sdk.RateLimitError as error:
                same(error.status_code, 429)
            else:
                raise AssertionError("nothing was raised")

    @check("a request without messages is refused")
    def _() -> None:
        try:
            create(messages=[])
        except sdk.BadRequestError as error:
            same(error.status_code, 400)
        else:
            raise AssertionError("nothing was raised")


def fault_checks(probe: Probe, sdk: ModuleType, client: object, model: str) -> None:
    """Check errors, retries, faults and the journal."""

    def ask(asked: object, said: str) -> str:
        return asked.chat.completions.create(model=model, messages=user(said)).choices[0].message.content

    error_checks(
        probe, sdk, client, ask, lambda asked, said: text_of(asked, model, said),
        {409: sdk.ConflictError, 503: sdk.InternalServerError},
    )  # fmt: skip
    journal_check(probe, lambda said: ask(client, said), model)

    @probe.check
    def arguments_that_are_no_JSON_reach_the_product() -> None:  # noqa: N802
        probe.mock.fault("bad arguments", "bad-arguments")
        found = client.chat.completions.create(model=model, messages=user("bad arguments"), tools=TOOLS)
        arguments = found.choices[0].message.tool_calls[0].function.arguments
        try:
            json.loads(arguments)
        except ValueError:
            return
        raise AssertionError(f"{arguments!r} is JSON")

    @probe.check
    def a_tool_that_nobody_offered_is_called() -> None:
        probe.mock.fault("unknown tool", "unknown-tool")
        found = client.chat.completions.create(model=model, messages=user("unknown tool"), tools=TOOLS)
        name = found.choices[0].message.tool_calls[0].function.name
        holds(name and name != TOOL_NAME, name)

"""What the cohere SDK makes of the mock; it reads the address in its environment when it is imported."""

import json
import os
from collections.abc import Iterator

from checking import KEY, PATIENCE, Probe, error_of, holds, same
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
    person_model,
    streams_wholly,
    vectors,
)

probe = Probe.started()
os.environ.update(CO_API_URL=probe.mock.base, CO_API_KEY=KEY)
import cohere  # noqa: E402
from cohere.core import http_client  # noqa: E402
from cohere.core.api_error import ApiError  # noqa: E402

# A client of the older generation waits a second and more before it asks again, whatever it is told in milliseconds.
http_client.INITIAL_RETRY_DELAY_SECONDS = 0.01
MODEL = "command-a-03-2025"
TOOLS = [{"type": "function", "function": {"name": TOOL_NAME, "description": "Weather.", "parameters": TOOL_SCHEMA}}]
ONCE = {"max_retries": 0}
client = cohere.ClientV2(api_key=KEY, base_url=probe.mock.base, timeout=PATIENCE)


def user(text: object) -> list[dict]:
    return [{"role": "user", "content": text}]


def chat(**more: object) -> object:
    return client.chat(**{"model": MODEL, "messages": user(SAID), **more})


def ask(said: str, options: dict | None = None) -> str:
    return client.chat(model=MODEL, messages=user(said), request_options=options).message.content[0].text


def text_of(said: str, options: dict | None = None) -> Iterator[str]:
    for event in client.chat_stream(model=MODEL, messages=user(said), request_options=options):
        if event.type == "content-delta":
            yield event.delta.message.content.text


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = chat(messages=[{"role": "system", "content": "Be brief."}, *user(SAID)])
    same([each.type for each in found.message.content], ["text"])
    is_echo(found.message.content[0].text)
    same((found.finish_reason, found.message.role), ("COMPLETE", "assistant"))
    holds(found.id, found)


@probe.check
def usage_is_told() -> None:
    usage = chat().usage
    holds(usage.tokens.input_tokens > 5 and usage.tokens.output_tokens > 5, usage)
    holds(usage.billed_units.input_tokens > 5, usage)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    same(chat().dict(), chat().dict())
    holds(chat().id != chat(messages=user("another")).id, "the same id")


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(SAID)), ask(SAID))


@probe.check
def a_stream_has_its_events_in_order() -> None:
    events = list(client.chat_stream(model=MODEL, messages=user(SAID)))
    kinds = [event.type for event in events if event.type != "content-delta"]
    same(kinds, ["message-start", "content-start", "content-end", "message-end"])
    same(events[-1].delta.finish_reason, "COMPLETE")
    same(events[-1].delta.usage.tokens.output_tokens, chat().usage.tokens.output_tokens)


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    messages = user(SAID)
    turns = 0
    while turns < 5:
        turns += 1
        found = chat(messages=messages, tools=TOOLS)
        if not found.message.tool_calls:
            break
        same(found.finish_reason, "TOOL_CALL")
        messages.append(found.message)
        for call in found.message.tool_calls:
            same(call.function.name, TOOL_NAME)
            fits_tool(json.loads(call.function.arguments))
            holds(call.id, call)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "fine"})
    same((turns, found.finish_reason), (2, "COMPLETE"))
    holds(found.message.content[0].text, found)


@probe.check
def a_tools_call_is_streamed() -> None:
    whole = chat(tools=TOOLS).message.tool_calls[0]
    events = list(client.chat_stream(model=MODEL, messages=user(SAID), tools=TOOLS))
    started = [event.delta.message.tool_calls for event in events if event.type == "tool-call-start"]
    same([(call.id, call.function.name) for call in started], [(whole.id, TOOL_NAME)])
    parts = [event.delta.message.tool_calls.function.arguments for event in events if event.type == "tool-call-delta"]
    holds(len(parts) > 1, parts)
    same((started[0].function.arguments or "") + "".join(parts), whole.function.arguments)
    same(events[-1].delta.finish_reason, "TOOL_CALL")


@probe.check
def two_calls_at_once_have_two_ids() -> None:
    arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
    probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
    calls = chat(messages=user("both"), tools=TOOLS).message.tool_calls
    same([json.loads(call.function.arguments) for call in calls], [arguments] * 2)
    same(len({call.id for call in calls}), 2)


@probe.check
def a_tool_that_has_to_be_called_is_called_and_one_that_must_not_be_is_not() -> None:
    same(len(chat(tools=TOOLS, tool_choice="REQUIRED").message.tool_calls), 1)
    holds(not chat(tools=TOOLS, tool_choice="NONE").message.tool_calls, "a call")


@probe.check
def an_answer_fits_the_schema_that_it_was_given() -> None:
    form = {"type": "json_object", "json_schema": PERSON_SCHEMA}
    fits_person(json.loads(chat(response_format=form).message.content[0].text))


@probe.check
def an_answer_fits_a_model() -> None:
    person = person_model()
    form = {"type": "json_object", "json_schema": person.model_json_schema()}
    person.model_validate_json(chat(response_format=form).message.content[0].text)


@probe.check
def an_answer_is_a_JSON_object_where_that_was_asked_for() -> None:  # noqa: N802
    found = chat(response_format={"type": "json_object"}).message.content[0].text
    holds(isinstance(json.loads(found), dict), found)


@probe.check
def images_are_taken() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    is_echo(chat(messages=user([{"type": "text", "text": SAID}, image])).message.content[0].text)


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = chat(max_tokens=3)
    same((found.finish_reason, found.usage.tokens.output_tokens), ("MAX_TOKENS", 3))


@probe.check
def embeddings_are_vectors_of_length_1() -> None:
    asked = {"model": "embed-v4.0", "input_type": "search_document", "embedding_types": ["float"]}
    found = client.embed(texts=["one", "two"], **asked)
    vectors(found.embeddings.float_, 2, len(found.embeddings.float_[0]))
    vectors(client.embed(texts=["one"], output_dimension=256, **asked).embeddings.float_, 1, 256)
    same(found.texts, ["one", "two"])


@probe.check
def documents_are_ranked() -> None:
    documents = ["of the sun", "of the tides and the moon", "of cats"]
    found = client.rerank(model="rerank-v3.5", query="tides moon", documents=documents, top_n=2)
    scores = [each.relevance_score for each in found.results]
    same((len(scores), scores), (2, sorted(scores, reverse=True)))
    holds(all(0 <= each.index < 3 for each in found.results), found)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = client.models.list().models
    holds(listed and all(each.name and each.endpoints for each in listed), listed)
    same(client.models.get(listed[0].name).name, listed[0].name)


@probe.check
def the_environment_leads_to_the_mock() -> None:
    is_echo(cohere.ClientV2().chat(model=MODEL, messages=user(SAID)).message.content[0].text)


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask("say it"), ANSWER)
    same("".join(text_of("say it")), ANSWER)


@probe.check
async def an_asynchronous_client_gets_the_same_answer_and_stream() -> None:
    async with cohere.AsyncClientV2(api_key=KEY, base_url=probe.mock.base) as waiting:
        found = await waiting.chat(model=MODEL, messages=user(SAID))
        is_echo(found.message.content[0].text)
        stream = waiting.chat_stream(model=MODEL, messages=user(SAID))
        parts = [event.delta.message.content.text async for event in stream if event.type == "content-delta"]
        streams_wholly(parts, found.message.content[0].text)


@probe.check
async def an_asynchronous_client_raises_the_same_errors() -> None:
    probe.mock.fault("again", "status", status=429)
    async with cohere.AsyncClientV2(api_key=KEY, base_url=probe.mock.base) as waiting:
        try:
            await waiting.chat(model=MODEL, messages=user("again"), request_options=ONCE)
        except cohere.TooManyRequestsError as error:
            same(error.status_code, 429)
        else:
            raise AssertionError("nothing was raised")


@probe.check
def arguments_that_are_no_JSON_reach_the_product() -> None:  # noqa: N802
    probe.mock.fault("bad arguments", "bad-arguments")
    arguments = chat(messages=user("bad arguments"), tools=TOOLS).message.tool_calls[0].function.arguments
    holds(isinstance(error_of(json.loads, arguments), ValueError), arguments)


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    name = chat(messages=user("unknown tool"), tools=TOOLS).message.tool_calls[0].function.name
    holds(name and name != TOOL_NAME, name)


@probe.check
def an_error_in_a_stream_is_an_end_with_a_reason() -> None:
    probe.mock.rule("ends badly", text=ANSWER, fault={"kind": "stream-error", "after": 3, "message": "planted"})
    last = list(client.chat_stream(model=MODEL, messages=user("ends badly")))[-1]
    same((last.type, last.delta.finish_reason), ("message-end", "ERROR"))


status_checks(
    probe,
    {
        400: cohere.BadRequestError,
        401: cohere.UnauthorizedError,
        403: cohere.ForbiddenError,
        404: cohere.NotFoundError,
        422: cohere.UnprocessableEntityError,
        429: cohere.TooManyRequestsError,
        500: cohere.InternalServerError,
        503: cohere.ServiceUnavailableError,
        529: ApiError,
    },
    lambda said: ask(said, ONCE), lambda error: error.status_code,
)  # fmt: skip
retry_checks(probe, ask, error=ApiError, reads=WAITS if probe.new else ("in seconds", "as a date"))
stream_fault_checks(
    probe, lambda said, seconds: text_of(said, {**ONCE, "timeout_in_seconds": seconds}), quiet=("stream-error",)
)
whole_fault_checks(probe, lambda said, seconds: ask(said, {**ONCE, "timeout_in_seconds": seconds}))
journal_check(probe, ask, MODEL)
probe.run()

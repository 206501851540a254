"""What the mistralai SDK makes of the mock; the newer one keeps its client and its errors in packages of their own."""

import json
from collections.abc import Iterator

from checking import KEY, PATIENCE, SHORT, Probe, error_of, holds, same
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
if probe.new:
    from mistralai.client import Mistral
    from mistralai.client.errors import SDKError
    from mistralai.client.utils import BackoffStrategy, RetryConfig
else:
    from mistralai import Mistral
    from mistralai.models import SDKError
    from mistralai.utils import BackoffStrategy, RetryConfig

MODEL = "mistral-small-latest"
TOOLS = [{"type": "function", "function": {"name": TOOL_NAME, "parameters": TOOL_SCHEMA}}]


def connect(seconds: float = PATIENCE, **more: object) -> Mistral:
    return Mistral(api_key=KEY, server_url=probe.mock.base, timeout_ms=int(seconds * 1000), **more)


client = connect()
stubborn = connect(retry_config=RetryConfig("backoff", BackoffStrategy(10, 50, 1.5, 10_000), False))


def user(text: object) -> list[dict]:
    return [{"role": "user", "content": text}]


def create(asked: Mistral = client, **more: object) -> object:
    return asked.chat.complete(**{"model": MODEL, "messages": user(SAID), **more})


def ask(asked: Mistral, said: str) -> str:
    return create(asked, messages=user(said)).choices[0].message.content


def text_of(asked: Mistral, said: str) -> Iterator[str]:
    with asked.chat.stream(model=MODEL, messages=user(said)) as events:
        for event in events:
            if event.data.choices[0].delta.content:
                yield event.data.choices[0].delta.content


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = create(messages=[{"role": "system", "content": "Be brief."}, *user(SAID)])
    is_echo(found.choices[0].message.content)
    same((found.object, found.model, found.choices[0].finish_reason), ("chat.completion", MODEL, "stop"))


@probe.check
def usage_adds_up() -> None:
    usage = create().usage
    same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    holds(usage.prompt_tokens > 5 and usage.completion_tokens > 5, usage)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    same(create().model_dump(), create().model_dump())
    holds(create().id != create(messages=user("another")).id, "the same id")


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(client, SAID)), ask(client, SAID))


@probe.check
def a_stream_ends_with_its_reason_and_its_usage() -> None:
    with client.chat.stream(model=MODEL, messages=user(SAID)) as events:
        chunks = [event.data for event in events]
    same(chunks[-1].choices[0].finish_reason, "stop")
    same(chunks[-1].usage.total_tokens, create().usage.total_tokens)


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    messages = user(SAID)
    turns = 0
    while turns < 5:
        turns += 1
        choice = create(messages=messages, tools=TOOLS).choices[0]
        if not choice.message.tool_calls:
            break
        same(choice.finish_reason, "tool_calls")
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in choice.message.tool_calls:
            same(call.function.name, TOOL_NAME)
            fits_tool(json.loads(call.function.arguments))
            result = {"role": "tool", "tool_call_id": call.id, "name": TOOL_NAME, "content": "fine"}
            messages.append(result)
    same((turns, choice.finish_reason), (2, "stop"))
    holds(choice.message.content, choice)


@probe.check
def a_tools_call_is_streamed() -> None:
    whole = create(tools=TOOLS).choices[0].message.tool_calls[0]
    with client.chat.stream(model=MODEL, messages=user(SAID), tools=TOOLS) as events:
        choices = [event.data.choices[0] for event in events]
    parts = [call for choice in choices for call in choice.delta.tool_calls or []]
    same(choices[-1].finish_reason, "tool_calls")
    same([part.function.name for part in parts if part.function.name], [TOOL_NAME])
    same([part.id for part in parts if part.id not in {None, "", "null"}], [whole.id])
    same("".join(part.function.arguments for part in parts), whole.function.arguments)


@probe.check
def the_id_of_a_call_has_nine_characters() -> None:
    same(len(create(tools=TOOLS).choices[0].message.tool_calls[0].id), 9)


@probe.check
def a_tool_that_has_to_be_called_is_called_and_one_that_must_not_be_is_not() -> None:
    same(len(create(tools=TOOLS, tool_choice="any").choices[0].message.tool_calls), 1)
    holds(not create(tools=TOOLS, tool_choice="none").choices[0].message.tool_calls, "a call")


@probe.check
def an_answer_fits_the_schema_that_it_was_given() -> None:
    schema = {"name": "person", "schema": PERSON_SCHEMA, "strict": True}
    form = {"type": "json_schema", "json_schema": schema}
    fits_person(json.loads(create(response_format=form).choices[0].message.content))


@probe.check
def an_answer_is_parsed_into_a_model() -> None:
    person = person_model()
    found = client.chat.parse(person, model=MODEL, messages=user(SAID))
    holds(isinstance(found.choices[0].message.parsed, person), found)


@probe.check
def an_answer_is_a_JSON_object_where_that_was_asked_for() -> None:  # noqa: N802
    found = create(response_format={"type": "json_object"}).choices[0].message.content
    holds(isinstance(json.loads(found), dict), found)


@probe.check
def images_are_taken() -> None:
    image = {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}
    is_echo(create(messages=user([{"type": "text", "text": SAID}, image])).choices[0].message.content)


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = create(max_tokens=3)
    same((found.choices[0].finish_reason, found.usage.completion_tokens), ("length", 3))


@probe.check
def embeddings_are_vectors_of_length_1() -> None:
    found = client.embeddings.create(model="mistral-embed", inputs=["one", "two"])
    vectors([each.embedding for each in found.data], 2, len(found.data[0].embedding))
    same([each.index for each in found.data], [0, 1])
    holds(found.id, found)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = client.models.list().data
    holds(listed and all(each.capabilities.completion_chat is not None for each in listed), listed)
    same(client.models.retrieve(model_id=listed[0].id).id, listed[0].id)


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask(client, "say it"), ANSWER)
    same("".join(text_of(client, "say it")), ANSWER)


@probe.check
async def an_asynchronous_client_gets_the_same_answer_and_stream() -> None:
    async with connect() as waiting:
        found = await waiting.chat.complete_async(model=MODEL, messages=user(SAID))
        is_echo(found.choices[0].message.content)
        stream = await waiting.chat.stream_async(model=MODEL, messages=user(SAID))
        parts = [event.data.choices[0].delta.content async for event in stream]
        streams_wholly([part for part in parts if part], found.choices[0].message.content)


@probe.check
async def an_asynchronous_client_raises_the_same_errors() -> None:
    probe.mock.fault("again", "status", status=429)
    async with connect() as waiting:
        try:
            await waiting.chat.complete_async(model=MODEL, messages=user("again"))
        except SDKError as error:
            same(error.status_code, 429)
        else:
            raise AssertionError("nothing was raised")


@probe.check
def arguments_that_are_no_JSON_reach_the_product() -> None:  # noqa: N802
    probe.mock.fault("bad arguments", "bad-arguments")
    arguments = create(messages=user("bad arguments"), tools=TOOLS).choices[0].message.tool_calls[0].function.arguments
    holds(isinstance(error_of(json.loads, arguments), ValueError), arguments)


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    name = create(messages=user("unknown tool"), tools=TOOLS).choices[0].message.tool_calls[0].function.name
    holds(name and name != TOOL_NAME, name)


@probe.check
def a_client_asks_once_where_no_retries_are_set() -> None:
    probe.mock.fault("once", "status", status=429, times=2)
    with probe.mock.journal() as entries:
        holds(isinstance(error_of(ask, client, "once"), SDKError), "another error")
    same(len(entries), 1)


hasty = connect(SHORT)


def waiting(seconds: float) -> object:
    """Return the client with this patience; it is kept, for some close their connections when they are dropped."""
    return client if seconds == PATIENCE else hasty


status_checks(
    probe, dict.fromkeys((400, 401, 403, 404, 429, 500, 503), SDKError),
    lambda said: ask(client, said), lambda error: error.status_code,
)  # fmt: skip
# It asks again until its time is over, however often that is.
retry_checks(
    probe, lambda said: ask(stubborn, said), error=SDKError, most=None, final={529},
    reads=WAITS if probe.new else ("in seconds", "as a date"),
)  # fmt: skip
stream_fault_checks(probe, lambda said, seconds: text_of(waiting(seconds), said))
whole_fault_checks(probe, lambda said, seconds: ask(waiting(seconds), said))
journal_check(probe, lambda said: ask(client, said), MODEL)
probe.run()

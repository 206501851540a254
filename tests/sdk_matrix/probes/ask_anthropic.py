"""What the anthropic SDK makes of the mock."""

import json
import os
from collections.abc import Iterator

import anthropic
from checking import KEY, PATIENCE, Probe, error_of, holds, named, same
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
    person_model,
    streams_wholly,
)

MODEL = "claude-sonnet-4-6"
TOOLS = [{"name": TOOL_NAME, "description": "Weather.", "input_schema": TOOL_SCHEMA}]
probe = Probe.started()
OPTIONS = {"base_url": probe.mock.base, "api_key": KEY, "timeout": PATIENCE}
client = anthropic.Anthropic(**OPTIONS)


def user(text: object) -> list[dict]:
    return [{"role": "user", "content": text}]


def create(**asked: object) -> object:
    return client.messages.create(**{"model": MODEL, "max_tokens": 400, "messages": user(SAID), **asked})


def ask(asked: object, said: str) -> str:
    return asked.messages.create(model=MODEL, max_tokens=400, messages=user(said)).content[0].text


def text_of(asked: object, said: str) -> Iterator[str]:
    for event in asked.messages.create(model=MODEL, max_tokens=400, messages=user(said), stream=True):
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = create(system="Be brief.")
    same([block.type for block in found.content], ["text"])
    is_echo(found.content[0].text)
    same((found.type, found.role, found.model, found.stop_reason), ("message", "assistant", MODEL, "end_turn"))
    holds(found.id and found.usage.input_tokens > 5 and found.usage.output_tokens > 5, found)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    first, again, other = (create(messages=user(said)) for said in (SAID, SAID, "another"))
    same(first.model_dump(), again.model_dump())
    holds(first.id != other.id, other.id)


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(client, SAID)), ask(client, SAID))


@probe.check
def a_stream_has_its_events_in_order() -> None:
    kinds = [event.type for event in create(stream=True) if event.type not in {"ping", "content_block_delta"}]
    same(kinds, ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"])


@probe.check
def the_stream_helper_gives_text_and_the_whole_message() -> None:
    with client.messages.stream(model=MODEL, max_tokens=400, messages=user(SAID)) as stream:
        parts = list(stream.text_stream)
        final = stream.get_final_message()
    whole = create()
    streams_wholly(parts, whole.content[0].text)
    same((final.content[0].text, final.stop_reason), (whole.content[0].text, "end_turn"))


@probe.check
def usage_of_a_stream_is_that_of_the_whole_answer() -> None:
    with client.messages.stream(model=MODEL, max_tokens=400, messages=user(SAID)) as stream:
        usage = stream.get_final_message().usage
    whole = create().usage
    same((usage.input_tokens, usage.output_tokens), (whole.input_tokens, whole.output_tokens))


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    messages = user(SAID)
    turns = 0
    while turns < 5:
        turns += 1
        found = create(messages=messages, tools=TOOLS)
        if found.stop_reason != "tool_use":
            break
        calls = [block for block in found.content if block.type == "tool_use"]
        same([call.name for call in calls], [TOOL_NAME])
        fits_tool(calls[0].input)
        holds(calls[0].id, calls)
        messages.append({"role": "assistant", "content": [block.model_dump() for block in found.content]})
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "fine"} for call in calls]
        messages.append({"role": "user", "content": results})
    same((turns, found.stop_reason), (2, "end_turn"))
    holds(found.content[0].text, found)


@probe.check
def a_tools_call_is_streamed_in_fragments_that_make_up_the_whole_one() -> None:
    whole = next(block for block in create(tools=TOOLS).content if block.type == "tool_use")
    events = list(create(tools=TOOLS, stream=True))
    deltas = [each.delta for each in events if each.type == "content_block_delta"]
    parts = [delta.partial_json for delta in deltas if delta.type == "input_json_delta"]
    holds(len(parts) > 1, parts)
    same(json.loads("".join(parts)), whole.input)
    started = [each.content_block for each in events if each.type == "content_block_start"]
    same([(block.id, block.name) for block in started if block.type == "tool_use"], [(whole.id, TOOL_NAME)])


@probe.check
def the_stream_helper_puts_a_tools_call_together() -> None:
    with client.messages.stream(model=MODEL, max_tokens=400, messages=user(SAID), tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_message()
    holds("input_json" in kinds, kinds)
    same(final.stop_reason, "tool_use")
    fits_tool(next(block.input for block in final.content if block.type == "tool_use"))


@probe.check
def two_calls_at_once_have_two_ids() -> None:
    arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
    probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
    calls = [block for block in create(messages=user("both"), tools=TOOLS).content if block.type == "tool_use"]
    same([call.input for call in calls], [arguments] * 2)
    same(len({call.id for call in calls}), 2)


@probe.check
def a_tool_that_has_to_be_called_is_called_and_one_that_must_not_be_is_not() -> None:
    tools = [*TOOLS, {"name": "other", "input_schema": {"type": "object"}}]
    forced = create(tools=tools, tool_choice={"type": "tool", "name": "other"})
    same([block.name for block in forced.content if block.type == "tool_use"], ["other"])
    none = create(tools=tools, tool_choice={"type": "none"})
    same([block.type for block in none.content], ["text"])


@probe.check
def a_tool_of_pythons_own_is_run_until_the_conversation_ends() -> None:
    asked = []

    @anthropic.beta_tool
    def weather(city: str, days: int) -> str:
        """Tell the weather.

        Args:
            city: Where.
            days: How long.
        """
        asked.append((city, days))
        return "fine"

    runner = client.beta.messages.tool_runner(model=MODEL, max_tokens=400, messages=user(SAID), tools=[weather])
    final = runner.until_done()
    same((len(asked), final.stop_reason), (1, "end_turn"))


@probe.check
def an_answer_fits_the_schema_that_it_was_given() -> None:
    form = {"type": "json_schema", "schema": PERSON_SCHEMA}
    asked = {"extra_body": {"output_config": {"format": form}}}
    fits_person(json.loads(create(**asked).content[0].text))


@probe.check
def an_answer_is_parsed_into_a_model() -> None:
    person = person_model()
    found = client.messages.parse(model=MODEL, max_tokens=400, messages=user(SAID), output_format=person)
    holds(isinstance(found.parsed_output, person), found)


@probe.check
def thinking_comes_before_the_answer() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    found = create(max_tokens=2048, thinking=thinking)
    same([block.type for block in found.content], ["thinking", "text"])
    holds(found.content[0].thinking and found.content[0].signature, found)


@probe.check
def thinking_is_streamed() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(model=MODEL, max_tokens=2048, messages=user(SAID), thinking=thinking) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_message()
    holds({"thinking", "signature", "text"} <= kinds, kinds)
    same([block.type for block in final.content], ["thinking", "text"])
    same(final.content[0].thinking, create(max_tokens=2048, thinking=thinking).content[0].thinking)


@probe.check
def images_are_taken() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    found = create(messages=user([{"type": "image", "source": source}, {"type": "text", "text": SAID}]))
    is_echo(found.content[0].text)


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = create(max_tokens=3)
    same((found.stop_reason, found.usage.output_tokens), ("max_tokens", 3))


@probe.check
def tokens_are_counted_as_in_an_answer() -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=user(SAID)).input_tokens
    same(counted, create().usage.input_tokens)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = list(client.models.list(limit=2))
    holds(listed and all(each.type == "model" and each.display_name for each in listed), listed)
    same(len({each.id for each in listed}), len(listed))
    same(client.models.retrieve(listed[0].id).id, listed[0].id)


@probe.check
def an_answer_has_the_id_of_its_request() -> None:
    holds(create()._request_id, "none")


@probe.check
def an_error_tells_its_message_and_kind() -> None:
    probe.mock.fault("too fast", "status", status=529, message="Busy.")
    error = error_of(ask, client.with_options(max_retries=0), "too fast")
    same(error.body["error"], {"type": "overloaded_error", "message": "Busy."})
    same(error.body["type"], "error")


@probe.check
def a_request_without_messages_is_refused() -> None:
    holds(isinstance(error_of(lambda: create(messages=[])), anthropic.BadRequestError), "another error")


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask(client, "say it"), ANSWER)
    same("".join(text_of(client, "say it")), ANSWER)


@probe.check
async def an_asynchronous_client_gets_the_same_answer_and_stream() -> None:
    async with anthropic.AsyncAnthropic(**OPTIONS) as waiting:
        found = await waiting.messages.create(model=MODEL, max_tokens=400, messages=user(SAID))
        is_echo(found.content[0].text)
        async with waiting.messages.stream(model=MODEL, max_tokens=400, messages=user(SAID)) as stream:
            parts = [part async for part in stream.text_stream]
        streams_wholly(parts, found.content[0].text)


@probe.check
async def an_asynchronous_client_raises_the_same_errors() -> None:
    probe.mock.fault("again", "status", status=429, retry_after=0.01, retry_after_form="ms")
    async with anthropic.AsyncAnthropic(**OPTIONS) as waiting:
        try:
            await waiting.messages.create(model=MODEL, max_tokens=400, messages=user("again"))
        except anthropic.RateLimitError as error:
            same(error.status_code, 429)
        else:
            raise AssertionError("nothing was raised")


@probe.check
def the_environment_leads_to_the_mock() -> None:
    os.environ.update(ANTHROPIC_BASE_URL=probe.mock.base, ANTHROPIC_API_KEY=KEY)
    is_echo(ask(anthropic.Anthropic(), SAID))


@probe.check
def arguments_that_are_no_JSON_are_told() -> str:  # noqa: N802
    probe.mock.fault("bad arguments", "bad-arguments")
    asked = {"model": MODEL, "max_tokens": 400, "messages": user("bad arguments"), "tools": TOOLS}
    try:
        with client.messages.stream(**asked) as stream:
            final = stream.get_final_message()
    except Exception as error:  # noqa: BLE001
        return named(error)
    return f"no error, {type(next(block.input for block in final.content if block.type == 'tool_use')).__name__}"


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    name = next(block.name for block in create(messages=user("unknown tool"), tools=TOOLS).content
                if block.type == "tool_use")  # fmt: skip
    holds(name != TOOL_NAME, name)


overloaded = anthropic._exceptions.OverloadedError
error_checks(probe, anthropic, client, ask, text_of, {529: overloaded})
journal_check(probe, lambda said: ask(client, said), MODEL)
probe.run()

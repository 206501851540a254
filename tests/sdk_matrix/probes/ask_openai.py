"""What the openai SDK makes of the mock, Azure's client included."""

import json
import os

import openai
from chat_completions import chat_checks, fault_checks, user
from checking import KEY, PATIENCE, SHORT, Probe, error_of, holds, named, same
from tasks import ANSWER, PNG, SAID, TOOL_NAME, TOOL_SCHEMA, fits_tool, is_echo, person_model, streams_wholly, vectors

MODEL = "gpt-4o-mini"
EMBEDDER = "text-embedding-3-small"
probe = Probe.started()
BASE = f"{probe.mock.base}/v1"
client = openai.OpenAI(base_url=BASE, api_key=KEY, timeout=PATIENCE)
Person = person_model()


def waiting() -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=BASE, api_key=KEY, timeout=PATIENCE)


chat_checks(probe, openai, client, waiting, MODEL)


@probe.check
def a_stream_ends_with_its_usage_where_that_was_asked_for() -> None:
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODEL, messages=user(SAID), stream=True, stream_options=options))
    same((chunks[-1].choices, [each.usage for each in chunks[:-1]]), ([], [None] * (len(chunks) - 1)))
    whole = client.chat.completions.create(model=MODEL, messages=user(SAID)).usage
    same(chunks[-1].usage.total_tokens, whole.total_tokens)


@probe.check
def a_chat_is_parsed_into_a_model() -> None:
    found = client.chat.completions.parse(model=MODEL, messages=user(SAID), response_format=Person)
    holds(isinstance(found.choices[0].message.parsed, Person), found)


@probe.check
def a_tools_call_is_parsed_into_a_model() -> None:
    tool = openai.pydantic_function_tool(Person, name="note_person")
    found = client.chat.completions.parse(model=MODEL, messages=user(SAID), tools=[tool])
    holds(isinstance(found.choices[0].message.tool_calls[0].function.parsed_arguments, Person), found)


@probe.check
def the_stream_helper_gives_events_and_a_parsed_answer() -> None:
    with client.chat.completions.stream(model=MODEL, messages=user(SAID), response_format=Person) as stream:
        kinds = [event.type for event in stream]
        found = stream.get_final_completion()
    holds({"chunk", "content.delta", "content.done"} <= set(kinds), kinds)
    holds(isinstance(found.choices[0].message.parsed, Person), found)


@probe.check
def several_choices_are_given() -> None:
    found = client.chat.completions.create(model=MODEL, messages=user(SAID), n=3)
    same([choice.index for choice in found.choices], [0, 1, 2])
    chunks = client.chat.completions.create(model=MODEL, messages=user(SAID), n=2, stream=True)
    same({choice.index for chunk in chunks for choice in chunk.choices}, {0, 1})


@probe.check
def an_answer_has_the_id_of_its_request() -> None:
    found = client.chat.completions.create(model=MODEL, messages=user(SAID))
    holds(found._request_id, found._request_id)


@probe.check
def an_error_tells_its_message_and_kind() -> None:
    probe.mock.fault("too fast", "status", status=429, message="Slow down.")
    error = error_of(lambda: client.with_options(max_retries=0).responses.create(model=MODEL, input="too fast"))
    holds(isinstance(error, openai.RateLimitError), error)
    same(error.body["message"], "Slow down.")
    holds(error.type and error.code, error.body)


@probe.check
def a_hint_says_whether_to_retry() -> None:
    probe.mock.fault("hint", "status", status=500, retry_hint=False)
    with probe.mock.journal() as entries:
        holds(
            isinstance(error_of(lambda: client.responses.create(model=MODEL, input="hint")), openai.APIStatusError), ""
        )
    same(len(entries), 1)


@probe.check
def the_environment_leads_to_the_mock() -> None:
    os.environ.update(OPENAI_BASE_URL=BASE, OPENAI_API_KEY=KEY)
    is_echo(openai.OpenAI().chat.completions.create(model=MODEL, messages=user(SAID)).choices[0].message.content)


@probe.check
def embeddings_are_vectors_of_length_1() -> None:
    found = client.embeddings.create(model=EMBEDDER, input=["one", "two", "one"])
    same([each.index for each in found.data], [0, 1, 2])
    vectors([each.embedding for each in found.data], 3, len(found.data[0].embedding))
    same(found.data[0].embedding, found.data[2].embedding)
    holds(found.data[0].embedding != found.data[1].embedding, "the same")
    same(found.usage.total_tokens, found.usage.prompt_tokens)


@probe.check
def embeddings_have_the_dimensions_that_were_asked_for() -> None:
    vectors([each.embedding for each in client.embeddings.create(model=EMBEDDER, input="a", dimensions=17).data], 1, 17)


@probe.check
def embeddings_as_numbers_and_as_base64_are_the_same() -> None:
    numbers, packed = (
        client.embeddings.create(model=EMBEDDER, input="a", encoding_format=form).data[0].embedding
        for form in ("float", "base64")
    )
    holds(isinstance(packed, str), packed)
    # The SDK unpacks what it packed by itself.
    unpacked = client.embeddings.create(model=EMBEDDER, input="a").data[0].embedding
    holds(all(abs(one - two) < 1e-6 for one, two in zip(numbers, unpacked, strict=True)), numbers)


@probe.check
def embeddings_take_tokens() -> None:
    same(len(client.embeddings.create(model=EMBEDDER, input=[[1, 2, 3], [4, 5]]).data), 2)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = list(client.models.list())
    holds(listed and all(each.object == "model" and each.owned_by for each in listed), listed)
    same(client.models.retrieve(listed[0].id).id, listed[0].id)


@probe.check
def texts_are_moderated() -> None:
    found = client.moderations.create(model="omni-moderation-latest", input=["be kind", "be glad"])
    same([each.flagged for each in found.results], [False, False])
    holds(found.results[0].category_scores.violence < 0.5, found)


def respond(**asked: object) -> object:
    return client.responses.create(model=MODEL, **{"input": SAID, **asked})


@probe.check
def responses_answer_is_whole() -> None:
    found = respond(instructions="Be brief.")
    is_echo(found.output_text)
    same((found.object, found.status, found.error), ("response", "completed", None))
    same(found.usage.total_tokens, found.usage.input_tokens + found.usage.output_tokens)


@probe.check
def responses_stream_says_what_the_whole_answer_says() -> None:
    events = list(respond(stream=True))
    same([event.sequence_number for event in events], list(range(len(events))))
    same((events[0].type, events[-1].type), ("response.created", "response.completed"))
    parts = [event.delta for event in events if event.type == "response.output_text.delta"]
    streams_wholly(parts, respond().output_text)
    same(events[-1].response.output_text, "".join(parts))


@probe.check
def responses_tool_is_called_and_the_conversation_ends() -> None:
    tools = [{"type": "function", "name": TOOL_NAME, "parameters": TOOL_SCHEMA, "strict": True}]
    said = [{"role": "user", "content": SAID}]
    found = respond(input=said, tools=tools)
    calls = [each for each in found.output if each.type == "function_call"]
    same([call.name for call in calls], [TOOL_NAME])
    fits_tool(json.loads(calls[0].arguments))
    said += [each.model_dump(exclude_none=True) for each in found.output]
    said.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": "fine"})
    again = respond(input=said, tools=tools)
    same({each.type for each in again.output}, {"message"})
    holds(again.output_text, again)


@probe.check
def responses_tool_call_is_streamed() -> None:
    tools = [{"type": "function", "name": TOOL_NAME, "parameters": TOOL_SCHEMA, "strict": True}]
    events = list(respond(tools=tools, stream=True))
    parts = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    done = [event.arguments for event in events if event.type == "response.function_call_arguments.done"]
    same(["".join(parts)], done)
    fits_tool(json.loads(done[0]))
    same(events[-1].response.output[-1].arguments, done[0])


@probe.check
def responses_are_parsed_into_a_model() -> None:
    found = client.responses.parse(model=MODEL, input=SAID, text_format=Person)
    holds(isinstance(found.output_parsed, Person), found.output_text)


@probe.check
def responses_stream_helper_gives_a_parsed_answer() -> None:
    with client.responses.stream(model=MODEL, input=SAID, text_format=Person) as stream:
        kinds = {event.type for event in stream}
        holds("response.output_text.delta" in kinds, kinds)
        holds(isinstance(stream.get_final_response().output_parsed, Person), "not parsed")


@probe.check
def responses_take_images() -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
    is_echo(respond(input=[{"role": "user", "content": [{"type": "input_text", "text": SAID}, image]}]).output_text)


@probe.check
def responses_are_cut_by_a_limit_of_tokens() -> None:
    found = respond(max_output_tokens=16, input="many words " * 40)
    holds(found.status in {"completed", "incomplete"}, found.status)
    same(found.status == "incomplete", found.incomplete_details is not None)


@probe.check
async def responses_come_to_an_asynchronous_client() -> None:
    async with waiting() as asking:
        is_echo((await asking.responses.create(model=MODEL, input=SAID)).output_text)
        async with asking.responses.stream(model=MODEL, input=SAID) as stream:
            parts = [event.delta async for event in stream if event.type == "response.output_text.delta"]
            streams_wholly(parts, (await stream.get_final_response()).output_text)


def response_fault(kind: str, **more: object) -> str:
    probe.mock.rule(f"respond with {kind}", text=ANSWER, fault={"kind": kind, "after": 3, **more})
    seconds = SHORT if kind == "stall" else PATIENCE
    asked = client.with_options(max_retries=0, timeout=seconds)

    def read() -> str:
        with asked.responses.stream(model=MODEL, input=f"respond with {kind}") as stream:
            for _event in stream:
                pass
            return stream.get_final_response().output_text

    try:
        return f"no error, the text is {'whole' if read() == ANSWER else 'cut'}"
    except Exception as error:  # noqa: BLE001
        return named(error)


for kind, more in {
    "disconnect": {}, "truncate": {}, "malformed-chunk": {}, "stall": {"seconds": 10},
    "stream-error": {"status": 500},
}.items():  # fmt: skip
    probe.add(f"responses stream: {kind}", lambda kind=kind, more=more: response_fault(kind, **more))

fault_checks(probe, openai, client, MODEL)

AZURE = {"azure_endpoint": probe.mock.base, "api_version": "2024-10-21", "api_key": KEY, "timeout": PATIENCE}
azure = openai.AzureOpenAI(**AZURE)
with probe.under("azure"):
    chat_checks(probe, openai, azure, lambda: openai.AsyncAzureOpenAI(**AZURE), "my-deployment")
    fault_checks(probe, openai, azure, "my-deployment")


@probe.check
def azure_embeddings_are_vectors() -> None:
    found = azure.embeddings.create(model="my-embedder", input=["one", "two"], dimensions=8)
    vectors([each.embedding for each in found.data], 2, 8)


@probe.check
def azure_responses_answer() -> None:
    is_echo(azure.responses.create(model="my-deployment", input=SAID).output_text)


@probe.check
def azure_parses_into_a_model() -> None:
    found = azure.chat.completions.parse(model="my-deployment", messages=user(SAID), response_format=Person)
    holds(isinstance(found.choices[0].message.parsed, Person), found)


@probe.check
def azure_models_are_listed_and_one_is_shown() -> None:
    with probe.mock.journal() as entries:
        listed = list(azure.models.list())
        same(azure.models.retrieve(listed[0].id).id, listed[0].id)
    holds(listed and all(each.object == "model" for each in listed), listed)
    same([entry["provider"] for entry in entries], ["azure", "azure"])


@probe.check
def azure_is_found_by_its_environment() -> None:
    os.environ.update(AZURE_OPENAI_ENDPOINT=probe.mock.base, OPENAI_API_VERSION="2024-10-21", AZURE_OPENAI_API_KEY=KEY)
    os.environ.pop("OPENAI_BASE_URL", None)
    found = openai.AzureOpenAI().chat.completions.create(model="my-deployment", messages=user(SAID))
    is_echo(found.choices[0].message.content)


probe.run()

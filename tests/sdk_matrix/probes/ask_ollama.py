"""What the ollama SDK makes of the mock."""

import base64
import os
from collections.abc import Iterator

from checking import PATIENCE, SHORT, Probe, holds, same
from misbehaviour import journal_check, retry_checks, status_checks, stream_fault_checks, whole_fault_checks
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
os.environ["OLLAMA_HOST"] = probe.mock.base
import ollama  # noqa: E402

MODEL = "llama3.2"
TOOLS = [{"type": "function", "function": {"name": TOOL_NAME, "description": "Weather.", "parameters": TOOL_SCHEMA}}]
client = ollama.Client(host=probe.mock.base, timeout=PATIENCE)


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def chat(**more: object) -> object:
    return client.chat(**{"model": MODEL, "messages": user(SAID), **more})


def ask(asked: ollama.Client, said: str) -> str:
    return asked.chat(model=MODEL, messages=user(said)).message.content


def text_of(asked: ollama.Client, said: str) -> Iterator[str]:
    for part in asked.chat(model=MODEL, messages=user(said), stream=True):
        if part.message.content:
            yield part.message.content


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = chat(messages=[{"role": "system", "content": "Be brief."}, *user(SAID)])
    is_echo(found.message.content)
    same((found.model, found.done, found.done_reason), (MODEL, True, "stop"))
    same(found.message.role, "assistant")


@probe.check
def tokens_and_times_are_told() -> None:
    found = chat()
    holds(found.prompt_eval_count > 5 and found.eval_count > 5, found)
    holds(found.total_duration >= found.eval_duration >= 0 and found.created_at, found)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    same(chat().model_dump(), chat().model_dump())
    holds(chat().message.content != ask(client, "another"), "the same")


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(client, SAID)), ask(client, SAID))


@probe.check
def a_stream_is_done_in_its_last_line_alone() -> None:
    parts = list(chat(stream=True))
    same([part.done for part in parts], [False] * (len(parts) - 1) + [True])
    same((parts[-1].done_reason, parts[-1].eval_count), ("stop", chat().eval_count))


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    messages = user(SAID)
    turns = 0
    while turns < 5:
        turns += 1
        found = chat(messages=messages, tools=TOOLS)
        messages.append(found.message)
        if not found.message.tool_calls:
            break
        for call in found.message.tool_calls:
            same(call.function.name, TOOL_NAME)
            fits_tool(dict(call.function.arguments), bounded=False)
            messages.append({"role": "tool", "content": "fine", "tool_name": TOOL_NAME})
    same(turns, 2)
    holds(found.message.content, found)


@probe.check
def a_tools_call_is_streamed() -> None:
    calls = [call for part in chat(tools=TOOLS, stream=True) for call in part.message.tool_calls or []]
    same([call.model_dump() for call in calls], [call.model_dump() for call in chat(tools=TOOLS).message.tool_calls])


@probe.check
def a_function_of_pythons_own_is_a_tool() -> None:
    def weather(city: str, days: int) -> str:
        """Tell the weather.

        Args:
            city: Where.
            days: How long.
        """
        return f"{city} {days}"

    call = chat(tools=[weather]).message.tool_calls[0]
    same(call.function.name, "weather")
    holds(weather(**call.function.arguments), call)


@probe.check
def two_calls_at_once_are_both_given() -> None:
    arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
    probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
    calls = chat(messages=user("both"), tools=TOOLS).message.tool_calls
    same([dict(call.function.arguments) for call in calls], [arguments] * 2)


@probe.check
def an_answer_fits_the_schema_that_it_was_given() -> None:
    import json

    fits_person(json.loads(chat(format=PERSON_SCHEMA).message.content))


@probe.check
def an_answer_fits_a_model() -> None:
    person = person_model()
    person.model_validate_json(chat(format=person.model_json_schema()).message.content)


@probe.check
def an_answer_is_a_JSON_object_where_that_was_asked_for() -> None:  # noqa: N802
    import json

    found = chat(format="json").message.content
    holds(isinstance(json.loads(found), dict), found)


@probe.check
def images_are_taken() -> None:
    said = {"role": "user", "content": SAID, "images": [base64.b64decode(PNG)]}
    is_echo(chat(messages=[said]).message.content)


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = chat(options={"num_predict": 3})
    same((found.done_reason, found.eval_count), ("length", 3))


@probe.check
def thinking_is_asked_for() -> None:
    found = chat(think=True)
    is_echo(found.message.content)


@probe.check
def a_prompt_is_completed() -> None:
    found = client.generate(model=MODEL, prompt=SAID)
    is_echo(found.response)
    same((found.done, found.done_reason), (True, "stop"))


@probe.check
def a_prompts_completion_is_streamed() -> None:
    parts = [part.response for part in client.generate(model=MODEL, prompt=SAID, stream=True) if part.response]
    streams_wholly(parts, client.generate(model=MODEL, prompt=SAID).response)


@probe.check
def embeddings_are_vectors_of_length_1() -> None:
    found = client.embed(model="nomic-embed-text", input=["one", "two"])
    vectors(list(found.embeddings), 2, len(found.embeddings[0]))
    holds(found.embeddings[0] != found.embeddings[1], "the same")
    vectors(list(client.embed(model="nomic-embed-text", input="one").embeddings), 1, len(found.embeddings[0]))


@probe.check
def embeddings_of_the_older_kind_are_a_vector() -> None:
    found = client.embeddings(model="nomic-embed-text", prompt="one").embedding
    holds(len(found) > 1 and all(isinstance(number, float) for number in found), found)


@probe.check
def models_are_listed() -> None:
    listed = client.list().models
    holds(listed and all(each.model and each.size and each.digest for each in listed), listed)


@probe.check
def a_model_is_shown() -> None:
    found = client.show(client.list().models[0].model)
    holds(found.details.family and found.modelinfo and "completion" in found.capabilities, found)


@probe.check
def running_models_are_listed() -> None:
    found = client.ps()
    holds(isinstance(list(found.models), list), found)


@probe.check
def the_environment_leads_to_the_mock() -> None:
    is_echo(ollama.chat(model=MODEL, messages=user(SAID)).message.content)


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask(client, "say it"), ANSWER)
    same("".join(text_of(client, "say it")), ANSWER)


@probe.check
async def an_asynchronous_client_gets_the_same_answer_and_stream() -> None:
    waiting = ollama.AsyncClient(host=probe.mock.base, timeout=PATIENCE)
    found = await waiting.chat(model=MODEL, messages=user(SAID))
    is_echo(found.message.content)
    stream = await waiting.chat(model=MODEL, messages=user(SAID), stream=True)
    parts = [part.message.content async for part in stream]
    streams_wholly([part for part in parts if part], found.message.content)


@probe.check
async def an_asynchronous_client_raises_the_same_errors() -> None:
    probe.mock.fault("again", "status", status=429)
    try:
        await ollama.AsyncClient(host=probe.mock.base).chat(model=MODEL, messages=user("again"))
    except ollama.ResponseError as error:
        same(error.status_code, 429)
    else:
        raise AssertionError("nothing was raised")


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    name = chat(messages=user("unknown tool"), tools=TOOLS).message.tool_calls[0].function.name
    holds(name and name != TOOL_NAME, name)


hasty = ollama.Client(host=probe.mock.base, timeout=SHORT)


def waiting(seconds: float) -> object:
    """Return the client with this patience; it is kept, for some close their connections when they are dropped."""
    return client if seconds == PATIENCE else hasty


status_checks(
    probe, dict.fromkeys((400, 401, 404, 429, 500, 503), ollama.ResponseError),
    lambda said: ask(client, said), lambda error: error.status_code,
)  # fmt: skip
retry_checks(probe, lambda said: ask(client, said), error=ollama.ResponseError, most=1)
stream_fault_checks(probe, lambda said, seconds: text_of(waiting(seconds), said))
whole_fault_checks(probe, lambda said, seconds: ask(waiting(seconds), said))
journal_check(probe, lambda said: ask(client, said), MODEL, keyed=False)
probe.run()

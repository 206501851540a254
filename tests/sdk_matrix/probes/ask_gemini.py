"""What the google-genai SDK makes of the mock."""

import base64
import json
import os
import warnings
from collections.abc import Iterator

from checking import KEY, PATIENCE, SHORT, Probe, error_of, holds, same
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

warnings.simplefilter("ignore")
from google import genai  # noqa: E402
from google.genai import errors, types  # noqa: E402

MODEL = "gemini-2.5-flash"
EMBEDDER = "gemini-embedding-001"
probe = Probe.started()


def connect(seconds: float = PATIENCE, retry: types.HttpRetryOptions | None = None) -> genai.Client:
    options = types.HttpOptions(base_url=probe.mock.base, timeout=int(seconds * 1000), retry_options=retry)
    return genai.Client(api_key=KEY, http_options=options)


client = connect()
stubborn = connect(retry=types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02, jitter=0.01))
DECLARED = types.FunctionDeclaration(name=TOOL_NAME, description="Weather.", parameters_json_schema=TOOL_SCHEMA)
TOOLS = {
    "tools": [types.Tool(function_declarations=[DECLARED])],
    "automatic_function_calling": {"disable": True},
}


def generate(said: object = SAID, asked: genai.Client = client, **config: object) -> object:
    return asked.models.generate_content(model=MODEL, contents=said, config=config or None)


def ask(asked: genai.Client, said: str) -> str:
    return generate(said, asked).text


def text_of(asked: genai.Client, said: str) -> Iterator[str]:
    for chunk in asked.models.generate_content_stream(model=MODEL, contents=said):
        if chunk.text:
            yield chunk.text


@probe.check
def an_answer_is_whole_and_says_why_it_ends() -> None:
    found = generate(system_instruction="Be brief.")
    is_echo(found.text)
    same((len(found.candidates), found.candidates[0].finish_reason.name), (1, "STOP"))
    same(found.candidates[0].content.role, "model")
    holds(found.model_version == MODEL and found.response_id, found)


@probe.check
def usage_adds_up() -> None:
    usage = generate().usage_metadata
    same(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count)
    holds(usage.prompt_token_count > 5 and usage.candidates_token_count > 5, usage)


@probe.check
def the_same_question_has_the_same_answer_and_another_one_another() -> None:
    first, again, other = (generate(said) for said in (SAID, SAID, "another"))
    same((first.text, first.response_id), (again.text, again.response_id))
    holds(first.response_id != other.response_id, other)


@probe.check
def a_stream_says_what_the_whole_answer_says() -> None:
    streams_wholly(list(text_of(client, SAID)), ask(client, SAID))


@probe.check
def a_stream_ends_with_its_reason_and_its_usage() -> None:
    chunks = list(client.models.generate_content_stream(model=MODEL, contents=SAID))
    same(chunks[-1].candidates[0].finish_reason.name, "STOP")
    holds(not any(chunk.candidates[0].finish_reason for chunk in chunks[:-1] if chunk.candidates), chunks)
    same(chunks[-1].usage_metadata.total_token_count, generate().usage_metadata.total_token_count)


@probe.check
def a_tool_is_called_its_result_is_taken_and_the_conversation_ends() -> None:
    said = [types.Content(role="user", parts=[types.Part(text=SAID)])]
    turns = 0
    while turns < 5:
        turns += 1
        found = generate(said, **TOOLS)
        if not found.function_calls:
            break
        same([call.name for call in found.function_calls], [TOOL_NAME])
        fits_tool(found.function_calls[0].args)
        said.append(found.candidates[0].content)
        results = [types.Part.from_function_response(name=TOOL_NAME, response={"result": "fine"})]
        said.append(types.Content(role="user", parts=results))
    same(turns, 2)
    holds(found.text, found)


@probe.check
def a_tools_call_is_streamed() -> None:
    asked = {"model": MODEL, "contents": SAID, "config": TOOLS}
    calls = [call for chunk in client.models.generate_content_stream(**asked) for call in chunk.function_calls or []]
    same([(call.name, call.args) for call in calls], [(TOOL_NAME, generate(**TOOLS).function_calls[0].args)])


@probe.check
def a_tool_of_pythons_own_is_run_until_the_conversation_ends() -> None:
    asked = []

    def weather(city: str, days: int) -> str:
        """Tell the weather."""
        asked.append((city, days))
        return "fine"

    found = generate(tools=[weather])
    holds(found.text, found)
    same(len(asked), 1)
    holds(isinstance(asked[0][0], str) and isinstance(asked[0][1], int), asked)
    same(len(found.automatic_function_calling_history), 3)


@probe.check
def a_tool_that_has_to_be_called_is_called_and_one_that_must_not_be_is_not() -> None:
    def mode(name: str, **more: object) -> dict:
        return {**TOOLS, "tool_config": {"function_calling_config": {"mode": name, **more}}}

    same(len(generate(**mode("ANY", allowed_function_names=[TOOL_NAME])).function_calls), 1)
    holds(not generate(**mode("NONE")).function_calls, "a call")


@probe.check
def two_calls_at_once_are_both_given() -> None:
    arguments = {"city": "Rome", "days": 2, "unit": "celsius"}
    probe.mock.rule("both", calls=[{"name": TOOL_NAME, "arguments": arguments}] * 2)
    same([call.args for call in generate("both", **TOOLS).function_calls], [arguments] * 2)


@probe.check
def an_answer_fits_the_schema_that_it_was_given() -> None:
    found = generate(response_mime_type="application/json", response_json_schema=PERSON_SCHEMA)
    fits_person(json.loads(found.text))


@probe.check
def an_answer_is_parsed_into_a_model() -> None:
    from typing import Literal

    from pydantic import BaseModel

    class Person(BaseModel):  # the SDK's own form of a schema knows no refusal of other fields
        name: str
        age: int
        mood: Literal["glad", "sad"]
        tags: list[str]

    found = generate(response_mime_type="application/json", response_schema=Person)
    holds(isinstance(found.parsed, Person), found.text)
    many = generate(response_mime_type="application/json", response_schema=list[Person])
    holds(isinstance(many.parsed, list) and all(isinstance(each, Person) for each in many.parsed), many.text)


@probe.check
def an_answer_fits_a_models_own_schema() -> None:
    person = person_model()
    found = generate(response_mime_type="application/json", response_json_schema=person.model_json_schema())
    person.model_validate_json(found.text)


@probe.check
def an_answer_is_JSON_where_that_was_asked_for() -> None:  # noqa: N802
    holds(isinstance(json.loads(generate(response_mime_type="application/json").text), dict), "no object")


@probe.check
def a_chat_keeps_its_history() -> None:
    chat = client.chats.create(model=MODEL)
    is_echo(chat.send_message("first").text, "first")
    is_echo(chat.send_message("second").text, "second")
    parts = [chunk.text for chunk in chat.send_message_stream("third words of a chat") if chunk.text]
    is_echo("".join(parts), "third words of a chat")
    same([each.role for each in chat.get_history()][:4], ["user", "model", "user", "model"])
    with probe.mock.journal() as entries:
        chat.send_message("fourth")
    holds(entries[0]["last_user"] == "fourth", entries)


@probe.check
def images_are_taken() -> None:
    image = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    is_echo(generate([SAID, image]).text)


@probe.check
def a_limit_of_tokens_cuts_the_answer() -> None:
    found = generate(max_output_tokens=3)
    same(found.candidates[0].finish_reason.name, "MAX_TOKENS")
    same(found.usage_metadata.candidates_token_count, 3)


@probe.check
def tokens_are_counted_as_in_an_answer() -> None:
    counted = client.models.count_tokens(model=MODEL, contents=SAID).total_tokens
    same(counted, generate().usage_metadata.prompt_token_count)


@probe.check
def embeddings_are_vectors_of_length_1() -> None:
    found = client.models.embed_content(model=EMBEDDER, contents=["one", "two"]).embeddings
    vectors([each.values for each in found], 2, len(found[0].values))
    holds(found[0].values != found[1].values, "the same")


@probe.check
def embeddings_have_the_dimensions_that_were_asked_for() -> None:
    found = client.models.embed_content(model=EMBEDDER, contents="a", config={"output_dimensionality": 12})
    vectors([each.values for each in found.embeddings], 1, 12)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = list(client.models.list())
    holds(listed and all(each.name.startswith("models/") for each in listed), listed)
    same(client.models.get(model=listed[0].name).name, listed[0].name)


@probe.check
def an_error_tells_its_message_and_kind() -> None:
    probe.mock.fault("too fast", "status", status=429, message="Slow down.")
    error = error_of(ask, client, "too fast")
    same((error.code, error.status, error.message), (429, "RESOURCE_EXHAUSTED", "Slow down."))


@probe.check
def a_rule_says_what_is_answered() -> None:
    probe.mock.rule("say it", text=ANSWER)
    same(ask(client, "say it"), ANSWER)
    same("".join(text_of(client, "say it")), ANSWER)


@probe.check
async def an_asynchronous_client_gets_the_same_answer_and_stream() -> None:
    waiting = connect()
    found = await waiting.aio.models.generate_content(model=MODEL, contents=SAID)
    is_echo(found.text)
    stream = await waiting.aio.models.generate_content_stream(model=MODEL, contents=SAID)
    streams_wholly([chunk.text async for chunk in stream if chunk.text], found.text)
    await waiting.aio.aclose()


@probe.check
async def an_asynchronous_client_raises_the_same_errors() -> None:
    probe.mock.fault("again", "status", status=429)
    waiting = connect()
    try:
        await waiting.aio.models.generate_content(model=MODEL, contents="again")
    except errors.ClientError as error:
        same(error.code, 429)
    else:
        raise AssertionError("nothing was raised")
    await waiting.aio.aclose()


@probe.check
def the_environment_leads_to_the_mock() -> None:
    os.environ.update(GOOGLE_GEMINI_BASE_URL=probe.mock.base, GEMINI_API_KEY=KEY)
    found = genai.Client()
    is_echo(ask(found, SAID))


@probe.check
def both_versions_of_the_path_are_answered() -> None:
    for version in ("v1", "v1beta"):
        options = types.HttpOptions(base_url=probe.mock.base, api_version=version)
        asked = genai.Client(api_key=KEY, http_options=options)
        with probe.mock.journal() as entries:
            is_echo(ask(asked, SAID))
        same([entry["path"] for entry in entries], [f"/{version}/models/{MODEL}:generateContent"])


@probe.check
def the_generation_has_its_own_path() -> str:
    with probe.mock.journal() as entries:
        generate()
    wanted = "/v1/" if probe.new else "/v1beta/"
    holds(entries[0]["path"].startswith(wanted), entries)
    return wanted


@probe.check
def a_tool_that_nobody_offered_is_called() -> None:
    probe.mock.fault("unknown tool", "unknown-tool")
    name = generate("unknown tool", **TOOLS).function_calls[0].name
    holds(name and name != TOOL_NAME, name)


CLIENT, SERVER = errors.ClientError, errors.ServerError
hasty = connect(SHORT)


def waiting(seconds: float) -> object:
    """Return the client with this patience; it is kept, for some close their connections when they are dropped."""
    return client if seconds == PATIENCE else hasty


status_checks(
    probe, {400: CLIENT, 401: CLIENT, 403: CLIENT, 404: CLIENT, 429: CLIENT, 500: SERVER, 503: SERVER, 504: SERVER},
    lambda said: ask(client, said), lambda error: error.code,
)  # fmt: skip
with probe.under("without retry options"):
    retry_checks(probe, lambda said: ask(client, said), error=errors.APIError, most=1)
with probe.under("with retry options"):
    retry_checks(probe, lambda said: ask(stubborn, said), error=errors.APIError, final={529}, reads=())
stream_fault_checks(probe, lambda said, seconds: text_of(waiting(seconds), said))
whole_fault_checks(probe, lambda said, seconds: ask(waiting(seconds), said))
journal_check(probe, lambda said: ask(client, said), MODEL)
probe.run()

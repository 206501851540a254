"""What the groq SDK makes of the mock."""

import os

import groq
from chat_completions import chat_checks, fault_checks, user
from checking import KEY, PATIENCE, Probe, holds, same
from tasks import SAID, is_echo

MODEL = "llama-3.3-70b-versatile"
probe = Probe.started()
client = groq.Groq(base_url=probe.mock.base, api_key=KEY, timeout=PATIENCE)


def waiting() -> groq.AsyncGroq:
    return groq.AsyncGroq(base_url=probe.mock.base, api_key=KEY, timeout=PATIENCE)


chat_checks(probe, groq, client, waiting, MODEL)


@probe.check
def a_stream_tells_its_usage_in_the_last_chunk() -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=user(SAID), stream=True))
    usage = chunks[-1].x_groq.usage
    same(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    holds(chunks[0].x_groq.id, chunks[0])


@probe.check
def usage_tells_how_long_it_took() -> None:
    usage = client.chat.completions.create(model=MODEL, messages=user(SAID)).usage
    holds(usage.total_time is not None and usage.prompt_time is not None, usage)


@probe.check
def models_are_listed_and_one_is_shown() -> None:
    listed = client.models.list().data
    holds(listed and all(each.object == "model" for each in listed), listed)
    same(client.models.retrieve(listed[0].id).id, listed[0].id)


@probe.check
def embeddings_are_vectors() -> None:
    found = client.embeddings.create(model="nomic-embed-text-v1_5", input=["one", "two"])
    same([len(each.embedding) for each in found.data], [len(found.data[0].embedding)] * 2)


@probe.check
def the_environment_leads_to_the_mock() -> None:
    os.environ.update(GROQ_BASE_URL=probe.mock.base, GROQ_API_KEY=KEY)
    is_echo(groq.Groq().chat.completions.create(model=MODEL, messages=user(SAID)).choices[0].message.content)


fault_checks(probe, groq, client, MODEL)
probe.run()

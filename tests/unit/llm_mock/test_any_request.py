"""Whatever JSON a client sends, each endpoint answers or refuses it in its provider's shape, and twice the same."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.llm_mock.families import NAMES, known
from lab.llm_mock.wire.base import to_json

from .asking import Told, ask
from .endpoints import ASKED, Asked
from .spoiling import ODD, defects

LETTERS = st.characters(exclude_categories=())  # half surrogate pairs are letters, too
LEAVES = st.one_of(st.sampled_from(ODD), st.integers(), st.floats(), st.text(LETTERS, max_size=20))
BRIEF = ("/v1/moderations", "/v1/responses/input_tokens", "/v1/messages/count_tokens", "/model/m/count-tokens")
Shape = Callable[[Told, Any], bool]
ERRORS: dict[str, Shape] = {
    "openai": lambda _told, said: set(said["error"]) == {"message", "type", "param", "code"},
    "azure": lambda _told, said: {"message", "code"} <= set(said["error"]),
    "groq": lambda _told, said: {"message", "type"} <= set(said["error"]),
    "mistral": lambda told, said: (said["object"], said["raw_status_code"]) == ("error", told.status),
    "anthropic": lambda _told, said: said["type"] == "error" and set(said["error"]) >= {"type", "message"},
    "bedrock": lambda told, said: set(said) == {"message"} and "x-amzn-errortype" in told.response.headers,
    "gemini": lambda told, said: said["error"]["code"] == told.status and set(said["error"]) >= {"message", "status"},
    "ollama": lambda _told, said: isinstance(said["error"], str),
    "cohere": lambda _told, said: set(said) == {"id", "message"},
}


def names(value: Any) -> Iterator[str]:
    """Give every name that stands in a JSON value."""
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from names(part)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every part of a JSON value, the whole left out."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*place, name)
        yield from places(part, (*place, name))


def replaced(value: Any, place: tuple[Any, ...], part: Any) -> Any:
    """Return a copy with another part in this place; the same value where that place is gone."""
    if not place:
        return part
    name, *rest = place
    if isinstance(value, dict) and name in value:
        return {**value, name: replaced(value[name], tuple(rest), part)}
    if isinstance(value, list) and isinstance(name, int) and name < len(value):
        return [*value[:name], replaced(value[name], tuple(rest), part), *value[name + 1 :]]
    return value


def anything(words: list[str]) -> st.SearchStrategy[Any]:
    """Any JSON value; the names in it are mostly such as the endpoint knows."""
    key = st.sampled_from(words) | st.text(LETTERS, max_size=5)
    return st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=4), max_leaves=6
    )


def contents(asked: Asked) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of any content, and the right request with up to three parts that may be anything."""
    words = sorted(set(names(asked.content)))
    value = anything(words)
    changes = st.lists(st.tuples(st.sampled_from(list(places(asked.content))), value), min_size=1, max_size=3)

    def changed(several: list[tuple[tuple[Any, ...], Any]]) -> Any:
        content: Any = asked.content
        for place, part in several:
            content = replaced(content, place, part)
        return content

    return changes.map(changed) | st.dictionaries(st.sampled_from(words), value, max_size=5)


def said(told: Told) -> list[Any]:
    """Return what an answer says, in one value or many; raises where it is not what its type promises."""
    kind = told.response.headers["content-type"].partition(";")[0]
    if kind == "text/event-stream":
        return told.events()
    if kind in {"application/x-ndjson", "application/stream+json"}:
        return told.lines()
    if kind == "application/vnd.amazon.eventstream":
        buffer = EventStreamBuffer()
        buffer.add_data(told.response.content)
        return [json.loads(each.payload) for each in buffer]
    assert kind == "application/json"
    whole = told.json()
    return whole if isinstance(whole, list) else [whole]


def has_shape(asked: Asked, told: Told) -> bool:
    """Whether an answer is one of this provider and endpoint, or an error of this provider."""
    values = said(told)
    if told.status != 200:
        return told.status < 500 and ERRORS[asked.family](told, *values)
    if told.entry.pieces is None:
        return all(asked.sign in value or not asked.sign for value in values)
    return bool(values)


def test_every_endpoint_that_is_asked_with_post_is_here_and_answers_what_is_right() -> None:
    posted = {(name, route.endpoint.name) for name in NAMES for route in known(name).family.routes
              if route.method == "POST"}  # fmt: skip
    assert {(asked.family, asked.endpoint) for asked in ASKED} == posted
    for asked in ASKED:
        told = ask("POST", asked.url, asked.content, asked.headers)
        assert (told.status, told.entry.provider, told.entry.endpoint) == (200, asked.family, asked.endpoint), asked
        assert has_shape(asked, told), asked


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_whatever_stands_in_a_request_gets_an_answer_of_the_provider_and_always_the_same(asked: Asked) -> None:
    @settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(content=contents(asked))
    def holds(content: Mapping[str, Any]) -> None:
        first, again = (ask("POST", asked.url, to_json(content), asked.headers) for _ in range(2))
        assert first.entry.error is None
        assert first.entry.outcome in {"answered", "rejected"}
        assert has_shape(asked, first), first.response.text
        assert (first.status, first.response.content) == (again.status, again.response.content)
        assert first.response.headers == again.response.headers

    holds()


@pytest.mark.parametrize("asked", [asked for asked in ASKED if asked.path in BRIEF], ids=str)
def test_what_is_judged_or_counted_may_have_anything_wrong(asked: Asked) -> None:
    assert not defects(asked.family, asked.path, asked.content)

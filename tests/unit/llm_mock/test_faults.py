"""Every fault, in every family where it can be: what is sent, and what the journal says was given."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from lab.llm_mock.damage import retry_headers
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.fault import Fault
from lab.llm_mock.pace import due
from lab.llm_mock.quota import Limits, Quotas
from lab.llm_mock.rules.model import Reply, Rule, RuledCall, RuledFault, Rules
from lab.llm_mock.state import State

from .asking import Told

TEXT = "one two three four"
PIECES = ["one", " two", " three", " four"]


@dataclass(frozen=True)
class Way:
    """How a family is asked: paths of a whole answer and of a stream, and the request."""

    whole: str
    stream: str
    body: Mapping[str, Any]
    flag: bool = True

    def request(self, *, stream: bool) -> tuple[str, dict[str, Any]]:
        body = {**self.body, "stream": stream} if self.flag else dict(self.body)
        return (self.stream if stream else self.whole), body


def _messages(model: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


_AZURE = "/azure/openai/deployments/m/chat/completions?api-version=1"
_TURN = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
_GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
WAYS = {
    "openai": Way("/v1/chat/completions", "/v1/chat/completions", _messages()),
    "responses": Way("/v1/responses", "/v1/responses", {"model": "m", "input": "hi"}),
    "azure": Way(_AZURE, _AZURE, _messages()),
    "groq": Way("/groq/openai/v1/chat/completions", "/groq/openai/v1/chat/completions", _messages()),
    "mistral": Way("/mistral/v1/chat/completions", "/mistral/v1/chat/completions", _messages()),
    "anthropic": Way("/v1/messages", "/v1/messages", _messages(max_tokens=100)),
    "gemini": Way(
        "/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse", _GEMINI, flag=False
    ),
    "ollama": Way("/api/chat", "/api/chat", _messages()),
    "cohere": Way("/v2/chat", "/v2/chat", _messages()),
    "bedrock": Way("/model/m/converse", "/model/m/converse-stream", _TURN, flag=False),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def told(
    way: Way, *faults: Fault, stream: bool = False, calls: tuple[RuledCall, ...] = (), quotas: Limits | None = None
) -> Told:
    return asyncio.run(_told(way, faults, stream, calls, quotas))


async def _told(
    way: Way, faults: tuple[Fault, ...], stream: bool, calls: tuple[RuledCall, ...], limits: Limits | None
) -> Told:
    reply = Reply(None if calls else TEXT, calls, tuple(RuledFault(fault) for fault in faults))
    quotas = Quotas(limits, lambda: 0.0) if limits is not None else None
    state = State.new(rules=Rules((Rule("faulty", replies=(reply,)),)), quotas=quotas)
    transport = httpx.ASGITransport(data_plane(state))
    path, body = way.request(stream=stream)
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        response = await client.post(path, json=body)
    return Told(response, state.journal.after(0)[-1])


@each_way
def test_without_faults_the_text_of_a_stream_is_that_of_the_whole_answer(way: Way) -> None:
    assert TEXT in told(way).response.text
    streamed = told(way, stream=True)
    assert streamed.status == 200
    assert (streamed.entry.outcome, streamed.entry.faults) == ("answered", ())
    assert streamed.entry.pieces is not None
    assert streamed.entry.pieces >= len(PIECES)


@each_way
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_status_is_the_provider_s_error_with_when_to_come_back(way: Way, *, stream: bool) -> None:
    wanted = Fault("status", status=429, message="too fast", retry_after=1.2, retry_hint=False)
    answer = told(way, wanted, stream=stream)
    assert answer.status == 429
    assert "too fast" in json.dumps(answer.json())
    assert answer.response.headers["retry-after"] == "2"
    assert answer.response.headers["x-should-retry"] == "false"
    assert (answer.entry.status, answer.entry.outcome, answer.entry.faults) == (429, "faulted", ("status",))


@pytest.mark.parametrize(("name", "header"), [("openai", "x-ratelimit-remaining-requests"),
                                              ("anthropic", "anthropic-ratelimit-requests-remaining")])  # fmt: skip
def test_a_429_tells_the_quota_as_the_provider_does(name: str, header: str) -> None:
    assert told(WAYS[name], Fault("status", status=429)).response.headers[header] == "0"
    assert header not in told(WAYS[name], Fault("status", status=503)).response.headers


def test_when_to_come_back_has_three_forms() -> None:
    def headers(form: Any) -> dict[str, str]:
        return dict(retry_headers(Fault("status", retry_after=1.5, retry_after_form=form), lambda: 1_000_000.25))

    assert headers("seconds") == {"retry-after": "2"}
    assert headers("ms") == {"retry-after-ms": "1500"}
    assert parsedate_to_datetime(headers("date")["retry-after"]).timestamp() == 1_000_002


@each_way
def test_a_truncated_stream_is_a_beginning_and_ends_properly(way: Way) -> None:
    whole = told(way, stream=True).response.content
    cut = told(way, Fault("truncate", after=2), stream=True)
    assert whole.startswith(cut.response.content)
    assert len(cut.response.content) < len(whole)
    assert (cut.entry.outcome, cut.entry.pieces, cut.entry.faults) == ("faulted", 2, ("truncate",))
    late = told(way, Fault("truncate", after=1000), stream=True).response.content
    assert len(cut.response.content) < len(late) < len(whole)  # only what ends the protocol is missing


@each_way
def test_a_truncated_whole_answer_says_that_it_is_finished(way: Way) -> None:
    answer, right = told(way, Fault("truncate")), told(way)
    assert TEXT not in answer.response.text
    assert "one two" in answer.response.text
    assert answer.json().keys() == right.json().keys()
    assert (answer.status, answer.entry.faults) == (200, ("truncate",))


@each_way
def test_a_malformed_chunk_comes_between_right_ones(way: Way) -> None:
    whole = told(way, stream=True).response.content
    spoilt = told(way, Fault("malformed-chunk", after=1), stream=True)
    content = spoilt.response.content
    at = next(place for place in range(len(whole)) if whole[place] != content[place])
    extra = len(content) - len(whole)
    assert extra > 0
    assert any(content[:begin] + content[begin + extra :] == whole for begin in range(at + 1))
    assert (spoilt.entry.pieces, spoilt.entry.faults) == (told(way, stream=True).entry.pieces, ("malformed-chunk",))


@each_way
def test_an_error_within_a_stream_is_its_end(way: Way) -> None:
    whole = told(way, stream=True).response.content
    failed = told(way, Fault("stream-error", after=2, status=529, message="no more"), stream=True)
    assert failed.status == 200
    assert b"no more" in failed.response.content
    beginning = told(way, Fault("truncate", after=2), stream=True).response.content
    assert failed.response.content.startswith(beginning)
    assert whole.startswith(beginning)
    assert (failed.entry.outcome, failed.entry.faults) == ("faulted", ("stream-error",))


@each_way
def test_bodies_can_be_wrong_in_every_way(way: Way) -> None:
    right = told(way).response
    broken = told(way, Fault("malformed-json")).response
    assert right.content.startswith(broken.content)
    with pytest.raises(ValueError):  # noqa: PT011, any error of a JSON parser is one
        broken.json()
    html = told(way, Fault("wrong-content-type")).response
    assert (html.headers["content-type"], html.content) == ("text/html; charset=utf-8", right.content)
    for stream in (False, True):
        empty = told(way, Fault("empty-body"), stream=stream)
        assert (empty.status, empty.response.content) == (200, b"")
    huge = told(way, Fault("huge-body", size=200_000)).response
    assert len(huge.content) == 200_000
    assert huge.json() == right.json()
    assert len(told(way, Fault("huge-body", size=200_000), stream=True).response.content) > 200_000


@each_way
def test_calls_can_be_wrong(way: Way) -> None:
    calls = (RuledCall("look", '{"key": 1}'),)
    for stream in (False, True):
        unknown = told(way, Fault("unknown-tool"), stream=stream, calls=calls)
        assert b"look_unknown" in unknown.response.content
        bad = told(way, Fault("bad-arguments"), stream=stream, calls=calls)
        assert bad.status == 200
        assert bad.response.content != told(way, stream=stream, calls=calls).response.content
        assert [unknown.entry.faults, bad.entry.faults] == [("unknown-tool",), ("bad-arguments",)]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("bad-arguments"),
        Fault("unknown-tool"),
        Fault("malformed-chunk"),
        Fault("stream-error"),
        Fault("truncate", after=4),
    ],
    ids=lambda each: each.kind,
)
def test_what_cannot_be_given_is_not_counted_as_given(fault: Fault) -> None:
    answer = told(WAYS["openai"], fault)
    assert answer.response.content == told(WAYS["openai"]).response.content
    assert (answer.entry.outcome, answer.entry.faults) == ("answered", ())


def test_faults_of_one_answer_combine() -> None:
    gateway = told(WAYS["openai"], Fault("status", status=502), Fault("wrong-content-type"), Fault("empty-body"))
    assert (gateway.status, gateway.response.content) == (502, b"")
    assert gateway.response.headers["content-type"].startswith("text/html")
    assert gateway.entry.faults == ("status", "wrong-content-type", "empty-body")
    ended = told(WAYS["openai"], Fault("truncate", after=1), Fault("malformed-chunk", after=3), stream=True)
    assert ended.entry.faults == ("truncate",)  # the stream never came to the other
    both = told(WAYS["openai"], Fault("truncate", after=2), Fault("malformed-chunk", after=2), stream=True)
    assert both.entry.faults == ("malformed-chunk", "truncate")


def test_the_pace_is_the_same_each_time_and_within_its_jitter() -> None:
    fault = Fault("pace", rate=10.0, jitter=0.4)
    times = [seconds for seconds, _ in zip(due(fault, "a"), range(50), strict=False)]
    assert times == [seconds for seconds, _ in zip(due(fault, "a"), range(50), strict=False)]
    assert times != [seconds for seconds, _ in zip(due(fault, "b"), range(50), strict=False)]
    assert times == sorted(times)
    assert all(abs(seconds - index / 10) <= 0.04 + 1e-9 for index, seconds in enumerate(times))
    assert len({round(seconds - index / 10, 6) for index, seconds in enumerate(times)}) > 10


@each_way
def test_paces_stalls_and_slow_beginnings_change_no_byte(way: Way) -> None:
    slow = (Fault("pace", rate=10_000.0), Fault("stall", after=1, seconds=0.0), Fault("slow-first-token", seconds=0.0))
    for stream in (False, True):
        answer = told(way, *slow, stream=stream)
        assert answer.response.content == told(way, stream=stream).response.content
        assert sorted(answer.entry.faults) == ["pace", "slow-first-token", "stall"]


@each_way
def test_a_quota_is_told_and_kept(way: Way) -> None:
    granted = told(way, quotas=Limits(requests=3))
    assert granted.status == 200
    spent = told(way, quotas=Limits(tokens=1))
    assert spent.status == 429
    assert spent.response.headers["retry-after"] == "60"
    assert "Rate limit reached: 1 tokens are the most." in spent.response.text
    assert spent.entry.outcome == "rejected"
    if way in (WAYS["openai"], WAYS["responses"], WAYS["groq"]):
        assert granted.response.headers["x-ratelimit-remaining-requests"] == "2"


def signed(key: str) -> str:
    """A signature of AWS, which is not the same twice."""
    scope = f"Credential={key}/20260304/us-east-1/bedrock/aws4_request"
    return f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host;x-amz-date, Signature={secrets.token_hex(32)}"


@pytest.mark.parametrize("sent", [lambda key: f"Bearer {key}", signed], ids=["bearer", "signed"])
def test_each_key_has_a_quota_of_its_own_until_the_window_ends(sent: Callable[[str], str]) -> None:
    async def statuses() -> list[int]:
        now = [0.0]
        app = data_plane(State.new(quotas=Quotas(Limits(requests=2, seconds=10), lambda: now[0])))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mock") as client:

            async def asked(key: str) -> int:
                headers = {"authorization": sent(key)}
                return (await client.post("/v1/chat/completions", json=_messages(), headers=headers)).status_code

            told = [await asked(key) for key in ("a", "a", "a", "b")]
            now[0] = 10.0
            return [*told, await asked("a")]

    assert asyncio.run(statuses()) == [200, 200, 429, 200, 200]

"""What the control port answers, and to whom."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from lab.llm_mock.control_plane import control_plane
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.quota import Limits, Quotas
from lab.llm_mock.rules import matching
from lab.llm_mock.state import State

RULES = "schema: 1\nrules:\n  - {name: greet, match: {user: hello}, times: 1, reply: {text: Good morning}}\n"


@dataclass
class Mock:
    state: State
    data: httpx.AsyncClient
    control: httpx.AsyncClient

    async def say(self, text: str, model: str = "m") -> str:
        request = {"model": model, "messages": [{"role": "user", "content": text}]}
        told = (await self.data.post("/v1/chat/completions", json=request)).json()
        said: str = told["choices"][0]["message"]["content"]
        return said


@asynccontextmanager
async def running() -> AsyncIterator[Mock]:
    state = State.new()
    data, control = httpx.ASGITransport(data_plane(state)), httpx.ASGITransport(control_plane(state))
    async with (
        httpx.AsyncClient(transport=data, base_url="http://mock") as asking,
        httpx.AsyncClient(transport=control, base_url="http://llm-mock:8081") as ordering,
    ):
        yield Mock(state, asking, ordering)


def play(scene: Callable[[Mock], Awaitable[None]]) -> None:
    async def run() -> None:
        async with running() as mock:
            await scene(mock)

    asyncio.run(run())


def test_a_reset_gives_every_key_its_quota_again() -> None:
    async def scene() -> list[int]:
        state = State.new(quotas=Quotas(Limits(requests=1), lambda: 0.0))
        data, control = httpx.ASGITransport(data_plane(state)), httpx.ASGITransport(control_plane(state))
        async with (
            httpx.AsyncClient(transport=data, base_url="http://mock") as asking,
            httpx.AsyncClient(transport=control, base_url="http://llm-mock:8081") as ordering,
        ):
            request = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
            told = [(await asking.post("/v1/chat/completions", json=request)).status_code for _ in range(2)]
            (await ordering.post("/reset")).raise_for_status()
            return [*told, (await asking.post("/v1/chat/completions", json=request)).status_code]

    assert asyncio.run(scene()) == [200, 429, 200]


def test_rules_are_put_counted_and_reset() -> None:
    async def scene(mock: Mock) -> None:
        assert (await mock.control.get("/rules")).json()["rules"] == []
        told = (await mock.control.put("/rules", content=RULES)).json()
        assert told["unused"] == ["greet"]
        assert await mock.say("hello you") == "Good morning"
        assert await mock.say("hello you") != "Good morning"
        told = (await mock.control.get("/rules")).json()
        assert told["rules"] == [{"name": "greet", "line": 3, "matched": 2, "used": 1, "faults": {}}]
        assert (told["unused"], told["unmatched"], told["strict"]) == ([], 1, False)
        entries = (await mock.control.get("/journal")).json()["entries"]
        assert [entry["rule"] for entry in entries] == ["greet", None]
        assert entries[0]["text"] == "Good morning"
        await mock.control.post("/reset")
        assert await mock.say("hello") == "Good morning"
        await mock.control.post("/reset?rules=true")
        assert (await mock.control.get("/rules")).json()["rules"] == []
        assert (await mock.control.post("/reset?rules=yes")).status_code == 422

    play(scene)


def test_wrong_rules_change_nothing_and_every_problem_has_its_place() -> None:
    async def scene(mock: Mock) -> None:
        await mock.control.put("/rules", content=RULES)
        wrong = await mock.control.put("/rules", content=json.dumps({"schema": 1, "rulez": [], "seed": "x"}))
        assert wrong.status_code == 422
        assert [(each["line"], each["column"], each["message"]) for each in wrong.json()["detail"]] == [
            (1, 15, "the file has no 'rulez': did you mean 'rules'?"),
            (1, 36, "seed must be a whole number from 0"),
        ]
        assert (await mock.control.put("/rules", content=b"x" * 300_000)).status_code == 413
        assert await mock.say("hello") == "Good morning"

    play(scene)


def test_one_thing_is_verified_or_several() -> None:
    async def scene(mock: Mock) -> None:
        await mock.say("one", model="a")
        await mock.say("two", model="b")
        one: dict[str, Any] = {"matches": {"model": "a"}, "count": {"exactly": 1}}
        two: dict[str, Any] = {"matches": {"user": "three"}}
        told = await mock.control.post("/verify", json=one)
        assert (told.status_code, told.json()["ok"], told.json()["found"]) == (200, True, 1)
        both = (await mock.control.post("/verify", json=[one, two])).json()
        assert (both["ok"], [each["ok"] for each in both["results"]]) == (False, [True, False])
        assert both["results"][1]["closest"] == {"seq": 2, "differs": ["user"]}
        assert (await mock.control.post("/verify", json={"match": {}})).status_code == 422

    play(scene)


def test_the_gate_is_closed_opened_and_opens_by_itself() -> None:
    async def scene(mock: Mock) -> None:
        turned: list[bool] = []
        opened = asyncio.Event()

        async def switch(is_open: bool) -> None:
            turned.append(is_open)
            if is_open:
                opened.set()

        mock.state.gate.switch = switch
        put = mock.control.put
        assert (await put("/gate", json={"open": False})).json() == {"open": False}
        assert (await put("/gate", json={"open": False})).json() == (await mock.control.get("/gate")).json()
        assert (await put("/gate", json={"open": True})).json() == {"open": True}
        await put("/gate", json={"seconds": 3600})
        await put("/gate", json={"seconds": 0.01})
        opened.clear()
        await asyncio.wait_for(opened.wait(), 20)
        await put("/gate", json={"open": False})
        await mock.control.post("/reset")
        assert turned == [False, True, False, True, False, True]
        orders: list[Any] = [{}, {"open": 1}, {"open": False, "seconds": 1}, {"seconds": "1"}, {"seconds": -1}, [], "x"]
        for wrong in orders:
            assert (await put("/gate", json=wrong)).status_code == 422

    play(scene)


def test_orders_to_the_gate_are_carried_out_one_after_the_other() -> None:
    async def scene(mock: Mock) -> None:
        turning, is_open = 0, True

        async def switch(wanted: bool) -> None:
            nonlocal turning, is_open
            turning += 1
            assert turning == 1
            for _ in range(3):
                await asyncio.sleep(0)
            is_open = wanted
            turning -= 1

        mock.state.gate.switch = switch
        orders: list[dict[str, Any]] = [{"open": False}, {"seconds": 0.001}, {"open": True}, {"open": False}]
        for _ in range(5):
            told = await asyncio.gather(*(mock.control.put("/gate", json=order) for order in orders))
            assert {answer.status_code for answer in told} == {200}
            assert mock.state.gate.is_open is is_open
        await mock.control.post("/reset")
        assert (mock.state.gate.is_open, is_open) == (True, True)

    play(scene)


def test_a_gate_that_cannot_be_closed_properly_can_be_opened() -> None:
    async def scene(mock: Mock) -> None:
        turned: list[bool] = []

        async def switch(wanted: bool) -> None:
            turned.append(wanted)
            if not wanted:
                raise OSError("no port")

        mock.state.gate.switch = switch
        assert (await mock.control.put("/gate", json={"open": False})).status_code == 503
        assert (await mock.control.get("/gate")).json() == {"open": False}
        assert (await mock.control.put("/gate", json={"open": True})).json() == {"open": True}
        assert turned == [False, True]

    play(scene)


def test_what_a_family_remembers_is_forgotten_with_the_rest() -> None:
    async def scene(mock: Mock) -> None:
        asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "threads"}

        async def send(**thread: str) -> httpx.Response:
            return await mock.data.post("/v1/messages", json={**asked, "thread": thread}, headers=headers)

        first = (await send(type="create")).json()["id"]
        assert (await send(type="continue", previous_message_id=first)).status_code == 200
        await mock.control.post("/reset")
        assert (await send(type="continue", previous_message_id=first)).status_code == 404

    play(scene)


def test_an_expression_that_is_too_slow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(mock: Mock) -> None:
        slow = "(a|a)+$"
        await mock.say(f"{'a' * 60}!")
        told = await mock.control.post("/verify", json={"matches": {"user": {"matches": slow}}})
        assert told.status_code == 422
        assert slow in told.json()["detail"][0]["msg"]
        rules = {"schema": 1, "rules": [{"match": {"user": {"matches": slow}}}]}
        assert (await mock.control.put("/rules", json=rules)).status_code == 200
        request = {"model": "m", "messages": [{"role": "user", "content": f"{'a' * 60}!"}]}
        refused = await mock.data.post("/v1/chat/completions", json=request)
        assert refused.status_code == 500
        assert slow in refused.json()["error"]["message"]
        assert await mock.say("aaa")

    monkeypatch.setattr(matching, "SEARCH_SECONDS", 0.05)
    play(scene)


def test_an_order_that_the_mock_cannot_carry_out_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> httpx.Response:
        control = httpx.ASGITransport(control_plane(State.new()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=control, base_url="http://llm-mock:8081") as ordering:
            return await ordering.get("/journal.ndjson")

    def fails(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr("lab.llm_mock.journal.Journal.after", fails)
    told = asyncio.run(run())
    assert (told.status_code, told.json()) == (500, {"detail": "the mock itself failed: ZeroDivisionError"})
    assert "ZeroDivisionError" in caplog.text


def test_a_port_that_was_taken_meanwhile_is_told() -> None:
    async def scene(mock: Mock) -> None:
        async def switch(is_open: bool) -> None:
            if is_open:
                raise OSError("address in use")

        mock.state.gate.switch = switch
        await mock.control.put("/gate", json={"open": False})
        refused = await mock.control.put("/gate", json={"open": True})
        assert (refused.status_code, "address in use" in refused.json()["detail"]) == (503, True)
        assert (await mock.control.get("/gate")).json() == {"open": False}

    play(scene)


def test_counts_are_told_to_prometheus_and_the_page_escapes_what_clients_say() -> None:
    async def scene(mock: Mock) -> None:
        await mock.say("<script>alert(1)</script>")
        await mock.data.post(
            "/v1/chat/completions", content=b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}'
        )
        metrics = await mock.control.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'requests_total{provider="openai",endpoint="chat",status="200",outcome="answered"} 2' in metrics.text
        assert "llm_mock_journal_entries 2\n" in metrics.text
        page = await mock.control.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text

    play(scene)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8081"}, 200),
        ({"host": "[::1]:8081"}, 200),
        ({"host": "172.18.0.3"}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "LLM-Mock:8081"}, 200),
        ({"host": "mock.localhost"}, 200),
        ({"host": "127.0.0.1:8081", "origin": "http://127.0.0.1:8081"}, 200),
        ({"host": "127.0.0.1:8081", "sec-fetch-site": "none"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:8081"}, 403),
        ({"host": "evil.example."}, 403),
        ({"host": "[::1"}, 403),
        ({"host": "a@evil.example"}, 403),
        ({"host": "localhost", "origin": "http://evil.example"}, 403),
        ({"host": "localhost:8081", "origin": "http://localhost:3000"}, 403),
        ({"host": "localhost", "origin": "null"}, 403),
        ({"host": "localhost", "origin": "http://[::1"}, 403),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_only_neighbours_are_answered(headers: dict[str, str], status: int) -> None:
    async def scene(mock: Mock) -> None:
        for method, path in (("GET", "/journal"), ("POST", "/reset"), ("GET", "/nowhere")):
            response = await mock.control.request(method, path, headers=headers)
            assert (response.status_code == 403) is (status == 403)
            assert response.json()

    play(scene)

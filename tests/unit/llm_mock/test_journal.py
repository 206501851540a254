import json
import re
import socket
from typing import Any

import pytest

from lab.llm_mock.answer import Answer
from lab.llm_mock.decision import Decision
from lab.llm_mock.fault import Fault
from lab.llm_mock.journal import Journal
from lab.llm_mock.question import Question
from lab.llm_mock.wire.base import Received

from .running import DEADLINE, RunningMock, chat_request, running_mock


def test_an_answered_request_is_described(mock: RunningMock) -> None:
    before = mock.journal()["next"]
    tool = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "what is new?"}]
    headers = {"x-stainless-retry-count": "1", "user-agent": "tester", "x-other": "not told"}
    mock.chat(chat_request(messages=messages, tools=[tool], stream=True), headers=headers)
    [entry] = mock.entries()
    assert 0 < entry.pop("received") <= entry.pop("finished")
    assert len(entry.pop("digest")) == 64
    assert entry.pop("tokens")["output"] >= 1
    assert entry["pieces"] >= 1
    assert {name: entry["headers"].pop(name) for name in ("user-agent", "x-stainless-retry-count")} == {
        "user-agent": "tester",
        "x-stainless-retry-count": "1",
    }
    assert entry.pop("headers").keys() == {"accept", "content-type"}
    assert entry == {
        "seq": before + 1,
        "method": "POST",
        "path": "/v1/chat/completions",
        "provider": "openai",
        "endpoint": "chat",
        "model": "gpt-4o-mini",
        "stream": True,
        "messages": 2,
        "system": "be brief",
        "last_user": "what is new?",
        "texts": [{"role": "system", "text": "be brief"}, {"role": "user", "text": "what is new?"}],
        "tools": ["lookup"],
        "results": [],
        "turn": 1,
        "key": {"sent": False, "last4": None, "known": False},
        "rule": None,
        "faults": [],
        "text": None,
        "calls": [{"name": "lookup", "arguments": "{}"}],
        "pieces": entry["pieces"],
        "status": 200,
        "outcome": "answered",
        "error": None,
    }


def test_the_first_request_has_number_one(own_mock: RunningMock) -> None:
    assert own_mock.journal() == {"entries": [], "next": 0, "dropped": 0}
    own_mock.chat(chat_request())
    assert own_mock.entries()[0]["seq"] == 1


def test_only_what_is_new_is_read(mock: RunningMock) -> None:
    mock.chat(chat_request("old"))
    seen = mock.journal()["next"]
    assert mock.journal(after=seen)["entries"] == []
    mock.chat(chat_request("new"))
    assert [entry["last_user"] for entry in mock.journal(after=seen)["entries"]] == ["new"]


def test_the_lines_are_the_entries(mock: RunningMock) -> None:
    for text in ("one", "two"):
        mock.chat(chat_request(text))
    response = mock.control.get("/journal.ndjson")
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["last_user"] for line in lines] == ["one", "two"]
    assert lines == mock.entries()


def test_a_request_in_flight_is_known_before_its_answer(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": 2.0})
    before = mock.journal()["next"]
    answer = mock.start_chat(chat_request("slow"))
    entry = mock.next_entry(after=before)
    assert not answer.done()
    assert (entry["outcome"], entry["status"], entry["finished"]) == ("in-flight", None, None)
    assert answer.result(DEADLINE).status_code == 200
    [finished] = mock.entries()
    assert finished["seq"] == entry["seq"]
    assert (finished["outcome"], finished["status"]) == ("answered", 200)
    assert 2.0 <= finished["finished"] - finished["received"] < DEADLINE


def test_a_long_poll_wakes_when_a_request_arrives(mock: RunningMock) -> None:
    before = mock.journal()["next"]
    with mock.waiting_poll(after=before) as answer:
        mock.chat(chat_request("wake up"))
        page = answer()
    assert [entry["last_user"] for entry in page["entries"]] == ["wake up"]
    assert page["next"] == before + 1


def test_a_long_poll_ends_at_its_deadline(mock: RunningMock) -> None:
    response = mock.control.get("/journal", params={"after": mock.journal()["next"], "wait": 0.2})
    assert response.json()["entries"] == []
    assert 0.2 <= response.elapsed.total_seconds() < DEADLINE


def test_a_long_poll_waits_on_through_entries_it_has_seen(mock: RunningMock) -> None:
    mock.chat(chat_request("seen"))
    seen = mock.journal()["next"]
    with mock.waiting_poll(after=seen + 1) as answer:
        mock.chat(chat_request("not asked for"))
        mock.chat(chat_request("asked for"))
        assert [entry["last_user"] for entry in answer()["entries"]] == ["asked for"]


def test_a_client_that_goes_away_is_recorded(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": 3600})
    body = json.dumps(chat_request("bye")).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    before = mock.journal()["next"]
    with socket.create_connection(("127.0.0.1", mock.port)) as connection:
        connection.sendall(head + body)
        entry = mock.next_entry(after=before)
        assert entry["outcome"] == "in-flight"
    finished = mock.finished(entry["seq"])
    assert (finished["outcome"], finished["status"]) == ("client-disconnected", None)
    assert finished["finished"] >= finished["received"]


def test_a_request_that_never_became_whole_is_not_in_the_journal(mock: RunningMock) -> None:
    with socket.create_connection(("127.0.0.1", mock.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\ncontent-length: 9\r\n\r\n{")
    mock.chat(chat_request("whole"))
    assert [entry["last_user"] for entry in mock.entries()] == ["whole"]


def test_the_journal_is_bounded_and_counts_what_it_drops() -> None:
    with running_mock("--journal-limit", "3") as mock:
        for number in range(5):
            mock.chat(chat_request(f"request {number}"))
        page = mock.journal()
        assert [entry["seq"] for entry in page["entries"]] == [3, 4, 5]
        assert {entry["outcome"] for entry in page["entries"]} == {"answered"}
        assert (page["next"], page["dropped"]) == (5, 2)


def test_the_end_of_a_dropped_request_is_not_written_to_another() -> None:
    with running_mock("--journal-limit", "1") as mock:
        mock.control.put("/delay", json={"seconds": 0.5, "times": 2})
        first = mock.start_chat(chat_request("first"))
        mock.next_entry(after=0)
        mock.chat({"model": "m"})
        assert first.result(DEADLINE).status_code == 200
        assert [(entry["seq"], entry["status"]) for entry in mock.entries()] == [(2, 400)]


def test_texts_are_cut(mock: RunningMock) -> None:
    long = "x" * 5000
    mock.chat({"model": long, "messages": [{"role": "user", "content": long}] * 30})
    mock.data.get(f"/{long}")
    chat, unmatched = mock.entries()
    assert (chat["model"], chat["last_user"]) == (long[:200], long[:2000])
    assert (chat["messages"], len(chat["texts"])) == (30, 20)
    assert unmatched["path"] == "/" + long[:199]


def received(body: bytes = b"{}") -> Received:
    return Received("POST", "/v1/chat/completions", {}, {}, body)


def test_the_end_tells_which_faults_came_and_the_counts_go_on_through_a_reset() -> None:
    journal = Journal(lambda: 1.0)
    decision = Decision(Answer("0" * 64, "one two"), (Fault("pace"), Fault("disconnect")), "r")
    question = Question("openai", "chat", "m", "0" * 64, stream=True)
    first = journal.begin(received=received(), provider="openai", question=question, decision=decision)
    journal.begin(received=received(), provider="openai", question=question, decision=decision)
    assert journal.after(0)[0].faults == ("pace", "disconnect")
    assert "llm_mock_streams_open 2\n" in journal.metrics.written(entries=2, dropped=0)
    for _ in range(2):
        journal.finish(first, status=200, outcome="faulted", pieces=1, faults=("disconnect",))
    [entry, _] = journal.after(0)
    assert (entry.faults, entry.pieces, entry.rule, entry.text) == (("disconnect",), 1, "r", "one two")
    assert journal.after(first)[0].text == "one two"
    journal.finish(first + 1, status=429, outcome="faulted", faults=())
    [refused] = journal.after(first)
    assert (refused.text, refused.calls, refused.tokens) == (None, (), None)
    journal.begin(received=received(), provider="openai", question=question)
    journal.reset()
    written = journal.metrics.written(entries=0, dropped=0)
    label = 'provider="openai",endpoint="chat",status="200",outcome="faulted"'
    assert f"llm_mock_requests_total{{{label}}} 1\n" in written
    assert 'llm_mock_faults_total{kind="disconnect"} 1\n' in written
    assert "pace" not in written
    assert "llm_mock_in_flight 1\n" in written


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer sk-live-abcdef123456", {"sent": True, "last4": None, "known": False}),
        ("Bearer sk-mock-abcdef123456", {"sent": True, "last4": "3456", "known": True}),
        ("sk-mock-without-scheme", {"sent": True, "last4": "heme", "known": True}),
        ("Basic dXNlcjpwYXNzd29yZA==", {"sent": True, "last4": None, "known": False}),
        ("", {"sent": False, "last4": None, "known": False}),
    ],
)
def test_a_key_is_never_in_the_journal(mock: RunningMock, header: str, key: dict[str, Any]) -> None:
    secret = header.rpartition(" ")[2]
    headers = {"authorization": header}
    mock.chat(chat_request(f"my key is {secret}, keep it", model=f"m-{secret}"), headers=headers)
    mock.data.get(f"/v1/{secret}", headers=headers)
    entries = mock.entries()
    assert [entry["key"] for entry in entries] == [key, key]
    written = mock.control.get("/journal").text + mock.control.get("/journal.ndjson").text
    if secret:
        assert secret not in written
        assert entries[0]["last_user"] == "my key is [redacted], keep it"
    assert re.search("keep it", written)


def test_a_reset_forgets_but_numbers_go_on(mock: RunningMock) -> None:
    mock.chat(chat_request())
    before = mock.journal()["next"]
    assert mock.control.post("/reset").status_code == 200
    assert mock.journal() == {"entries": [], "next": before, "dropped": 0}
    mock.chat(chat_request())
    assert [entry["seq"] for entry in mock.entries()] == [before + 1]


def test_a_request_in_flight_at_a_reset_stays_forgotten(mock: RunningMock) -> None:
    mock.control.put("/delay", json={"seconds": 0.5, "times": 1})
    before = mock.journal()["next"]
    answer = mock.start_chat(chat_request("slow"))
    mock.next_entry(after=before)
    mock.control.post("/reset")
    mock.chat(chat_request("later"))
    assert answer.result(DEADLINE).status_code == 200
    assert [entry["last_user"] for entry in mock.entries()] == ["later"]


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "-1"}, {"after": "1.5"}, {"wait": "601"}, {"wait": "nan"}])
def test_a_wrong_query_is_named(mock: RunningMock, query: dict[str, str]) -> None:
    response = mock.control.get("/journal", params=query)
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", *query]

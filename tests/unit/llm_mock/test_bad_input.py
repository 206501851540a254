"""Requests that nobody should send: each is answered as the provider would, and none ends the mock."""

import gzip
import json
import socket
import zlib
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.llm_mock import mind
from lab.llm_mock.answer import COUNTED, tokens
from lab.llm_mock.families import known
from lab.llm_mock.reply import BODY_LIMIT
from lab.llm_mock.wire.base import Streamed

from .asking import Told, ask
from .running import DEADLINE, RunningMock, chat_request

CHAT = "/v1/chat/completions"
BODY = json.dumps(chat_request()).encode()
FAMILIES = {
    "openai": "/v1/nowhere",
    "azure": "/azure/openai/nowhere",
    "groq": "/groq/openai/v1/nowhere",
    "mistral": "/mistral/v1/nowhere",
    "anthropic": "/anthropic/v1/nowhere",
    "bedrock": "/model/m/nowhere",
    "gemini": "/v1beta/nowhere",
    "ollama": "/api/nowhere",
    "cohere": "/v2/nowhere",
}


def encoded(body: bytes, encoding: str) -> Told:
    return ask("POST", CHAT, body, {"content-type": "application/json", "content-encoding": encoding})


@pytest.mark.parametrize("path", FAMILIES.values(), ids=FAMILIES.keys())
def test_an_unknown_path_is_an_error_in_the_provider_s_shape(path: str) -> None:
    answer = ask("POST", path, chat_request())
    assert (answer.status, answer.entry.outcome) == (404, "unmatched")
    assert isinstance(answer.json(), dict)


def test_a_wrong_method_is_told_the_right_ones() -> None:
    for method in ("GET", "PUT", "OPTIONS", "BREW"):
        answer = ask(method, CHAT)
        assert (answer.status, answer.response.headers["allow"]) == (405, "POST")
        assert answer.json()["error"]["code"] == "method_not_supported"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), " X-GZIP"),
        (zlib.compress(BODY), "deflate"),
        (zlib.compress(BODY, wbits=-15), "deflate"),
        (BODY, "identity"),
        (BODY, ""),
    ],
    ids=["gzip", "x-gzip", "deflate", "bare deflate", "identity", "none"],
)
def test_a_packed_body_is_unpacked(body: bytes, encoding: str) -> None:
    assert encoded(body, encoding).json() == ask("POST", CHAT, BODY).json()


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (BODY, "gzip", 400),
        (gzip.compress(BODY)[:-9], "gzip", 400),
        (b"", "gzip", 400),
        (BODY, "deflate", 400),
        (BODY, "br", 415),
        (gzip.compress(gzip.compress(BODY)), "gzip, gzip", 415),
        (gzip.compress(b" " * BODY_LIMIT + BODY), "gzip", 413),
    ],
    ids=["no gzip", "half", "empty", "no deflate", "brotli", "twice", "bomb"],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body: bytes, encoding: str, status: int) -> None:
    answer = encoded(body, encoding)
    assert (answer.status, answer.entry.outcome, answer.entry.error) == (status, "rejected", None)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BODY.decode().encode("utf-16"), 200),  # JSON tells its own encoding
        ('{"model": "m", "messages": [{"role": "user", "content": "größer"}]}'.encode("latin-1"), 400),
        (b"\xef\xbb\xbf" + BODY, 200),
        (b"", 400),
        (b"\x00" * 100, 400),
        (b"9" * 5000, 400),
        (b'{"a":' * 100_000, 400),
        (b"null", 400),
    ],
    ids=["utf-16", "latin-1", "mark", "nothing", "zeros", "long number", "deep", "null"],
)
def test_a_body_in_any_encoding_is_read_or_refused(body: bytes, status: int) -> None:
    answer = ask("POST", CHAT, body, {"content-type": "application/json; charset=nonsense"})
    assert (answer.status, answer.entry.error) == (status, None)


def test_odd_heads_are_no_matter() -> None:
    odd: Any = {"authorization": b"", "anthropic-version": b"\x80\xff", "x-goog-api-key": b" ", "content-type": b";;;="}
    for query in ("?", "?&&=&a", "?key=%ff%00", "?" + "a=1&" * 1000):
        answer = ask("POST", CHAT + query, BODY, odd)
        assert answer.status < 500
        assert answer.entry.error is None


def test_a_defect_of_the_mock_is_a_server_error_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_question: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(mind, "answer", fails)
    answer = ask("POST", CHAT, BODY)
    assert answer.status == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert (answer.entry.outcome, answer.entry.status, answer.entry.error) == ("rejected", 500, "ZeroDivisionError")


def test_a_defect_in_writing_a_stream_comes_before_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    def frames() -> Any:
        yield from ()
        raise ZeroDivisionError

    endpoints = known("openai").finder._fixed[CHAT]
    broken = replace(endpoints["POST"], stream=lambda _question, _answer: Streamed(frames()))
    monkeypatch.setitem(endpoints, "POST", broken)
    answer = ask("POST", CHAT, {**chat_request(), "stream": True})
    assert (answer.status, answer.entry.error) == (500, "ZeroDivisionError")


def test_a_body_of_a_hundred_megabytes_is_refused_and_not_kept(mock: RunningMock) -> None:
    size, part = 100 * 1024 * 1024, b" " * 1024 * 1024
    head = f"POST {CHAT} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", mock.port), timeout=DEADLINE) as client:
        client.sendall(head)
        for _ in range(100):
            client.sendall(part)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"request_too_large"' in answer
    resident = Path(f"/proc/{mock.process.pid}/status").read_text("utf8").split("VmHWM:")[1].split()[0]
    assert int(resident) < 150 * 1024


def test_a_head_has_no_body(mock: RunningMock) -> None:
    answer = mock.data.head("/v1/models")
    assert (answer.status_code, answer.content) == (200, b"")
    assert mock.data.head(CHAT).status_code == 405
    assert mock.chat(chat_request()).status_code == 200


def test_many_long_bodies_at_once_are_refused_where_there_is_no_room_for_them(mock: RunningMock) -> None:
    """A body that has arrived up to its last byte is held; of twelve such there is room for six."""
    size = BODY_LIMIT - 1
    head = f"POST {CHAT} HTTP/1.1\r\nhost: mock\r\ncontent-length: {size}\r\n\r\n".encode()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", mock.port), timeout=DEADLINE)) for _ in range(12)
        ]
        for client in clients:
            client.sendall(head + b" " * (size - 1))
        answers = []
        for client in clients:
            client.sendall(b" ")
            answers.append(client.recv(65536))
    heads = [answer.split(b"\r\n", 1)[0].split()[1] for answer in answers]
    assert sorted(heads) == [b"400"] * 6 + [b"503"] * 6
    assert all(b'"error":' in answer for answer in answers)
    assert httpx.post(f"http://127.0.0.1:{mock.port}{CHAT}", content=BODY).status_code == 200


def test_the_tokens_of_a_long_text_are_estimated() -> None:
    text = "one " * COUNTED
    assert tokens(text) == pytest.approx(COUNTED, rel=0.001)
    assert tokens("one two") == 2
    assert tokens(" " * 2 * COUNTED) == 2

"""A key appears nowhere in the journal, however it was sent and however it is spelled."""

import asyncio
import base64
import json
import re
from dataclasses import asdict
from urllib.parse import quote

import httpx
import pytest

from lab.llm_mock.answer import Answer
from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.decision import Decision
from lab.llm_mock.journal import Journal
from lab.llm_mock.keys import Key, key, own_keys, secrets
from lab.llm_mock.question import Question, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.redaction import WINDOW, Redactor
from lab.llm_mock.state import State
from lab.llm_mock.wire.base import Received

SECRET = "sk-live/Zß+7\"q=9'kd83hf02"
LONG = "eyJhbGciOi" + "aB3-_" * 100


def request(headers: dict[str, str] | None = None, query: dict[str, str] | None = None, body: bytes = b"") -> Received:
    return Received("POST", "/v1/chat/completions", query or {}, headers or {}, body)


SPELLINGS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "percent in lower case": re.sub("%..", lambda found: found[0].lower(), quote(SECRET, safe="")),
    "all percent": "".join(f"%{byte:02x}" for byte in SECRET.encode()),
    "percent twice": quote(quote(SECRET, safe=""), safe=""),
    "json": json.dumps(SECRET)[1:-1],
    "json twice": json.dumps(json.dumps(SECRET))[1:-1],
    "all escaped": "".join(f"\\u{ord(letter):04X}" for letter in SECRET),
    "python": "".join(f"\\x{ord(letter):02x}" for letter in SECRET),
    "html": "".join(f"&#{ord(letter)};" for letter in SECRET),
    "html in hexadecimal": "".join(f"&#x{ord(letter):x};" for letter in SECRET),
    "utf-16": SECRET.encode("utf-16-le").decode("latin-1"),
    "big-endian utf-16": SECRET.encode("utf-16-be").decode("latin-1"),
    "hexadecimal": SECRET.encode().hex(),
    **{f"base64 after {n}": base64.b64encode(b"x" * n + SECRET.encode() + b"y" * n).decode() for n in range(4)},
    "base64 for urls": base64.urlsafe_b64encode(b"x" + SECRET.encode()).decode(),
    "base64 of utf-16": base64.b64encode(SECRET.encode("utf-16-le")).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_is_found_in_every_spelling(spelling: str) -> None:
    redactor = Redactor()
    redactor.learn([SECRET])
    kept = redactor.text(f"before {SPELLINGS[spelling]} after", 2000)
    assert kept.startswith("before ")
    assert kept.endswith(" after")
    assert "[redacted]" in kept
    middle = kept.removeprefix("before ").removesuffix(" after")
    assert len(middle.replace("[redacted]", "")) < 10  # what of base64 belongs to the neighbours


def test_a_long_key_is_taken_out_whole() -> None:
    redactor = Redactor()
    redactor.learn([LONG])
    encoded = base64.b64encode(LONG.encode()).decode()
    assert redactor.text(f"a {LONG} b {encoded} c", 2000) == "a [redacted] b [redacted] c"


def test_a_key_across_the_end_of_what_is_looked_at_is_not_told_by_half() -> None:
    redactor = Redactor()
    redactor.learn([SECRET])
    for limit in (50, 2000, WINDOW):
        for before in range(limit - 30, limit + 10, 7):
            assert "live" not in redactor.text("x" * before + SECRET * 3 + "y" * 10_000, limit)
    assert "live" not in redactor.text(SECRET * 20_000, 2000)
    assert redactor.text("z" * 5000, 300) == "z" * 300


def test_keys_that_have_a_form_are_found_without_a_header() -> None:
    redactor = Redactor()
    text = "sk-proj-abcdefghijklmnopqrst AIzaSyA0123456789012345678901234567890 AKIAIOSFODNN7EXAMPLE done"
    assert redactor.text(text, 200) == "[redacted] [redacted] [redacted] done"
    assert redactor.text("a short sk-1 and sk-mock-abcdefghijklmnopqrst", 200).endswith("sk-mock-abcdefghijklmnopqrst")


AWS = ("AWS4-HMAC-SHA256 Credential=AKIAXXXXYYYYZZZZ1234/20261101/eu/bedrock/aws4_request, SignedHeaders=host;x-date, "
       "Signature=0123456789abcdef0123456789abcdef")  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "query", "told", "hidden"),
    [
        ({}, {}, Key(sent=False), []),
        ({"authorization": " "}, {}, Key(sent=False), []),
        ({"authorization": "Bearer sk-live-12345678"}, {}, Key(sent=True), ["sk-live-12345678"]),
        ({"authorization": "bearer sk-mock-abcdefgh"}, {}, Key(sent=True, last4="efgh", known=True),
         ["sk-mock-abcdefgh"]),
        ({"authorization": "Token token=hunter22"}, {}, Key(sent=True), ["token=hunter22"]),
        ({"authorization": "sk-naked-12345678"}, {}, Key(sent=True), ["sk-naked-12345678"]),
        ({"authorization": "Basic dXNlcm5hbWU6cGFzc3dvcmQ="}, {}, Key(sent=True), ["password", "username"]),
        ({"authorization": "Bearer one-12345678, Bearer two-12345678"}, {}, Key(sent=True),
         ["one-12345678", "two-12345678"]),
        ({"authorization": f"Bearer one-12345678, {AWS}, Bearer two-12345678"}, {}, Key(sent=True),
         ["one-12345678", "two-12345678", "AKIAXXXXYYYYZZZZ1234", "0123456789abcdef0123456789abcdef"]),
        ({}, {"key": "one-12345678,two-12345678", "KEY": "three-12345678"}, Key(sent=True),
         ["one-12345678", "two-12345678", "three-12345678"]),
        ({"authorization": AWS}, {}, Key(sent=True), ["AKIAXXXXYYYYZZZZ1234", "0123456789abcdef0123456789abcdef"]),
        ({"x-api-key": "sk-mock-aaaa1111", "api-key": "real-key-22222222"}, {}, Key(sent=True, last4="1111"),
         ["sk-mock-aaaa1111", "real-key-22222222"]),
        ({"x-goog-api-key": "AIzaGoogle"}, {"key": "AIzaQuery"}, Key(sent=True), ["AIzaGoogle", "AIzaQuery"]),
        ({}, {"X-Amz-Credential": "AKIAXXXXYYYYZZZZ1234/2026/eu", "X-Amz-Signature": "f" * 32}, Key(sent=True),
         ["AKIAXXXXYYYYZZZZ1234", "f" * 32]),
        ({"x-amz-security-token": LONG}, {}, Key(sent=True), [LONG]),
    ],
)  # fmt: skip
def test_every_way_to_send_a_key_is_known(
    headers: dict[str, str], query: dict[str, str], told: Key, hidden: list[str]
) -> None:
    asked = request(headers, query)
    assert key(asked) == told
    assert set(hidden) <= set(secrets(asked))
    assert all(each.startswith("sk-mock") for each in own_keys(asked))


def test_a_key_is_in_no_field_of_an_entry() -> None:
    secret = "qx-0123456789-live"
    spelled = f"{secret} {quote(secret)} {base64.b64encode(secret.encode()).decode()}"
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    journal = Journal(lambda: 0.0)
    asked = Received(
        "POST",
        f"/v1/{secret}",
        {"key": secret},
        {"authorization": f"Bearer {secret}", "user-agent": spelled, "x-request-id": secret, secret: secret},
        f'{{"user": "{escaped}", "{escaped}": ["{spelled}"]}}'.encode(),
    )
    question = Question(
        "openai", "chat", spelled, "0" * 64,
        turns=(
            Turn("system", spelled),
            Turn("assistant", spelled, calls=(ToolCall("1", spelled, spelled),)),
            Turn("tool", results=(ToolResult("1", spelled),)),
            Turn("user", spelled),
        ),
        tools=(Tool(spelled),),
    )  # fmt: skip
    journal.begin(
        received=asked, provider="openai", question=question, decision=Decision(Answer("0" * 64, spelled)),
    )  # fmt: skip
    [kept] = journal.records()
    written = json.dumps([asdict(kept.entry), asdict(kept.subject), (kept.body or b"").decode()])
    assert secret not in written
    assert base64.b64encode(secret.encode()).decode()[:-3] not in written
    assert kept.entry.texts[0].text == "[redacted] [redacted] [redacted]"
    assert kept.body == b'{"user":"[redacted]","[redacted]":["[redacted] [redacted] [redacted]"]}'
    journal.begin(received=request(body=b"{}"), provider="openai", path=f"/again/{secret}")
    assert journal.after(1)[0].path == "/again/[redacted]"


def test_of_two_keys_in_one_place_none_is_told() -> None:
    async def entry() -> str:
        state = State.new()
        headers = [("authorization", "Bearer first-key-12345"), ("authorization", "Bearer second-key-12345"),
                   ("user-agent", "by first-key-12345"), ("user-agent", "and second-key-12345")]  # fmt: skip
        said = "first-key-12345 second-key-12345 third-key-12345 fourth-key-12345"
        body = {"model": "m", "messages": [{"role": "user", "content": said}]}
        transport = httpx.ASGITransport(data_plane(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
            path = "/openai/v1/chat/completions?key=third-key-12345&key=fourth-key-12345"
            assert (await client.post(path, json=body, headers=headers)).status_code == 200
        [told] = state.journal.after(0)
        assert told.headers["user-agent"] == "by [redacted], and [redacted]"
        return json.dumps(asdict(told))

    assert "-key-12345" not in asyncio.run(entry())

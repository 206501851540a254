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
from lab.llm_mock.question import Question, Tool, ToolCall, ToolResult, Turn
from lab.llm_mock.redaction import REMEMBERED, WINDOW, Redactor
from lab.llm_mock.state import State
from lab.llm_mock.wire.base import Received

SECRET = "sk-live/Zß+7\"q=9'kd83hf02"
FORMLESS = "Zq8vN2mXc7RtYp4LsWd1KhGf6JbUa3Eo"
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


@pytest.mark.parametrize(
    "key",
    [
        "xai-abcdefghijklmnopqrstuvwxyz0123456789",
        "hf_abcdefghijklmnopqrstuvwxyz012345",
        "pplx-abcdefghijklmnopqrstuvwxyz",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AQ.Ab8RN6abcdefghijklmnopqrstuvwxyz",
        "ABSKQmVkcm9ja0FQSUtleS1hYmNkZWZnaGlqa2xtbm9w",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop",
        "sk-proj-abcdefghijklmnopqrstuvwx",
    ],
)
def test_a_key_with_a_form_is_found_after_an_underscore_and_escaped(key: str) -> None:
    redactor = Redactor()
    assert redactor.text(f"t {key}, key_{key} {quote(key.replace('-', '%2D'))} end", 999) == (
        "t [redacted], key_[redacted] [redacted] end"
    )


@pytest.mark.parametrize(
    "text",
    ["key_sk-mock-abcdefghijklmnopqrstuvwx", "a task-force-of-twenty-people-and-more", "eyJhbGciOiJIUzI1NiJ9 alone",
     "half_abcdefghijklmnopqrstuvwxyz", "FAQ.abcdefghijklmnopqrstuvwxyz"],
)  # fmt: skip
def test_what_is_no_key_of_a_known_form_is_told(text: str) -> None:
    assert Redactor().text(text, 999) == text


@pytest.mark.parametrize("text", ["-eyJabcdefgh" * 20_000, "%25" * 80_000, "\\" * 200_000, "&#0" * 80_000])
@pytest.mark.timeout(60)
def test_no_text_is_looked_through_again_from_each_of_its_places(text: str) -> None:
    redactor = Redactor()
    redactor.learn([FORMLESS])
    assert redactor.text(text + FORMLESS, len(text) + len(FORMLESS)).endswith("[redacted]")


AWS = ("AWS4-HMAC-SHA256 Credential=AKIAXXXXYYYYZZZZ1234/20261101/eu/bedrock/aws4_request, SignedHeaders=host;x-date, "
       "Signature={:032x}")  # fmt: skip


@pytest.mark.parametrize("name", ["cookie", "x-portkey-api-key", "xi-api-key", "x-functions-key", "x-session-token"])
def test_a_secret_under_another_name_is_in_no_text_and_no_header(name: str) -> None:
    journal = Journal(lambda: 0.0)
    journal.begin(received=request({name: f"a={FORMLESS}"}, body=f'{{"x": "a={FORMLESS}"}}'.encode()), provider="p")
    [kept] = journal.records()
    assert kept.body == b'{"x":"[redacted]"}'
    assert name not in kept.subject.headers


def aws(number: int) -> dict[str, str]:
    return {"authorization": AWS.format(number)}


def test_a_key_is_remembered_through_many_requests_with_others() -> None:
    journal = Journal(lambda: 0.0)
    journal.begin(received=request({"authorization": f"Bearer {FORMLESS}"}), provider="openai")
    for number in range(300):
        journal.begin(received=request({**aws(number), "cookie": f"session=s{number:09}"}), provider="bedrock")
    for number in range(200):
        journal.begin(received=request({"authorization": f"Bearer other-{number:09}"}), provider="openai")
    journal.begin(received=request(body=f'{{"x": "{FORMLESS}"}}'.encode()), provider="openai")
    assert journal.records()[-1].body == b'{"x":"[redacted]"}'


def test_only_so_many_keys_are_remembered() -> None:
    redactor = Redactor()
    for number in range(REMEMBERED + 1):
        redactor.learn([f"other-{number:09}"])
    assert redactor.text("other-000000000 other-000000001", 99) == "other-000000000 [redacted]"
    redactor.learn(["other-000000001"])
    redactor.learn(["one-more-12345678"])
    assert redactor.text("other-000000001 other-000000002", 99) == "[redacted] other-000000002"


def test_of_many_keys_of_one_request_none_is_told() -> None:
    redactor = Redactor()
    many = [f"{number:02}-key-12345" for number in range(40)]
    redactor.learn(many)
    assert redactor.text(" ".join(many), 9999) == " ".join(["[redacted]"] * 40)


def test_a_key_is_taken_out_of_the_text_of_an_earlier_request_that_nobody_has_read() -> None:
    journal = Journal(lambda: 0.0)
    journal.begin(received=request(body=f'{{"x": "{FORMLESS}"}}'.encode()), provider="openai")
    journal.begin(received=request({"authorization": f"Bearer {FORMLESS}"}), provider="openai")
    assert journal.records()[0].body == b'{"x":"[redacted]"}'


def test_signatures_which_are_good_once_are_not_looked_for() -> None:
    journal = Journal(lambda: 0.0)
    for number in range(100):
        journal.begin(received=request(aws(number)), provider="bedrock", path="/model/m%3A0/converse")
    journal.records()
    assert list(journal._redactor._lasting._known) == ["AKIAXXXXYYYYZZZZ1234"]
    assert not journal._redactor._passing._known


def test_a_text_full_of_escapes_is_read_once_and_not_for_each_key() -> None:
    redactor = Redactor()
    redactor.learn([FORMLESS, *(f"other-{number:09}" for number in range(50))])
    text = "%41\\u0041&#65;" * 10_000 + quote(quote(SECRET)) + "%5A" + FORMLESS[1:]
    assert redactor.text(text, WINDOW).endswith("[redacted]")


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

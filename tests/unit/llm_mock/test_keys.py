"""Which keys a request carries is known, whatever way they are sent."""

import pytest

from lab.llm_mock.keys import Key, carries, key, own_keys, passing, secrets
from lab.llm_mock.wire.base import Received

LONG = "eyJhbGciOi" + "aB3-_" * 100


def request(headers: dict[str, str] | None = None, query: dict[str, str] | None = None) -> Received:
    return Received("POST", "/v1/chat/completions", query or {}, headers or {}, b"")


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
         ["one-12345678", "two-12345678", "AKIAXXXXYYYYZZZZ1234"]),
        ({}, {"key": "one-12345678,two-12345678", "KEY": "three-12345678"}, Key(sent=True),
         ["one-12345678", "two-12345678", "three-12345678"]),
        ({"authorization": AWS}, {}, Key(sent=True), ["AKIAXXXXYYYYZZZZ1234"]),
        ({"authorization": "AWS4-HMAC-SHA256 of-no-known-form"}, {}, Key(sent=True), ["of-no-known-form"]),
        ({"x-api-key": "sk-mock-aaaa1111", "api-key": "real-key-22222222"}, {}, Key(sent=True, last4="1111"),
         ["sk-mock-aaaa1111", "real-key-22222222"]),
        ({"x-goog-api-key": "AIzaGoogle"}, {"key": "AIzaQuery"}, Key(sent=True), ["AIzaGoogle", "AIzaQuery"]),
        ({}, {"X-Amz-Credential": "AKIAXXXXYYYYZZZZ1234/2026/eu", "X-Amz-Signature": "f" * 32}, Key(sent=True),
         ["AKIAXXXXYYYYZZZZ1234"]),
        ({"x-amz-security-token": LONG}, {}, Key(sent=True), [LONG]),
        ({"x-portkey-api-key": "pk-12345678"}, {}, Key(sent=True), ["pk-12345678"]),
        ({"xi-api-key": "xi-12345678"}, {}, Key(sent=True), ["xi-12345678"]),
        ({"x-functions-key": "fn-12345678"}, {}, Key(sent=True), ["fn-12345678"]),
        ({"helicone-auth": "Bearer hc-12345678"}, {}, Key(sent=True), ["hc-12345678"]),
        ({}, {"subscription-key": "sub-12345678", "apiKey": "api-12345678"}, Key(sent=True),
         ["sub-12345678", "api-12345678"]),
        ({"cookie": "session=abcdefgh12345678"}, {}, Key(sent=False), []),
    ],
)  # fmt: skip
def test_every_way_to_send_a_key_is_known(
    headers: dict[str, str], query: dict[str, str], told: Key, hidden: list[str]
) -> None:
    asked = request(headers, query)
    assert key(asked) == told
    assert set(hidden) <= set(secrets(asked))
    assert all(each.startswith("sk-mock") for each in own_keys(asked))


def test_a_signature_is_not_learned_for_it_is_good_once() -> None:
    asked = request({"authorization": AWS}, {"X-Amz-Signature": "f" * 32})
    assert secrets(asked) == ("AKIAXXXXYYYYZZZZ1234",)
    assert passing(asked) == ()


def test_what_is_secret_and_no_key_is_known_by_its_name() -> None:
    asked = request(
        {"cookie": 'session=abcdefgh12345678; theme="dark-mode"', "x-csrf-token": "csrf-12345678"},
        {"clientSecret": "cs-12345678", "X-Signature": "sig-12345678", "model": "not-a-secret"},
    )
    assert {"abcdefgh12345678", "dark-mode", "csrf-12345678", "cs-12345678", "sig-12345678"} <= set(passing(asked))
    assert "not-a-secret" not in passing(asked)


@pytest.mark.parametrize(
    "name",
    ["idempotency-key", "x-stainless-retry-count", "x-stainless-auth", "max-tokens", "x-max-tokens", "x-token-count",
     "sec-websocket-key", "pageToken", "authority", "x-author", "keywords", "traceparent", "x-goog-api-client",
     "anthropic-version", "user-agent", "cf-aig-cache-key"],
)  # fmt: skip
def test_what_an_sdk_sends_of_its_own_accord_is_told(name: str) -> None:
    assert carries(name) is None
    assert secrets(request({name: "value-12345678"})) == passing(request({}, {name: "value-12345678"})) == ()

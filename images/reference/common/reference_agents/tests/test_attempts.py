"""A failure that may pass is tried again, as often and as late as promised; what cannot be read is no answer."""

import logging
from datetime import timedelta
from email.utils import format_datetime

import pytest
from fastapi.testclient import TestClient

from reference_agents.clock import now
from reference_agents.llm.attempts import retry_after
from reference_agents.llm.conversation import Reply
from reference_agents.tests.scripted import DONE, SomeError, run, waiting


def later(seconds: float) -> str:
    """Write a date so many seconds from now."""
    return format_datetime(now() + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("error", [*map(SomeError, (408, 409, 429, 500, 503, 529)), ConnectionResetError("reset")])
def test_what_may_pass_is_tried_twice_more(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with waiting(monkeypatch) as waited:
        answer, provider = run(client, [error, error, DONE])
        assert (answer["success"], answer["message"], len(provider.asked)) == (True, "all is well", 3)
        answer, provider = run(client, [error])
        assert (answer["success"], len(provider.asked)) == (False, 3)
        assert "the last of 3 attempts" in answer["message"]
    assert waited == [0.25, 0.5] * 2


@pytest.mark.parametrize(
    "error",
    [*map(SomeError, (400, 401, 403, 404, 422)), TimeoutError("read"), ValueError("no JSON"), KeyError("choices")],
)
def test_what_will_not_pass_is_tried_once(client: TestClient, error: Exception) -> None:
    answer, provider = run(client, [error, DONE])
    assert (answer["success"], len(provider.asked)) == (False, 1)


def test_a_provider_is_given_the_time_that_it_asks_for_unless_that_is_too_long(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting(monkeypatch) as waited:
        asked = [SomeError(429, {"Retry-After": "7"}), SomeError(503, {"retry-after-ms": "1500"}), DONE]
        assert run(client, asked)[0]["success"]
        answer, provider = run(client, [SomeError(429, {"retry-after": "21"}), DONE])
    assert waited == [7, 1.5]
    assert len(provider.asked) == 1
    assert "asks to wait 21 s, longer than 20 s" in answer["message"]


def test_a_time_to_wait_is_read_in_each_form_and_nonsense_is_none() -> None:
    assert 8 < retry_after({"retry-after": later(10)}) <= 10
    assert retry_after({"retry-after": later(-10)}) == 0
    assert [retry_after({"retry-after": text}) for text in ("soon", "-3", "nan", "inf", "")] == [0] * 5


def test_the_time_for_an_answer_is_kept_whatever_the_provider_does(client: TestClient) -> None:
    settings = client.app.state.settings  # type: ignore[attr-defined]
    object.__setattr__(settings, "llm_timeout", 0.01)
    answer, provider = run(client, [None])
    assert (answer["message"], len(provider.asked)) == ("The language model failed: no answer within 0.01 s", 1)
    answer, provider = run(client, [SomeError(429, {"retry-after": "20"})])
    assert (answer["message"], len(provider.asked)) == ("The language model failed: no answer within 0.01 s", 1)


def test_an_answer_without_an_end_is_none(client: TestClient) -> None:
    answer, provider = run(client, [Reply("all is w"), DONE], stream=True)
    assert (answer["success"], len(provider.asked), provider.asked[0].stream) == (False, 1, True)
    assert "broke off" in answer["message"]
    assert not run(client, [Reply("", finish="MALFORMED_FUNCTION_CALL")])[0]["success"]
    assert run(client, [Reply("all is w", finish="length")])[0]["message"] == "all is w"


def test_keys_are_in_no_message_and_in_no_line_of_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"error": {"message": f"{'x' * 170} wrong own-key,\n\x1b[31mown%2Dkey"}}
    with waiting(monkeypatch), caplog.at_level(logging.INFO):
        message = run(client, [SomeError(429, {"authorization": "own-key"}, body)])[0]["message"]
    assert "own-k" not in message + caplog.text
    assert "[key]" in message
    assert [
        record.getMessage().partition(": HTTP")[0] for record in caplog.records if "llm" in record.getMessage()
    ] == [
        "llm openai:gpt-4.1-mini attempt 1",
        "llm openai:gpt-4.1-mini attempt 2 after 0.25 s",
        "llm openai:gpt-4.1-mini attempt 3 after 0.5 s",
    ]
    assert "\x1b" not in message + caplog.text

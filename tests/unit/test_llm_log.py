"""What a log gives away: which lines are of a step, which of them tell of failures, and where keys stand."""

from typing import Any

import pytest

from lab.environment.base import Log
from lab.lifecycle.llm_log import LINE, failures_owed, failures_told, leaked, since
from lab.product.llm import LlmUse


def use(**more: Any) -> LlmUse:
    return LlmUse.model_validate(
        {
            "providers": {"openai": {"model": "gpt-4.1"}, "cohere": {"model": "command (r)"}},
            "modes": {"plain": {"request": {"path": "/run"}}},
            "failure": {"status": [500]},
            "retries": 2,
            "budget": 8,
            **more,
        }
    )


def test_what_was_there_before_is_not_of_the_step() -> None:
    written = since(Log(b"a\n", b"x\ny\n"), Log(b"a\nb\n", b"x\ny\n"))
    assert written == Log(b"b\n", b"")


def test_a_line_that_was_half_written_is_looked_at_as_a_whole() -> None:
    assert since(Log(b"a\nhal", b""), Log(b"a\nhalf\nb\n", b"")) == Log(b"half\nb\n", b"")


@pytest.mark.parametrize(
    ("earlier", "later", "missing"),
    [
        (Log(b"", b"", "it was cut"), Log(b"a", b""), "it was cut"),
        (Log(b"", b""), Log(b"a", b"", "it cannot be read"), "it cannot be read"),
        (Log(b"a\nb\n", b""), Log(b"b\nc\n", b""), "what stood in it before is no longer there"),
        (Log(b"", b"a\n"), Log(b"", b""), "what stood in it before is no longer there"),
    ],
)
def test_a_log_that_is_not_whole_says_so(earlier: Log, later: Log, missing: str) -> None:
    assert since(earlier, later).missing == missing


def test_lines_are_counted_for_the_provider_and_the_model_whose_very_words_stand_in_them() -> None:
    log = Log(
        b"openai/gpt-4.1 failed\nopenai/gpt-401 failed\nopenai/gpt-4.1 answered\n",
        b"cohere/command (r) failed: \xff\ncohere/command r failed\nopenai/gpt-4.1 failed",
    )
    told = failures_told(use(logged=r"{llm.provider}/{llm.model} failed"), log)
    assert told == {"openai": 2, "cohere": 1}


def test_of_a_line_without_an_end_the_beginning_counts() -> None:
    log = Log(b"x" * (LINE - 10) + b"openai failed\n" + b"x" * (LINE - 13) + b"openai failed\n", b"")
    assert failures_told(use(logged="{llm.provider} failed"), log) == {"openai": 1, "cohere": 0}


def test_without_a_description_no_line_tells_of_anything() -> None:
    assert failures_told(use(), Log(b"openai failed\n", b"")) == {}


def request(status: int | None = 200, *faults: str) -> dict[str, Any]:
    return {"status": status, "faults": list(faults)}


def conversation(*requests: dict[str, Any], due: str = "failure", claim: str = "failure") -> dict[str, Any]:
    return {"provider": "openai", "due": due, "claim": claim, "attempts": list(requests)}


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        (conversation(request()), {}),
        (conversation(), {}),
        (conversation(request(429, "status"), request(), due="answer", claim="answer"), {"openai": 1}),
        (conversation(request(500, "status"), request(500, "status")), {"openai": 1}),
        (conversation(request(None, "hang"), claim="late"), {"openai": 1}),
        (conversation(request(200, "truncate"), claim="answer"), {"openai": 1}),
        (conversation(request(400), due="answer"), {"openai": 1}),
        (conversation(request(200, "malformed-chunk"), due="either"), {"openai": 1}),
        (conversation(request(200, "malformed-chunk"), due="either", claim="answer"), {}),
        (conversation(request(500), due="either", claim="answer"), {"openai": 1}),
    ],
)
def test_a_conversation_in_which_a_request_failed_is_owed_a_line(told: dict[str, Any], owed: dict[str, int]) -> None:
    assert failures_owed([told]) == owed


def test_each_conversation_is_owed_one() -> None:
    failed = conversation(request(500))
    assert failures_owed([failed, failed, {**failed, "provider": "cohere"}]) == {"openai": 2, "cohere": 1}


def test_keys_are_found_by_their_form_and_secrets_by_value_and_neither_is_shown() -> None:
    text = b"Authorization: Bearer sk-mock-openai, again sk-mock-openai; password lab0123456789 and abc"
    secrets = {"api-key": "lab0123456789", "other": "lab9876543210", "short": "abc"}
    assert leaked(text, secrets) == [{"key": "sk-mock-ope…"}, {"secret": "api-key"}]
    assert leaked(b"nothing", secrets) == []

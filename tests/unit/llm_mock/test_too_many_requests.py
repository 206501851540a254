"""A 429 through the server: when each provider says to come back, and what it tells of the quota."""

from collections.abc import Iterator

import httpx
import pytest

from lab.llm_mock.families import NAMES

from .endpoints import ASKED, Asked
from .running import RunningMock, running_mock

RULES = """
schema: 1
rules:
  - match: {header: {x-form: {equals: ms}}}
    reply: {fault: {kind: status, status: 429, retry_after: 1.5, retry_after_form: ms}}
  - match: {header: {x-form: {equals: none}}}
    reply: {fault: {kind: status, status: 429}}
  - reply: {fault: {kind: status, status: 429, retry_after: 61.5}}
"""
REQUESTS = {"x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": "0"}
TOKENS = {"x-ratelimit-limit-tokens": "100000", "x-ratelimit-remaining-tokens": "0"}
# What a provider tells beside the hint; the others tell nothing.
TOLD = {
    "openai": REQUESTS | TOKENS | {"x-ratelimit-reset-requests": "1m1.5s", "x-ratelimit-reset-tokens": "1m1.5s"},
    "azure": REQUESTS | TOKENS | {"x-ratelimit-reset-requests": "62", "x-ratelimit-reset-tokens": "62"},
    "groq": REQUESTS | TOKENS | {"x-ratelimit-reset-requests": "1m1.5s", "x-ratelimit-reset-tokens": "1m1.5s"},
    "mistral": {
        "x-ratelimit-limit-req-minute": "1000", "x-ratelimit-remaining-req-minute": "0",
        "x-ratelimit-limit-tokens-minute": "100000", "x-ratelimit-remaining-tokens-minute": "0",
    },
    "anthropic": {
        f"anthropic-ratelimit-{what}-{part}": value
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
        for part, value in (("limit", "1000" if what == "requests" else "100000"), ("remaining", "0"))
    },
    "bedrock": {"x-amz-retry-after": "61500"},
}  # fmt: skip
FIRST = [next(asked for asked in ASKED if asked.family == name) for name in NAMES]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMock]:
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES, "utf8")
    with running_mock("--rules", str(rules)) as mock:
        yield mock


def refused(mock: RunningMock, asked: Asked, form: str) -> httpx.Response:
    answer = mock.data.post(asked.url, json=asked.content, headers={**asked.headers, "x-form": form})
    assert answer.status_code == 429
    return answer


@pytest.mark.parametrize("asked", FIRST, ids=lambda asked: asked.family)
def test_a_429_says_when_to_come_back_and_what_is_left_as_the_provider_does(
    refusing: RunningMock, asked: Asked
) -> None:
    told = refused(refusing, asked, "seconds").headers
    wanted = TOLD.get(asked.family, {})
    assert told["retry-after"] == "62"
    assert wanted.items() <= dict(told).items()
    # When Anthropic's are there again is a moment of the clock.
    assert {name for name in told if "ratelimit" in name} - set(wanted) == {
        name for name in told if asked.family == "anthropic" and name.endswith("-reset")
    }


@pytest.mark.parametrize("asked", FIRST, ids=lambda asked: asked.family)
def test_a_429_says_when_to_come_back_in_the_form_that_is_wanted_or_not_at_all(
    refusing: RunningMock, asked: Asked
) -> None:
    precise = refused(refusing, asked, "ms").headers
    assert (precise.get("retry-after-ms"), precise.get("retry-after")) == ("1500", None)
    silent = refused(refusing, asked, "none").headers
    assert not {"retry-after", "retry-after-ms", "x-amz-retry-after", "x-should-retry"} & set(silent)

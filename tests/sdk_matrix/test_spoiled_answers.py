"""The checks fail where an answer is wrong: a matrix that could not fail would say nothing."""

import re
from dataclasses import dataclass

import pytest

from tests.sdk_matrix.environments import SDKS
from tests.sdk_matrix.measuring import Addresses, ProbeError, measure
from tests.sdk_matrix.spoiling import spoiled

BY_NAME = {sdk.name: sdk for sdk in SDKS}


@dataclass(frozen=True)
class Plant:
    """A defect, as a pattern and what takes its place; the check that has to find it, and by what it shows that."""

    pattern: bytes
    instead: bytes
    check: str
    sign: str


OPENAI = (
    Plant(
        rb'"id":"call_\w+",', b"", "a tool is called, its result is taken, and the conversation ends", "id=None"
    ),
    Plant(rb"tides", b"times", "an answer is whole, and says why it ends", "of the times"),
    Plant(
        rb'"finish_reason":"stop"', b'"finish_reason":null',
        "a stream ends with its reason and has one id", "None instead of 'stop'",
    ),
    Plant(rb'"total_tokens":', b'"total_tokens":9', "usage adds up", "instead of"),
    Plant(rb'"content":" of"', b'"content":""', "a stream says what the whole answer says", "tell me the"),
    Plant(rb'"message":"planted by the rule"', b'"message":"?"', "status 429 is an error", "RateLimitError"),
    Plant(
        rb'("embedding":)("[^"]*"|\[[^\]]*\])', rb"\1[1.0]",
        "embeddings have the dimensions that were asked for", "[1] instead of [17]",
    ),
    Plant(
        rb'"sequence_number":\d+', b'"sequence_number":0',
        "responses stream says what the whole answer says", "[0, 0, 0",
    ),
)  # fmt: skip
ANTHROPIC = (
    Plant(rb"event: \w+\n", b"", "a stream says what the whole answer says", "found []"),
    Plant(
        rb'"id":"toolu_\w+"', b'"id":""', "a tool is called its result is taken and the conversation ends", "id=''"
    ),
    Plant(rb'"signature":"[^"]+"', b'"signature":""', "thinking comes before the answer", "signature=''"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "plants"), [("openai-old", OPENAI), ("anthropic-new", ANTHROPIC)])
def test_each_planted_defect_is_found_by_its_check(name: str, plants: tuple[Plant, ...], mock: Addresses) -> None:
    """They are planted together, for an SDK takes a second to start; the sign tells which of them a check found."""

    def spoil(body: bytes) -> bytes:
        for plant in plants:
            body = re.sub(plant.pattern, plant.instead, body)
        return body

    checks = [plant.check for plant in plants]
    with spoiled(mock, lambda body: body) as sound, spoiled(mock, spoil) as rotten:
        assert [result for result in measure(BY_NAME[name], sound, *checks) if not result.ok] == []
        found = {result.check: result for result in measure(BY_NAME[name], rotten, *checks)}
    for plant in plants:
        result = found[plant.check]
        assert not result.ok, result
        assert plant.sign in result.detail


def test_a_wait_that_is_not_kept_is_found(mock: Addresses) -> None:
    """Without the header a client waits as long as it likes, which is less than it was told."""
    checks = ("a wait told in seconds", "a wait told in ms")
    with spoiled(mock, lambda body: body, without=("retry-after", "retry-after-ms")) as silent:
        found = measure(BY_NAME["groq-new"], silent, *checks)
    assert [(result.check, result.ok) for result in found] == [(check, False) for check in checks]


def test_a_probe_that_ends_early_is_no_probe_that_found_nothing(mock: Addresses) -> None:
    with pytest.raises(ProbeError, match="after 0 checks"):
        measure(BY_NAME["ollama-old"], Addresses("http://[", mock.control))

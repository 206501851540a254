"""The checks fail where an answer is wrong: a matrix that could not fail would say nothing."""

import re

import pytest

from tests.sdk_matrix.environments import PACKAGES, SDKS
from tests.sdk_matrix.measuring import Addresses, ProbeError, measure
from tests.sdk_matrix.plants import PLANTS
from tests.sdk_matrix.spoiling import spoiled

BY_NAME = {sdk.name: sdk for sdk in SDKS}
LEAST_PLANTS = 3


@pytest.mark.parametrize("name", PLANTS)
def test_each_planted_defect_is_found_by_its_check(name: str, mock: Addresses) -> None:
    """They are planted together, for an SDK takes a second to start; the sign tells which of them a check found."""
    plants = PLANTS[name]

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


def test_defects_are_planted_in_the_answers_of_every_family() -> None:
    assert {BY_NAME[name].family for name in PLANTS} == set(PACKAGES)
    assert min(map(len, PLANTS.values())) >= LEAST_PLANTS


@pytest.mark.parametrize(
    ("name", "headers"),
    [("groq-new", ("retry-after", "retry-after-ms")), ("bedrock-new", ("x-amz-retry-after",))],
)
def test_a_wait_that_is_not_kept_is_found(name: str, headers: tuple[str, ...], mock: Addresses) -> None:
    """Without the header that it reads a client waits as long as it likes, which is less than it was told."""
    checks = ("a wait told in seconds", "a wait told in ms", "a wait told as a date")
    with spoiled(mock, lambda body: body, without=headers) as silent:
        found = measure(BY_NAME[name], silent, *checks)
    assert [(result.check, result.ok) for result in found] == [(check, False) for check in checks]


def test_a_probe_that_ends_early_is_no_probe_that_found_nothing(mock: Addresses) -> None:
    with pytest.raises(ProbeError, match="after 0 checks"):
        measure(BY_NAME["ollama-old"], Addresses("http://[", mock.control))

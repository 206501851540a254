"""The official SDKs of both generations find in the mock what they find in their providers."""

import pytest

from lab.errors import InfrastructureError
from tests.sdk_matrix.environments import SDKS, Sdk
from tests.sdk_matrix.measuring import Addresses, Result, measure
from tests.sdk_matrix.table import DOCUMENT, cells, read, render

LEAST_EACH, LEAST_OF_ALL = 45, 960
AGAIN = "write it anew with `.venv/bin/python -m tests.sdk_matrix.table`"


def measured(sdk: Sdk, mock: Addresses) -> list[Result]:
    try:
        return measure(sdk, mock)
    except InfrastructureError as error:
        reason = " ".join(str(error).split())
    pytest.fail(reason, pytrace=False)


@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)
def test_an_sdk_gets_all_it_looks_for_as_the_table_says(sdk: Sdk, mock: Addresses) -> None:
    results = measured(sdk, mock)
    wrong = "\n".join(f"{result.check}: {result.detail}" for result in results if not result.ok)
    assert not wrong, f"{sdk.package} {sdk.version} does not get what it looks for:\n{wrong}"
    assert len({result.check for result in results}) == len(results), "two checks have one name"
    assert cells(results) == read(DOCUMENT.read_text("utf8"))[sdk.name], f"{DOCUMENT.name} is out of date: {AGAIN}"


def test_the_table_is_as_it_was_written_and_holds_enough_checks() -> None:
    text = DOCUMENT.read_text("utf8")
    told = read(text)
    assert render(told) == text, f"{DOCUMENT.name} was changed by hand: {AGAIN}"
    assert set(told) == {sdk.name for sdk in SDKS}
    assert min(map(len, told.values())) >= LEAST_EACH
    assert sum(map(len, told.values())) >= LEAST_OF_ALL
    assert "FAILED" not in text

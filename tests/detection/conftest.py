import pytest


@pytest.fixture(autouse=True)
def _own_results(lab_home: object) -> None:
    """Give every test a results folder of its own."""

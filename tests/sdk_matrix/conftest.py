from collections.abc import Iterator

import pytest

from tests.sdk_matrix.measuring import Addresses, running_mock


@pytest.fixture(scope="session")
def mock() -> Iterator[Addresses]:
    """One mock for all probes that run one after the other, in one worker."""
    with running_mock() as addresses:
        yield addresses

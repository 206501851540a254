"""The alarm rings for every planted defect, and for nothing else."""

import json

import pytest

from lab.selftest import defect_names
from tests.integration.program import lab, left_on_engine


@pytest.mark.engine
@pytest.mark.timeout(900)
def test_every_planted_defect_is_caught_and_the_clean_product_passes() -> None:
    ended = lab("selftest", "--format", "json", "--workers", "2")

    rows = json.loads(ended.stdout[ended.stdout.index("[\n") :])
    assert [row["case"] for row in rows if not row["caught"]] == [], ended.said
    assert {row["case"] for row in rows if row["planted"]} == set(defect_names())
    assert len(defect_names()) >= 6
    assert any(not row["planted"] for row in rows), "the clean product ran, too"
    assert ended.code == 0, ended.said
    assert left_on_engine() == []

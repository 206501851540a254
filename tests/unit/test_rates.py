import json
import re
from itertools import chain, repeat
from typing import Any

import pytest
from records_sample import OTHER_ID, POSTGRESQL, SQLITE, VERSIONS, trial

from lab.records.model import TrialResult, Verdict
from lab.records.statistics import claim, wilson
from lab.report.rates import RateRow, as_json, as_text, rates


def some(**counts: int) -> list[TrialResult]:
    """Make first attempts, so many of each verdict; `passed` for `pass`, `failed` for `fail`."""
    names: dict[str, Verdict] = {
        "passed": "pass", "failed": "fail", "error": "error", "unknown": "unknown", "skipped": "skipped",
    }  # fmt: skip
    verdicts = chain.from_iterable(repeat(names[name], count) for name, count in counts.items())
    return [trial(number, verdict) for number, verdict in enumerate(verdicts, start=1)]


def overall(results: list[TrialResult], target: float = 0.95) -> RateRow:
    return rates(results, target, 0.95)[-1]


def test_each_product_and_pair_of_versions_has_its_environments_then_their_cells_then_all() -> None:
    results = [
        trial(1, environment="local", cell="upgrade/local-linux/sqlite"),
        trial(1, cell=SQLITE),
        trial(1, "fail", cell=POSTGRESQL),
        trial(2, cell=SQLITE, product="others"),
        trial(3, cell=SQLITE, versions={"to": VERSIONS["to"]}),
    ]
    found = [(row.product, row.versions, row.level, row.environment, row.cell) for row in rates(results, 0.95)]
    assert found == [
        ("agents", "0.1.4 -> 0.2.0", "environment", "docker", ""),
        ("agents", "0.1.4 -> 0.2.0", "cell", "docker", POSTGRESQL),
        ("agents", "0.1.4 -> 0.2.0", "cell", "docker", SQLITE),
        ("agents", "0.1.4 -> 0.2.0", "environment", "local", ""),
        ("agents", "0.1.4 -> 0.2.0", "cell", "local", "upgrade/local-linux/sqlite"),
        ("agents", "0.1.4 -> 0.2.0", "overall", "", ""),
        ("agents", "0.2.0", "environment", "docker", ""),
        ("agents", "0.2.0", "cell", "docker", SQLITE),
        ("agents", "0.2.0", "overall", "", ""),
        ("others", "0.1.4 -> 0.2.0", "environment", "docker", ""),
        ("others", "0.1.4 -> 0.2.0", "cell", "docker", SQLITE),
        ("others", "0.1.4 -> 0.2.0", "overall", "", ""),
    ]
    assert [(row.k, row.n) for row in rates(results, 0.95)] == [
        (1, 2), (0, 1), (1, 1), (1, 1), (1, 1), (2, 3), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1), (1, 1),
    ]  # fmt: skip


def test_the_median_time_is_that_of_the_attempts_that_count() -> None:
    timed = [trial(1, seconds=1.0), trial(2, "fail", seconds=3.0), trial(3, seconds=4.0), trial(4, "error", seconds=99)]
    assert overall(timed).seconds == 3.0
    assert overall(some(error=1)).seconds is None


def test_only_first_attempts_count_and_a_retry_stands_beside() -> None:
    results = [
        trial(1),
        trial(1, "fail", attempt=2),
        trial(1, attempt=3),
        trial(2, "fail"),
        trial(2, "error", attempt=2),
        trial(2, attempt=3),
        trial(2, attempt=4),
        trial(3, "fail"),
        trial(3, "fail", attempt=2),
    ]
    row = overall(results)
    assert (row.k, row.n, row.passed_after_retry) == (1, 3, 1)


def test_the_same_trial_of_another_run_is_another_trial() -> None:
    row = overall([trial(1, "fail"), trial(1, run_id=OTHER_ID), trial(1, run_id=OTHER_ID, attempt=2)])
    assert (row.k, row.n, row.passed_after_retry) == (1, 2, 0)


def test_what_is_given_twice_is_counted_once() -> None:
    row = overall([*some(passed=3, failed=1), *some(passed=3, failed=1)])
    assert (row.k, row.n) == (3, 4)


def test_what_gave_no_answer_leaves_the_denominator_and_is_counted() -> None:
    row = overall(some(passed=40, failed=2, error=3, unknown=1, skipped=5))
    assert (row.k, row.n, row.errors, row.unknown, row.missing) == (40, 42, 3, 1, 4)
    assert row.wilson == wilson(40, 42)
    assert row.claim == claim(40, 42, 0.95, 0.95)
    text = as_text([row])
    assert "40/42 = 95.2%" in text
    assert "3 errors, 1 unknown (with them 40/46 = 87%)" in text


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({"passed": 59}, "shown"),
        ({"passed": 58}, "not yet shown"),
        ({"passed": 5, "failed": 5}, "refuted"),
        ({"passed": 90, "error": 10}, "shown"),
        ({"passed": 90, "error": 11}, "inconclusive"),
        ({"passed": 90, "error": 6, "unknown": 5}, "inconclusive"),
        ({"error": 1}, "inconclusive"),
        # A proven failure is not hidden by errors, unless these might have been the passes that were missing.
        ({"failed": 20, "error": 20}, "refuted"),
        ({"failed": 3, "error": 50}, "inconclusive"),
    ],
)
def test_what_is_concluded(counts: dict[str, int], word: str) -> None:
    assert overall(some(**counts)).word == word


def test_the_table_gives_numbers_interval_word_and_what_is_still_needed() -> None:
    text = as_text(rates([*some(passed=9, failed=1), trial(10, attempt=2)], 0.9, 0.95))
    lines = text.splitlines()
    assert lines[0].split("  ")[-1].strip() == "median time"
    assert "at least 90%?" in lines[0]
    subject = "agents 0.1.4 -> 0.2.0  "
    for line, name in zip(
        lines[1:4], [subject + "upgrade in docker", "  " + SQLITE, subject + "upgrade in all environments"], strict=True
    ):
        assert line.startswith(name + "  ")
        assert "  9/10 = 90%  59.6-98.2%  not yet shown, +36 trials needed" in line
        assert re.search(r"1 passed after a retry +[0-9.]+ s$", line)


def test_no_percentage_stands_without_its_numbers() -> None:
    text = as_text(rates(some(passed=3, failed=4, error=1), 0.95))
    table = text.partition("\n\n")[0].splitlines()[1:]
    for line in table:
        assert line.count("%") == line.count("/7 = ") + line.count("/8 = ") + line.count("-75%")
        assert "3/7 = 42.9%  15.8-75%" in line


def test_without_an_answer_there_is_no_rate() -> None:
    row = overall(some(error=2))
    line = as_text([row]).splitlines()[1]
    assert re.split(r" {2,}", line) == [
        "agents 0.1.4 -> 0.2.0", "upgrade in all environments", "0/0", "-", "inconclusive",
        "2 errors (with them 0/2 = 0%)", "-", "-",
    ]  # fmt: skip
    assert as_json([row])["rates"][0]["rate"] is None


def test_almost_all_is_not_all() -> None:
    assert "9999/10000 = 99.9%" in as_text([overall(some(passed=9999, failed=1))])


def test_the_text_says_that_repeats_are_correlated() -> None:
    text = " ".join(as_text(rates([trial(1), trial(2, started="2026-03-05T00:00:00Z")], 0.95)).split())
    assert "These 2 first attempts come from 2 day(s)." in text
    assert "one host and day are correlated" in text
    assert "different builds" not in text


def test_different_builds_under_one_label_are_told() -> None:
    other = {slot: version.model_copy(update={"digest": "sha256:0"}) for slot, version in VERSIONS.items()}
    rows = rates([trial(1), trial(2, versions=other)], 0.95)
    assert [row.builds for row in rows] == [2, 2, 2]
    assert {row.word for row in rows} == {"mixed builds"}
    assert {row.differences for row in rows} == {("artifacts",)}
    assert "mixed builds (artifacts)" in as_text(rows)


def on_image(number: int, identity: str, **changed: Any) -> TrialResult:
    return trial(number, facts={"platform_image_id": identity}, **changed)


@pytest.mark.parametrize(
    ("other", "differences"),
    [
        ({"scenario_digest": "sha256:2"}, ("scenario",)),
        ({"scenario_digest": ""}, ("scenario",)),  # an older lab kept none: nobody knows that it is the same
        ({"budget_factor": 3.0}, ("budget factor",)),
        ({"facts": {"platform_image_id": "sha256:2"}}, ("platform image",)),
        ({"budget_factor": 3.0, "scenario_digest": "sha256:2"}, ("scenario", "budget factor")),
    ],
)
def test_changed_experiments_are_not_taken_for_one(other: dict[str, Any], differences: tuple[str, ...]) -> None:
    same: dict[str, Any] = {"scenario_digest": "sha256:1", "facts": {"platform_image_id": "sha256:1"}}
    rows = rates([*(trial(number, **same) for number in range(1, 60)), trial(60, **same | other)], 0.95)
    assert {(row.word, row.builds, row.differences) for row in rows} == {("mixed builds", 2, differences)}
    text = as_text(rows)
    assert f"mixed builds ({', '.join(differences)})" in text
    assert "A claim begins anew with each build." in " ".join(text.split())
    assert [row["differences"] for row in as_json(rows)["rates"]] == [list(differences)] * 3


def test_what_changes_together_is_one_other_build() -> None:
    rows = rates([on_image(1, "sha256:1"), on_image(2, "sha256:2", scenario_digest="sha256:2")], 0.95)
    assert {(row.builds, row.differences) for row in rows} == {(2, ("scenario", "platform image"))}


def test_each_platform_has_an_image_of_its_own() -> None:
    other = "upgrade/docker-debian-13/sqlite"
    same = [
        on_image(1, "sha256:1"),
        on_image(1, "sha256:2", platform="debian-13", cell=other),
        on_image(1, "sha256:3", environment="systemd", cell="upgrade/systemd-debian-12/sqlite"),
        trial(1, environment="local", cell="upgrade/local-linux/sqlite"),
    ]
    assert {row.builds for row in rates(same, 0.95)} == {1}
    changed = on_image(2, "sha256:4", platform="debian-13", cell=other)
    mixed = [(row.environment, row.cell) for row in rates([*same, changed], 0.95) if row.word == "mixed builds"]
    assert mixed == [("docker", ""), ("docker", other), ("", "")]


def test_a_trial_that_broke_off_before_it_had_an_image_is_no_other_build() -> None:
    rows = rates([*(on_image(number, "sha256:1") for number in range(1, 60)), trial(60, "error")], 0.95)
    assert {(row.word, row.builds) for row in rows} == {("shown", 1)}


@pytest.mark.parametrize("results", [[], some(skipped=3), [trial(1, attempt=2)]])
def test_no_data_is_told_as_such(results: list[TrialResult]) -> None:
    rows = rates(results, 0.95)
    assert rows == []
    assert as_text(rows).startswith("No stored trial fits")
    assert as_json(rows)["rates"] == []


def test_other_programs_get_the_same_numbers() -> None:
    rows = rates(some(passed=9, failed=1, error=1), 0.95, 0.9)
    told = as_json(rows)
    assert json.loads(json.dumps(told)) == told
    assert [row["level"] for row in told["rates"]] == ["environment", "cell", "overall"]
    row = told["rates"][1]
    assert (row["k"], row["n"], row["errors"], row["missing"]) == (9, 10, 1, 1)
    assert (row["rate"], row["rate_with_errors"]) == (0.9, pytest.approx(9 / 11))
    assert row["wilson"] == {"low": wilson(9, 10).low, "high": wilson(9, 10).high}
    assert row["claim"]["lower"] == claim(9, 10, 0.95, 0.9).lower
    assert (row["target"], row["confidence"]) == (0.95, 0.9)
    assert any("correlated" in note for note in told["notes"])


def test_trials_with_workarounds_stand_in_their_own_cell_alone() -> None:
    plain = trial(1, "fail", axes={"setup": "documented"}, cell="fresh-install/docker-debian-12/documented")
    helped = trial(1, axes={"setup": "workaround"}, cell="fresh-install/docker-debian-12/workaround")
    found = [(row.level, row.cell.rpartition("/")[2], row.k, row.n) for row in rates([plain, helped], 0.95)]
    assert found == [
        ("environment", "", 0, 1), ("cell", "documented", 0, 1), ("cell", "workaround", 1, 1), ("overall", "", 0, 1),
    ]  # fmt: skip


def test_scenarios_are_not_put_together() -> None:
    found = rates([trial(1), trial(1, "fail", scenario="outage", cell="outage/docker-debian-12")], 0.95)
    assert [(row.scenario, row.k, row.n) for row in found if row.level == "overall"] == [
        ("outage", 0, 1),
        ("upgrade", 1, 1),
    ]

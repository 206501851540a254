"""What a version's verdicts as of its day and as of today say together."""

from pathlib import Path
from typing import Any

import pytest
from records_sample import VERSIONS, run, trial

from lab.records.model import CellRecord, TrialResult, Verdict
from lab.report.drift import drift
from lab.report.text import report


def cell(as_of: str, database: str = "sqlite", skip: str = "") -> CellRecord:
    axes = {"database": database, "as_of": as_of}
    name = f"drift/docker-debian-12/{database}/{as_of}"
    return CellRecord(id=name, environment="docker", platform="debian-12", axes=axes, skip=skip)


def tried(number: int, verdict: Verdict, of: CellRecord, **more: Any) -> TrialResult:
    return trial(number, verdict, **more).model_copy(update={"cell": of.id})


def said(then: Verdict, now: Verdict, day: str = "then") -> str:
    cells = [cell(day), cell("now")]
    record = run(cells=cells, versions={"from": VERSIONS["from"]})
    (line,) = drift(record, [tried(1, then, cells[0]), tried(1, now, cells[1])])
    return line


@pytest.mark.parametrize(
    ("then", "now", "says"),
    [
        ("pass", "pass", "works as of its day and as of today"),
        ("pass", "fail", "the world moved on, the release did not"),
        ("fail", "pass", "was broken on its day, and works as of today"),
        ("fail", "fail", "it is the release"),
    ],
)
def test_it_says_which_of_the_two_is_broken(then: Verdict, now: Verdict, says: str) -> None:
    assert said(then, now).startswith("agents 0.1.4 ")
    assert says in said(then, now)


@pytest.mark.parametrize("verdict", ["error", "unknown", "skipped"])
def test_nothing_is_said_of_the_product_where_the_lab_failed(verdict: Verdict) -> None:
    line = said("pass", verdict)
    assert "nothing can be said" in line
    assert f"as of today: {verdict}" in line


def test_a_cell_that_did_not_run_gives_its_reason() -> None:
    cells = [cell("then", skip="it names no day"), cell("now")]
    (line,) = drift(run(cells=cells), [tried(1, "pass", cells[1])])
    assert "as of its day: it names no day" in line


def test_a_day_of_the_command_line_is_called_by_its_name() -> None:
    assert "works as of 2024-05-06, and is broken as of today" in said("pass", "fail", "2024-05-06")
    assert "was broken on 2024-05-06, and works" in said("fail", "pass", "2024-05-06")


def test_one_failure_among_the_first_attempts_breaks_it_and_a_retry_mends_nothing() -> None:
    cells = [cell("then"), cell("now")]
    results = [tried(1, "pass", cells[0]), tried(1, "pass", cells[1]), tried(2, "fail", cells[1])]
    results.append(tried(2, "pass", cells[1], attempt=2))
    assert "is broken as of today" in drift(run(cells=cells), results)[0]


def test_each_place_is_told_apart() -> None:
    cells = [cell(day, database) for database in ("sqlite", "postgresql") for day in ("then", "now")]
    verdicts: list[Verdict] = ["pass", "pass", "fail", "fail"]
    lines = drift(run(cells=cells), [tried(1, verdict, of) for verdict, of in zip(verdicts, cells, strict=True)])
    assert ["docker-debian-12/sqlite works" in lines[0], "docker-debian-12/postgresql is broken" in lines[1]] == [
        True
    ] * 2


def test_a_run_without_that_axis_says_nothing() -> None:
    assert drift(run(), [trial(1)]) == []


def test_the_report_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    cells = [cell("then"), cell("now")]
    text = report(run(cells=cells), [tried(1, "pass", cells[0]), tried(1, "fail", cells[1])])
    assert "As of its day and today" in text
    assert "the world moved on" in " ".join(text.split())

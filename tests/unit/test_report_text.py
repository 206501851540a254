from pathlib import Path

import pytest
from records_sample import POSTGRESQL, RUN_ID, SQLITE, cell, check, run, trial

from lab.records.model import Finding, TrialResult
from lab.report.text import plain, report


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


def section(text: str, title: str) -> list[str]:
    """Return the lines below a title; of a title that is not there nothing."""
    parts = {part.partition("\n")[0]: part.partition("\n")[2] for part in text.rstrip("\n").split("\n\n")}
    return parts.get(title, "").splitlines()


def fields(text: str) -> dict[str, str]:
    lines = text.split("\n\n")[1].splitlines()
    return {name: value for name, _, value in (line.strip().partition("  ") for line in lines)}


def test_the_header_says_what_was_tested_where_when_and_how_it_ended() -> None:
    text = report(run(host={"system": "Linux 6.1", "engine": {"version": "28"}}), [trial(1)])
    told = {name: value.strip() for name, value in fields(text).items()}
    assert text.startswith(f"Test run {RUN_ID}\n")
    assert told == {
        "scenario": "upgrade",
        "product": "agents",
        "version from": "0.1.4 (wheel dist/a.whl, sha256:aaaaaaaaaaaa)",
        "version to": "0.2.0 (wheel dist/b.whl, sha256:bbbbbbbbbbbb)",
        "started": "2026-03-04T05:06:07.890Z",
        "finished": "2026-03-04T05:09:07.890Z",
        "status": "finished",
        "exit code": "1: 1 of 2 first attempts failed",
        "planned": "1 cell, 2 trials each, 1 at a time",
        "seed": "42",
        "lab version": "0.1.0",
        "host system": "Linux 6.1",
        "host engine.version": "28",
    }


def test_a_run_that_has_not_ended_says_so() -> None:
    told = fields(report(run(status="running", finished="", exit=None), [], status="cut short"))
    assert told["status"].strip() == "cut short"
    assert told["finished"].strip() == "not yet"
    assert "has not come to its end" in told["exit code"]
    assert fields(report(run(status="running"), []))["status"].strip() == "running"


@pytest.mark.parametrize(
    ("trials", "line"),
    [
        ([trial(1), trial(2)], "pass, 2/2 first attempts passed"),
        ([trial(1), trial(2, "fail")], "fail, 1/2 first attempts passed"),
        (
            [trial(1), trial(2, "error"), trial(3, "unknown"), trial(4, "unknown")],
            "error, 1/1 first attempts passed; not counted: 1 error, 2 unknown",
        ),
        ([trial(1, "fail"), trial(1, "pass", attempt=2)], "fail, 0/1 first attempts passed; 1 passed after a retry"),
        ([trial(1), trial(1, "fail", attempt=2), trial(1, attempt=3)], "pass, 1/1 first attempts passed"),
        ([trial(1, attempt=2)], "unknown, 0/0 first attempts passed; 1 passed after a retry"),
    ],
)
def test_a_cell_is_told_in_a_line(trials: list[TrialResult], line: str) -> None:
    found = " ".join(" ".join(section(report(run(), trials), "Results")).split())
    assert found.removesuffix(", which does not count") == f"{SQLITE}: {line}"


def test_cells_without_results_are_told_with_the_reason() -> None:
    record = run(cells=[cell(POSTGRESQL, "no database here"), cell(SQLITE)])
    assert section(report(record, []), "Results") == [
        f"  {POSTGRESQL}: skipped (no database here)",
        f"  {SQLITE}: no result is stored",
    ]


def test_every_finding_that_made_a_check_fail_is_told_with_its_step_and_the_place_of_its_evidence() -> None:
    findings = [
        Finding(verdict="fail", step="05-stop", reason="killed after 10 s"),
        Finding(verdict="pass", step="07-stop", reason="this one went well"),
        Finding(verdict="fail", step="09-stop", reason="port not freed\nstill bound"),
    ]
    checks = [check(), check("fail", "graceful-stop", *findings), check("unknown", "memory"), check("skipped", "data")]
    told = section(report(run(), [trial(1), trial(2, "fail", attempt=2, checks=checks)]), "What did not pass")
    assert told == [
        f"  {SQLITE} trial 2 attempt 2: fail",
        "    fail: graceful-stop",
        "      - step 05-stop: killed after 10 s",
        "      - step 09-stop: port not freed",
        "        still bound",
        "    unknown: memory",
        "      - memory says unknown",
        "      evidence: trials/upgrade~docker-debian-12~sqlite/002/attempt-2",
    ]


def test_a_trial_without_checks_tells_its_own_reason() -> None:
    told = section(report(run(), [trial(1, "error", checks=[], reason="the engine died")]), "What did not pass")
    assert told[:2] == [f"  {SQLITE} trial 1: error", "      - the engine died"]


def test_where_all_passed_nothing_else_is_told() -> None:
    text = report(run(), [trial(1)])
    assert section(text, "What did not pass") == []
    assert section(text, "Left behind after a trial") == []
    assert section(text, "Could not be read") == []


def test_long_reasons_are_wrapped_and_stay_indented() -> None:
    reason = "the process went on " * 30 + "/a/path/that/is/left/whole" * 5
    told = section(report(run(), [trial(1, "fail", checks=[check("fail", reason=reason)])]), "What did not pass")
    body = told[2:-1]
    assert len(body) > 5
    assert all(line.startswith("        ") for line in body[1:])
    assert max(len(line) for line in body[:-1]) <= 100
    assert body[-1].strip() == "/a/path/that/is/left/whole" * 5


def test_measures_give_median_and_largest_of_first_attempts() -> None:
    trials = [
        trial(1, measures={"install_seconds": 1, "ready_seconds": 0.5, "memory_mb": 100}),
        trial(2, measures={"install_seconds": 2, "memory_mb": 50}),
        trial(3, "fail", measures={"install_seconds": 9}),
        trial(3, attempt=2, measures={"install_seconds": 1000}),
        trial(1, cell=POSTGRESQL, measures={"stop_seconds": 4}),
    ]
    assert section(report(run(), trials), "Measured (first attempts)") == [
        f"  {POSTGRESQL}",
        "    stop       median 4.00 s, max 4.00 s (1 trial)",
        f"  {SQLITE}",
        "    install    median 2.00 s, max 9.00 s (3 trials)",
        "    ready      median 0.50 s, max 0.50 s (1 trial)",
        "    memory     median 75.00 MB, max 100.00 MB (2 trials)",
    ]


def test_what_was_left_behind_and_what_could_not_be_read_is_told() -> None:
    text = report(run(), [trial(1, cleanup_problems=["volume a stays"])], problems=["cannot read b"])
    assert section(text, "Left behind after a trial") == [f"  {SQLITE} trial 1: volume a stays"]
    assert section(text, "Could not be read") == ["  cannot read b"]


def test_the_reader_learns_where_the_evidence_lies_and_how_to_repeat_the_run(home: Path) -> None:
    text = report(run(), [trial(1)])
    assert section(text, "Evidence")[0] == f"  {home}/runs/20260304T050607Z-upgrade-{RUN_ID}"
    assert section(report(run(), [], Path("/imported/run")), "Evidence")[0] == "  /imported/run"
    assert section(text, "To repeat it") == ["  lab run upgrade --trials 2 --seed 42"]


def test_the_verdicts_that_occur_are_explained() -> None:
    words = section(report(run(cells=[cell(), cell(POSTGRESQL, "why")]), [trial(1, "fail")]), "Words")
    assert [line.split()[0] for line in words] == ["fail", "skipped", "cell", "trial"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour"),
        ("\x00\x08\x7f\x9b\udc80ä€🙂", "ä€🙂"),
    ],
)
def test_a_text_from_the_product_cannot_command_the_terminal(text: str, left: str) -> None:
    assert plain(text) == left
    assert "\x1b" not in report(run(), [trial(1, "fail", checks=[check("fail", reason=text)])])

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from records_sample import POSTGRESQL, RUN_ID, SQLITE, VERSIONS, cell, check, run, trial

from lab.records.model import Finding, TrialResult
from lab.report.text import report
from lab.report.wording import plain


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    return tmp_path


def section(text: str, title: str) -> list[str]:
    """Return the lines below a title, up to the next one; of a title that is not there nothing."""
    lines = iter(text.splitlines())
    if not any(line.startswith(title) for line in lines):
        return []
    below = itertools.takewhile(lambda line: not line or line.startswith(" "), lines)
    return "\n".join(below).rstrip("\n").splitlines()


def fields(text: str) -> dict[str, str]:
    told = (line.strip().partition("  ") for line in section(text, "About this run"))
    return {name: value.strip() for name, _, value in told}


def opening(text: str) -> str:
    """Return the sentences with which the report begins, unwrapped."""
    return " ".join(text.split("\n\n")[1].split())


def test_it_begins_with_the_outcome_in_plain_sentences() -> None:
    record = run(resolved={"title": "Old data is kept"}, cells=[cell(), cell(POSTGRESQL, "no database")], trials=2)
    checks = [check("fail", "data"), check(name="health"), check("skipped", "rows"), check(name="completed")]
    text = report(record, [trial(1), trial(2, "fail", checks=checks), trial(2, attempt=2)])
    assert text.startswith("FAIL: agents, from 0.1.4 to 0.2.0\n\n")
    assert opening(text) == (
        "Scenario upgrade: Old data is kept. "
        "Tried with agents, from 0.1.4 to 0.2.0, in docker on debian-12: 1 cell, 2 trials each; 1 more skipped. "
        "1 of 2 trials passed; 1 passed when tried again, which does not count. "
        "Of 3 promises, 1 was broken and 1 kept; 1 got no answer."
    )


@pytest.mark.parametrize(
    ("changed", "begins", "says"),
    [
        ({"exit": {"code": 0, "reason": "fine"}, "versions": {"to": VERSIONS["to"]}}, "PASS: agents 0.2.0\n", "0 of 0"),
        ({"exit": {"code": 3, "reason": "no engine"}}, "ERROR: ", "The run ended with: no engine."),
        ({"exit": {"code": 4, "reason": "nothing measured"}}, "NOT SHOWN: ", "nothing measured"),
        ({"exit": {"code": 5, "reason": "all skipped"}}, "NOTHING RAN: ", "all skipped"),
        ({"exit": {"code": 143, "reason": "taken down"}}, "INTERRUPTED: ", "taken down"),
        ({"exit": {"code": 77, "reason": "strange"}}, "ENDED: ", "strange"),
        ({"exit": None, "status": "running"}, "NOT FINISHED: ", "has not come to its end (running)"),
    ],
)
def test_every_ending_has_its_word(changed: dict[str, Any], begins: str, says: str) -> None:
    text = report(run(**changed), [])
    assert text.startswith(begins)
    assert says in opening(text)


def test_what_the_run_stands_on_is_told_near_the_end() -> None:
    text = report(run(host={"system": "Linux 6.1", "engine": {"version": "28"}}), [trial(1)])
    assert fields(text) == {
        "run": RUN_ID,
        "version from": "0.1.4 (wheel dist/a.whl, sha256:aaaaaaaaaaaa)",
        "version to": "0.2.0 (wheel dist/b.whl, sha256:bbbbbbbbbbbb)",
        "started": "2026-03-04T05:06:07.890Z",
        "finished": "2026-03-04T05:09:07.890Z",
        "status": "finished",
        "exit code": "1: 1 of 2 first attempts failed",
        "at a time": "1",
        "seed": "42",
        "lab version": "0.1.0",
        "host system": "Linux 6.1",
        "host engine.version": "28",
    }


def test_a_run_that_has_not_ended_says_so() -> None:
    told = fields(report(run(status="running", finished="", exit=None), [], status="cut short"))
    assert told["status"] == "cut short"
    assert told["finished"] == "not yet"
    assert "has not come to its end" in told["exit code"]
    assert fields(report(run(status="running"), []))["status"] == "running"


@pytest.mark.parametrize(
    ("trials", "line"),
    [
        ([trial(1), trial(2)], "pass, 2 of 2 trials passed"),
        ([trial(1), trial(2, "fail")], "fail, 1 of 2 trials passed"),
        (
            [trial(1), trial(2, "error"), trial(3, "unknown"), trial(4, "unknown")],
            "error, 1 of 1 trial passed; not counted: 1 error, 2 unknown",
        ),
        ([trial(1, "fail"), trial(1, "pass", attempt=2)], "fail, 0 of 1 trial passed; 1 passed when tried again"),
        ([trial(1), trial(1, "fail", attempt=2), trial(1, attempt=3)], "pass, 1 of 1 trial passed"),
        ([trial(1, attempt=2)], "unknown, 0 of 0 trials passed; 1 passed when tried again"),
    ],
)
def test_a_cell_is_told_in_a_line(trials: list[TrialResult], line: str) -> None:
    found = " ".join(" ".join(section(report(run(), trials), "Cells")).split())
    assert found.removesuffix(", which does not count") == f"{SQLITE}: {line}"


def test_cells_without_results_are_told_once_for_each_reason() -> None:
    others = [cell(f"upgrade/docker-debian-12/{name}", "no database here") for name in ("a", "b")]
    record = run(cells=[cell(POSTGRESQL, "no port"), *others, cell(SQLITE)])
    assert section(report(record, []), "Cells") == [
        f"  {SQLITE}: no result is stored",
        "  skipped 1 cell: no port",
        "  skipped 2 cells: no database here",
    ]


def test_a_trial_that_was_cut_short_says_why() -> None:
    told = " ".join(section(report(run(), [trial(1, "skipped", reason="interrupted")]), "Cells")).split()
    assert told == f"{SQLITE}: skipped, 0 of 0 trials passed; not counted: 1 skipped (interrupted)".split()


def test_what_did_not_pass_is_told_as_promise_and_sight() -> None:
    findings = [
        Finding(verdict="fail", step="05-stop", reason="killed after 10 s"),
        Finding(verdict="pass", step="07-stop", reason="this one went well"),
        Finding(verdict="fail", step="05-stop", reason="port not freed\nstill bound"),
        Finding(verdict="unknown", step="09-stop", reason="not measured"),
    ]
    checks = [check(), check("unknown", "memory"), check("fail", "rows", *findings), check("skipped", "data")]
    assert section(report(run(), [trial(2, "fail", checks=checks)]), "Findings") == [
        "  1. FAIL  rows",
        "     promised: No table lost rows that no other table gained, and the database is sound.",
        "     seen at 05-stop:",
        "     - killed after 10 s",
        "     - port not freed",
        "         still bound",
        "     seen at 09-stop:",
        "     - unknown: not measured",
        "",
        "  2. UNKNOWN  memory",
        "     promised: The product's memory at rest stays within a budget, in megabytes (10^6 bytes).",
        "     - memory says unknown",
    ]


def test_several_points_stand_on_lines_of_their_own() -> None:
    reason = "cannot be read back: the user: status 404; the session: status 500"
    assert section(report(run(), [trial(1, "fail", checks=[check("fail", "x", reason=reason)])]), "Findings")[1:] == [
        "     - cannot be read back:",
        "         · the user: status 404",
        "         · the session: status 500",
    ]


def test_kept_promises_are_told_with_the_trials_that_asked() -> None:
    trials = [
        trial(1, checks=[check(name="orphans"), check(name="data"), check("skipped", "rows", reason="not reached")]),
        trial(2, "fail", checks=[check(name="orphans"), check("fail", "data")]),
        trial(3, "fail", checks=[check("skipped", "orphans"), check("fail", "data")]),
    ]
    text = report(run(), trials)
    assert section(text, "Promises kept") == [
        "  orphans  The product leaves no process behind when it stops. (in 2 of 3 trials; the others did not",
        "           come to it)",
    ]
    assert section(text, "Promises without an answer") == ["  rows: not reached"]


def test_where_all_passed_nothing_else_is_told() -> None:
    text = report(run(), [trial(1)])
    for title in ("Findings", "Promises without", "Left behind after a trial", "Could not be read"):
        assert section(text, title) == []


def test_long_reasons_are_wrapped_and_stay_indented() -> None:
    reason = "the process went on " * 30 + "/a/path/that/is/left/whole" * 5
    body = section(report(run(), [trial(1, "fail", checks=[check("fail", "x", reason=reason)])]), "Findings")[1:]
    assert len(body) > 5
    assert all(line.startswith("         ") for line in body[1:])
    assert max(len(line) for line in body[:-1]) <= 100
    assert body[-1].strip() == "/a/path/that/is/left/whole" * 5


def test_measures_give_median_and_largest_of_first_attempts() -> None:
    trials = [
        trial(1, measures={"install_seconds": 1, "memory_mb": 100}),
        trial(2, measures={"install_seconds": 2, "memory_mb": 50}),
        trial(3, "fail", measures={"install_seconds": 9}),
        trial(3, attempt=2, measures={"install_seconds": 1000}),
        trial(1, cell=POSTGRESQL, measures={"stop_seconds": 4}),
    ]
    told = [re.split("  +", line.strip()) for line in section(report(run(), trials), "Measured")]
    assert told == [
        ["install, s", "memory, MB", "stop, s"],
        ["sqlite", "2.00, at most 9.00", "75.00, at most 100.00", "-"],
        ["postgresql", "-", "-", "4.00"],
    ]


def test_the_steps_are_told_with_their_times() -> None:
    told = section(report(run(), [trial(1)]), "Steps")
    assert [re.split("  +", line.strip()) for line in told[1:]] == [
        ["01-install", "-", "3.00", "Install a version into the empty environment"]
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


def test_the_places_of_the_evidence_of_what_did_not_pass_are_named_up_to_a_few() -> None:
    told = section(report(run(), [trial(number, "fail") for number in range(1, 9)]), "Evidence")
    assert told[1] == "  trials/upgrade~docker-debian-12~sqlite/001/attempt-1"
    assert told[6] == "  … and 3 more"


def test_the_words_that_occur_are_explained() -> None:
    setups = [cell().model_copy(update={"id": name, "axes": {"setup": name}}) for name in ("documented", "workaround")]
    text = report(run(cells=[cell(), cell(POSTGRESQL, "why")]), [trial(1, "fail")])
    assert [line.split()[0] for line in section(text, "Words") if line[2] != " "] == [
        "fail",
        "skipped",
        "cell",
        "trial",
        "step",
    ]
    words = [line.split()[0] for line in section(report(run(cells=setups), []), "Words") if line[2] != " "]
    assert words == ["cell", "trial", "step", "documented", "workaround"]


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

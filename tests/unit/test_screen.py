"""What a product says reaches the terminal as text, and every ending has its own word."""

import io
from pathlib import Path

import pytest
from records_sample import RUN_ID, SQLITE, cell, check, run, trial
from rich.console import Console

from lab.records.model import Finding, RunRecord, TrialResult
from lab.report.terminal import Screen, escape


def _screen() -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(Console(file=out, force_terminal=True, soft_wrap=True, highlight=False)), out


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x1b]0;title\x07", "\u202e", "\x07", "\x9b2J"])
def test_a_products_terminal_commands_are_taken_out(hostile: str) -> None:
    shown = escape(f"1.0{hostile}!")
    assert shown.isprintable()
    assert "\u202e" not in shown


def test_markup_of_a_product_is_shown_and_not_obeyed() -> None:
    screen, out = _screen()
    screen.say("[bold red]version[/] 1.0")
    assert "[bold red]version[/] 1.0" in out.getvalue()


def test_half_a_surrogate_pair_is_shown_as_an_escape() -> None:
    assert escape("1.0\ud800") in {"1.0", "1.0\\ud800"}


def _concluded(record: RunRecord, results: list[TrialResult]) -> list[str]:
    out = io.StringIO()
    screen = Screen(Console(file=out, soft_wrap=True, highlight=False, width=200))
    screen._results = results
    screen.conclude(record, Path("/lab/runs/one"))
    return out.getvalue().splitlines()[1:]


def test_the_summary_begins_with_the_outcome_and_ends_with_what_to_do_next() -> None:
    told = _concluded(run(), [trial(verdict="fail", checks=[check("fail", "data", reason="all is gone")])])
    assert told == [
        "FAIL  agents, from 0.1.4 to 0.2.0: 1 of 2 first attempts failed",
        "      Of 1 promise, 1 was broken and 0 kept.",
        "  FAIL  data",
        "        all is gone",
        "evidence  /lab/runs/one",
        f"report    lab report {RUN_ID[:12]}",
        "repeat    lab run upgrade --trials 2 --seed 42",
    ]


def test_the_summary_fits_on_a_screen_and_says_how_much_more_there_is() -> None:
    long = "\n".join(f"line {number} {'x' * 300}" for number in range(100))
    checks = [
        check("fail", f"check-{n}", *(Finding(verdict="fail", reason=f"{m} {long}") for m in "abc")) for n in range(9)
    ]
    told = _concluded(run(), [trial(verdict="fail", checks=checks)])
    assert len(told) < 35
    assert max(map(len, told)) < 200
    assert "        … and 97 more lines, 2 more findings" in told
    assert "  … and 4 more in the report: check-5, check-6, check-7, check-8" in told


def test_a_passed_run_tells_what_was_seen() -> None:
    told = _concluded(run(exit={"code": 0, "reason": "all passed"}), [trial(checks=[check(reason="healthy at once")])])
    assert told[:4] == [
        "PASS  agents, from 0.1.4 to 0.2.0: all passed",
        "      The product kept its one promise that it was asked for.",
        f"  what was seen in {SQLITE} #1:",
        "    health         healthy at once",
    ]


def test_a_products_words_in_the_summary_command_neither_terminal_nor_markup() -> None:
    told = "\n".join(_concluded(run(), [trial(verdict="fail", checks=[check("fail", reason="[red]\x1b[2J[/] no")])]))
    assert "[red][/] no" in told
    assert "\x1b" not in told


def test_skipped_cells_are_told_once_for_each_reason() -> None:
    screen, out = _screen()
    screen.begin(run(cells=[cell("a/b/c", "no database"), cell("a/b/d", "no database"), cell("a/b/e", "other")]), [])
    assert "skipped 2 cells: no database" in out.getvalue()
    assert "skipped 1 cell: other" in out.getvalue()

"""What a product says reaches the terminal as text, and every ending has its own word."""

import io

import pytest
from records_sample import trial
from rich.console import Console

from lab.records.model import CheckResult, Finding
from lab.report.terminal import Screen, _telling, escape


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


def test_that_a_trial_broke_off_is_told_only_where_no_check_says_why() -> None:
    completed = CheckResult(check="completed", verdict="fail", reason="ready: exited")
    health = CheckResult(
        check="health", verdict="fail", reason="exited", findings=[Finding(verdict="fail", reason="x")]
    )
    assert [check.check for check in _telling(trial(verdict="fail", checks=[completed, health]))] == ["health"]
    assert [check.check for check in _telling(trial(verdict="fail", checks=[completed]))] == ["completed"]

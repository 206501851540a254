import pytest
from records_sample import POSTGRESQL, SQLITE, cell, trial

from lab.outcome import conclude_run, interrupted, too_many_errors
from lab.records.model import CellRecord, Exit, TrialResult, Verdict

BOTH = [cell(SQLITE), cell(POSTGRESQL)]


def concluded(
    verdicts: str,
    cells: list[CellRecord] | None = None,
    *,
    more: list[TrialResult] | None = None,
    no_skip: bool = False,
) -> Exit:
    """Conclude a run of one cell whose trials had these verdicts, a letter each."""
    words: dict[str, Verdict] = {"p": "pass", "f": "fail", "e": "error", "u": "unknown", "s": "skipped"}
    trials = [trial(number, words[letter]) for number, letter in enumerate(verdicts, start=1)]
    return conclude_run([*trials, *(more or [])], cells or [cell()], no_skip=no_skip)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ("p", 0),
        ("ppp", 0),
        ("f", 1),
        ("pppppppppf", 1),
        ("e", 3),
        ("u", 4),
        ("s", 4),
        ("", 5),
        ("feu", 1),
        ("fu", 1),
        ("fe", 1),
        ("eu", 3),
        ("pu", 4),
    ],
)
def test_a_failure_outweighs_an_error_and_an_error_what_is_missing(verdicts: str, code: int) -> None:
    assert concluded(verdicts).code == code


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ("pppppppppe", 0),
        ("ppppppppe", 3),
        ("ppppppppee", 3),
        ("p" * 18 + "ee", 0),
        ("p" * 17 + "eee", 3),
        ("ppppppppue", 4),
        ("ppppppppfe", 1),
    ],
)
def test_errors_are_forgiven_up_to_a_tenth_of_at_least_ten_trials(verdicts: str, code: int) -> None:
    assert concluded(verdicts).code == code


@pytest.mark.parametrize(
    ("errors", "trials", "too_many"),
    [
        (0, 1, False),
        (0, 0, False),
        (1, 1, True),
        (1, 9, True),
        (1, 10, False),
        (2, 10, True),
        (2, 19, True),
        (2, 20, False),
    ],
)
def test_the_share_of_errors_counts_only_where_there_are_enough_trials(
    errors: int, trials: int, *, too_many: bool
) -> None:
    assert too_many_errors(errors, trials) is too_many


def test_errors_are_counted_in_each_cell_for_itself() -> None:
    elsewhere = [trial(number, cell=POSTGRESQL) for number in range(1, 21)]
    ended = concluded("pe", BOTH, more=elsewhere)
    assert ended.code == 3
    assert SQLITE in ended.reason


def test_a_failure_in_one_cell_outweighs_errors_in_another() -> None:
    ended = concluded("e", BOTH, more=[trial(1, "fail", cell=POSTGRESQL)])
    assert (ended.code, ended.reason) == (1, f"the product failed in {POSTGRESQL}; 0 of 2 trials passed")


def test_a_second_attempt_never_erases_the_first() -> None:
    assert concluded("f", more=[trial(1, "pass", attempt=2)]).code == 1
    assert concluded("e", more=[trial(1, "pass", attempt=2)]).code == 3


def test_a_second_attempt_never_spoils_the_first() -> None:
    assert concluded("p", more=[trial(1, "fail", attempt=2)]).code == 0


def test_second_attempts_do_not_thin_out_errors() -> None:
    again = [trial(number, "pass", attempt=2) for number in range(1, 20)]
    assert concluded("ppppppppe", more=again).code == 3


def test_a_skipped_cell_counts_only_where_none_may_be_skipped() -> None:
    cells = [cell(SQLITE), cell(POSTGRESQL, skip="there is no postgresql")]
    assert concluded("p", cells) == Exit(code=0, reason="1 of 1 trials passed, 1 of 2 cells, 1 skipped")
    assert concluded("p", cells, no_skip=True).code == 4
    assert concluded("f", cells, no_skip=True).code == 1
    assert concluded("e", cells, no_skip=True).code == 3


def test_no_skip_without_a_skipped_cell_changes_nothing() -> None:
    assert concluded("p", no_skip=True).code == 0


def test_a_run_of_skipped_cells_alone_ran_nothing() -> None:
    cells = [cell(SQLITE, skip="no engine")]
    assert concluded("", cells) == Exit(code=5, reason="nothing ran: 1 of 1 cells skipped")
    assert concluded("", cells, no_skip=True).code == 4


def test_a_cell_that_left_no_result_is_an_error() -> None:
    ended = concluded("p", BOTH)
    assert ended.code == 3
    assert POSTGRESQL in ended.reason
    assert concluded("f", BOTH).code == 1


def test_the_reason_counts_what_passed() -> None:
    assert concluded("pp").reason == "2 of 2 trials passed, 1 of 1 cells"


def test_an_interrupted_run_says_what_could_not_be_removed() -> None:
    left = trial(1, "skipped").model_copy(update={"cleanup_problems": ["volume lab-x-data: in use"]})
    assert interrupted([trial(2)]) == "interrupted; everything was taken down"
    assert interrupted([trial(2), left]) == (
        "interrupted; not removed: volume lab-x-data: in use (lab clean tries again)"
    )

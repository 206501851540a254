"""Which tables may have taken the rows that another one lost, where no move is declared: those with like columns."""

import pytest

from lab.checks.rows import rows

from .histories import Facts, ledger, only, table
from .test_rows import CHECK, move, upgraded


def columned(*columns: str, keys: tuple[int, ...] | None = (1, 2, 3), rows: int = 3) -> Facts:
    """A table with these columns, of which the first is the key; `rows` is for one whose keys are not known."""
    return table(*(keys or ()), key=columns[0], rows=rows, known=keys is not None) | {"columns": list(columns)}


@pytest.mark.parametrize("keys", [(1, 2, 3), None])
def test_rows_of_which_an_unrelated_new_table_has_the_same_numbers_are_lost(keys: tuple[int, ...] | None) -> None:
    servers, migrations = columned("id", "name", "command", keys=keys), columned("id", "applied_at", keys=keys)
    emptied = columned("id", "name", "command", keys=(), rows=0)
    for after in (ledger(migrations=migrations), ledger(servers=emptied, migrations=migrations)):
        found = only(rows(upgraded(ledger(servers=servers), after), CHECK))
        assert found.verdict == "fail"
        assert found.reason == "servers lost 3 of 3 rows; all other tables together gained 0 of them"


def test_rows_of_which_an_unrelated_old_table_gained_the_same_numbers_are_lost() -> None:
    before = ledger(servers=columned("id", "name"), log=columned("id", "at", keys=(), rows=0))
    after = ledger(servers=columned("id", "name", keys=(), rows=0), log=columned("id", "at"))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "fail"


def test_a_table_that_was_renamed_and_keeps_one_column_beside_its_key_loses_nothing() -> None:
    before, after = ledger(a=columned("id", "name", "command")), ledger(b=columned("id", "name", "settings"))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "pass"


def test_a_table_of_nothing_but_its_key_may_be_renamed_with_all_its_columns() -> None:
    assert only(rows(upgraded(ledger(a=columned("id")), ledger(b=columned("id"))), CHECK)).verdict == "pass"
    assert only(rows(upgraded(ledger(a=columned("id")), ledger(b=columned("id", "x"))), CHECK)).verdict == "unknown"


def test_a_declared_move_needs_no_column_in_common() -> None:
    before, after = ledger(servers=columned("id", "name")), ledger(configs=columned("id", "config"))
    assert only(rows(upgraded(before, after, move("servers", "configs")), CHECK)).verdict == "pass"

from typing import Any

import pytest

from lab.checks.rows import rows
from lab.history import History
from lab.scenario.checks import RowsCheck

from .histories import Facts, Told, history, ledger, only, table, told, upgrade

CHECK = RowsCheck(check="rows")


def move(source: str, target: str, *, merged: bool = False) -> Facts:
    return {"from": source, "to": target, "merged": merged}


def upgraded(before: Told, after: Told, *moves: Facts) -> History:
    return history(before, upgrade(), after, given={"from": {"moves": []}, "to": {"moves": list(moves)}})


def test_the_same_rows_before_and_after_pass() -> None:
    found = only(rows(upgraded(ledger(a=table(1, 2)), ledger(a=table(1, 2, 3))), CHECK))
    assert (found.verdict, found.step, found.reason) == ("pass", "03-ledger", "2 rows in 1 tables, none lost")


def test_a_lost_row_fails_with_its_table_and_number() -> None:
    found = only(rows(upgraded(ledger(a=table(1, 2, 3)), ledger(a=table(1, 2))), CHECK))
    assert (found.verdict, found.step) == ("fail", "03-ledger")
    assert found.reason == "a lost 1 of 3 rows; all other tables together gained 0 of them"


def test_a_row_that_was_replaced_by_another_is_lost_although_the_number_is_the_same() -> None:
    found = only(rows(upgraded(ledger(a=table(1, 2)), ledger(a=table(1, 3))), CHECK))
    assert found.verdict == "fail"
    assert "a lost 1 of 2 rows" in found.reason


@pytest.mark.parametrize("key", ["version", "id"])
def test_a_loss_is_not_made_up_for_by_the_growth_of_an_unrelated_table(key: str) -> None:
    before = ledger(a=table(1, 2), migrations=table(1, key=key))
    after = ledger(a=table(1), migrations=table(1, 9, key=key))
    found = only(rows(upgraded(before, after), CHECK))
    assert (found.verdict, found.step) == ("fail", "03-ledger")


def test_the_same_number_as_a_key_of_another_kind_is_not_the_same_row() -> None:
    before = ledger(a=table(1, 2), migrations=table(1, key="version"))
    after = ledger(a=table(1), migrations=table(1, 2, key="version"))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "fail"


def test_rows_that_another_table_gained_under_the_same_keys_are_not_lost() -> None:
    before, after = ledger(a=table(1, 7), b=table(3)), ledger(a=table(1), b=table(3, 7))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "pass"


def test_a_table_that_was_renamed_without_an_announcement_loses_nothing() -> None:
    assert only(rows(upgraded(ledger(a=table(1, 2)), ledger(b=table(1, 2))), CHECK)).verdict == "pass"


def test_rows_that_a_new_table_may_hold_under_other_keys_are_unknown_until_the_move_is_declared() -> None:
    found = only(rows(upgraded(ledger(a=table(1, 2)), ledger(b=table("x", "y", key="name"))), CHECK))
    assert found.verdict == "unknown"
    assert "declare the move" in found.reason


def test_an_unrelated_new_table_of_the_same_size_does_not_pass_for_a_dropped_one() -> None:
    assert only(rows(upgraded(ledger(a=table(1, 2)), ledger(b=table(8, 9))), CHECK)).verdict == "unknown"


def test_a_table_that_cannot_be_read_is_unknown() -> None:
    told = ledger(a=table(1))
    told.facts["unreadable"] = {"vectors": "no such module: vec0"}
    found = [finding for finding in rows(upgraded(ledger(a=table(1)), told), CHECK) if finding.verdict == "unknown"]
    assert [finding.reason for finding in found] == [
        "vectors cannot be read from beside the product: no such module: vec0"
    ]


def unreadable(ledger: Told, **why: str) -> Told:
    ledger.facts["unreadable"] = why
    return ledger


def test_a_table_that_cannot_be_read_any_more_is_unknown_and_not_lost() -> None:
    before, after = ledger(a=table(1), vectors=table(1, 2)), unreadable(ledger(a=table(1)), vectors="no such library")
    findings = rows(upgraded(before, after), CHECK)
    assert told(findings) == [("unknown", "03-ledger"), ("pass", "03-ledger")]


def test_a_table_that_could_not_be_read_before_makes_up_for_no_loss() -> None:
    before, after = unreadable(ledger(a=table(1, 2)), b="no such library"), ledger(a=table(1), b=table(1, 2))
    assert told(rows(upgraded(before, after), CHECK)) == [("unknown", "01-ledger"), ("fail", "03-ledger")]


def test_a_table_that_is_damaged_and_gone_from_the_ledger_fails_for_both() -> None:
    before, after = ledger(a=table(1), b=table(1)), ledger("b: invalid page in block 0", b=table(1))
    findings = rows(upgraded(before, after), CHECK)
    assert [finding.verdict for finding in findings] == ["fail", "fail"]
    assert findings[0].reason == "the database is damaged: b: invalid page in block 0"


@pytest.mark.parametrize("missing", ["integrity", "foreign_key_orphans"])
def test_a_ledger_that_does_not_say_whether_the_database_is_sound_is_unknown(missing: str) -> None:
    first = ledger(a=table(1))
    del first.facts[missing]
    assert told(rows(history(first, ledger(a=table(1))), CHECK)) == [("unknown", "01-ledger"), ("pass", "02-ledger")]


def test_tables_of_one_name_in_two_schemas_are_two_tables() -> None:
    both: dict[str, Any] = {"events": table(1, 2), "audit.events": table(1, 2)}
    assert only(rows(upgraded(ledger(**both), ledger(**both)), CHECK)).verdict == "pass"
    lost: dict[str, Any] = both | {"audit.events": table(1)}
    assert only(rows(upgraded(ledger(**both), ledger(**lost)), CHECK)).reason.startswith("audit.events lost 1 of 2")


def test_a_composite_key_whose_columns_changed_places_is_another_key() -> None:
    before, after = table("x", "y"), table("u", "v")
    before["key"], after["key"] = ["tenant", "id"], ["id", "tenant"]
    assert only(rows(upgraded(ledger(a=before), ledger(a=after)), CHECK)).verdict == "pass"
    after["key"] = ["tenant", "id"]
    assert only(rows(upgraded(ledger(a=before), ledger(a=after)), CHECK)).verdict == "fail"


def test_one_new_table_cannot_take_the_rows_of_two_lost_ones() -> None:
    before = ledger(a=table(1, 2), b=table(3, 4))
    maybe, lost = rows(upgraded(before, ledger(c=table(5, 6, 7))), CHECK)
    assert (maybe.verdict, lost.verdict) == ("unknown", "fail")
    assert lost.reason.startswith("b lost 2 of 2 rows; all other tables together gained 0")


def test_one_new_table_may_take_the_rows_of_two_lost_ones() -> None:
    before = ledger(a=table(1, 2), b=table(3, 4))
    assert only(rows(upgraded(before, ledger(c=table(1, 2, 3, 4))), CHECK)).verdict == "pass"


def test_rows_moved_as_declared_pass() -> None:
    before, after = ledger(servers=table(1, 2)), ledger(configs=table("x", "y", key="name"))
    assert only(rows(upgraded(before, after, move("servers", "configs")), CHECK)).verdict == "pass"


def test_a_row_that_got_lost_on_its_declared_way_fails_whatever_other_tables_gained() -> None:
    before = ledger(servers=table(1, 2, 3), log=table(1))
    after = ledger(configs=table(1, 2), log=table(1, 2, 3))
    found = only(rows(upgraded(before, after, move("servers", "configs")), CHECK))
    assert (found.verdict, found.reason) == ("fail", "servers lost 3 of 3 rows; configs gained 2")


def test_rows_that_were_doubled_on_their_declared_way_fail() -> None:
    before, after = ledger(servers=table(1, 2)), ledger(configs=table(1, 2, 3, 4))
    found = only(rows(upgraded(before, after, move("servers", "configs")), CHECK))
    assert found.verdict == "fail"
    assert "rows were doubled" in found.reason


def test_two_tables_may_move_into_one() -> None:
    before, after = ledger(a=table(1, 2, 3), b=table(1, 2)), ledger(c=table(1, 2, 3, 4, 5))
    moves = [move("a", "c"), move("b", "c")]
    assert only(rows(upgraded(before, after, *moves), CHECK)).verdict == "pass"
    short = ledger(c=table(1, 2, 3, 4))
    assert only(rows(upgraded(before, short, *moves), CHECK)).reason == "b lost 2 of 2 rows; c gained 1"


def test_a_table_may_move_into_two() -> None:
    before, after = ledger(a=table(1, 2, 3)), ledger(b=table(1, 2), c=table(3))
    assert only(rows(upgraded(before, after, move("a", "b"), move("a", "c")), CHECK)).verdict == "pass"


def test_merged_rows_are_not_counted() -> None:
    before = ledger(servers=table(1), agents=table("a", "b", "c"))
    after = ledger(configs=table(1))
    moves = [move("servers", "configs"), move("agents", "configs", merged=True)]
    assert only(rows(upgraded(before, after, *moves), CHECK)).verdict == "pass"


def test_rows_cannot_be_merged_into_a_table_that_is_not_there() -> None:
    found = rows(upgraded(ledger(a=table(1), b=table(1)), ledger(b=table(1)), move("a", "c", merged=True)), CHECK)
    assert (only(found).verdict, only(found).reason) == ("fail", "a lost 1 rows; there is no table c")


def test_a_move_excuses_nothing_where_no_version_changed() -> None:
    given = {"to": {"moves": [move("a", "b", merged=True)]}}
    found = rows(history(ledger(a=table(1), b=table(1)), ledger(a=table(), b=table(1)), given=given), CHECK)
    assert only(found).verdict == "fail"


def test_a_move_of_the_old_version_excuses_nothing_in_the_new_one() -> None:
    given: dict[str, Facts] = {"from": {"moves": [move("a", "b", merged=True)]}, "to": {"moves": []}}
    steps = [ledger(a=table(1), b=table(1)), upgrade(), ledger(b=table(1))]
    assert only(rows(history(*steps, given=given), CHECK)).verdict == "fail"


def test_a_dropped_table_loses_all_its_rows() -> None:
    found = only(rows(upgraded(ledger(a=table(1, 2), b=table(1)), ledger(b=table(1))), CHECK))
    assert found.reason == "a lost 2 of 2 rows; all other tables together gained 0 of them"


def test_an_empty_table_may_go() -> None:
    assert only(rows(upgraded(ledger(a=table(), b=table(1)), ledger(b=table(1))), CHECK)).verdict == "pass"


@pytest.mark.parametrize(("rows_after", "verdict"), [(6000, "pass"), (6001, "pass"), (5999, "fail")])
def test_rows_of_a_large_table_are_compared_by_their_number(rows_after: int, verdict: str) -> None:
    before, after = ledger(a=table(rows=6000, known=False)), ledger(a=table(rows=rows_after, known=False))
    assert only(rows(upgraded(before, after), CHECK)).verdict == verdict


def test_rows_of_a_table_without_a_key_are_compared_by_their_number() -> None:
    before, after = ledger(a=table("x", "y", key="")), ledger(a=table("x", "z", key=""))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "pass"
    assert only(rows(upgraded(before, ledger(a=table("x", key=""))), CHECK)).verdict == "fail"


def test_rows_under_another_key_are_compared_by_their_number() -> None:
    before, after = ledger(a=table(1, 2)), ledger(a=table("x", "y", key="uuid"))
    assert only(rows(upgraded(before, after), CHECK)).verdict == "pass"


def test_a_damaged_database_fails_at_its_ledger_even_at_the_first() -> None:
    findings = rows(history(ledger("row 3 missing from index", a=table(1)), ledger(a=table(1))), CHECK)
    assert told(findings) == [("fail", "01-ledger"), ("pass", "02-ledger")]
    assert findings[0].reason == "the database is damaged: row 3 missing from index"


def test_rows_that_refer_to_nothing_fail() -> None:
    findings = rows(upgraded(ledger(a=table(1)), ledger("ok", 2, a=table(1))), CHECK)
    assert told(findings) == [("fail", "03-ledger"), ("pass", "03-ledger")]
    assert findings[0].reason == "2 rows refer to rows that are not there"


def test_a_database_that_cannot_be_read_fails() -> None:
    unread = Told("ledger", {"failures": ["the database cannot be read: file is not a database"]}, "failed")
    found = only(rows(history(unread), CHECK))
    assert (found.verdict, found.step) == ("fail", "01-ledger")
    assert "file is not a database" in found.reason


def test_a_database_that_was_not_seen_is_unknown_and_the_later_ledger_is_compared_with_the_earlier() -> None:
    unseen = Told("ledger", {"unknown": "the database could not be looked at: database is locked"})
    findings = rows(history(ledger(a=table(1, 2)), unseen, ledger(a=table(1))), CHECK)
    assert told(findings) == [("unknown", "02-ledger"), ("fail", "03-ledger")]
    assert findings[0].reason.endswith("database is locked")


def test_a_ledger_without_tables_is_unknown() -> None:
    unread = Told("ledger", {"unknown": "the definition names no database for this cell"})
    assert only(rows(history(unread), CHECK)).verdict == "unknown"


def test_a_ledger_that_the_lab_could_not_finish_says_nothing() -> None:
    unread = Told("ledger", {}, "error", "the engine does not answer")
    assert rows(history(unread), CHECK) == []


@pytest.mark.parametrize("empty", [{}, {"a": table()}])
def test_no_row_at_all_is_no_pass(empty: dict[str, Any]) -> None:
    found = only(rows(upgraded(ledger(**empty), ledger(**empty)), CHECK))
    assert (found.verdict, found.step) == ("unknown", "03-ledger")


def test_one_ledger_is_no_comparison() -> None:
    assert rows(history(ledger(a=table(1)), upgrade()), CHECK) == []


def test_a_loss_between_any_two_ledgers_counts() -> None:
    steps = [ledger(a=table(1, 2)), ledger(a=table(1)), upgrade(), ledger(a=table(1))]
    assert told(rows(history(*steps), CHECK)) == [("fail", "02-ledger"), ("pass", "04-ledger")]


def test_a_move_excuses_only_what_went_with_its_upgrade() -> None:
    given = {"to": {"moves": [move("a", "b", merged=True)]}}
    steps = [ledger(a=table(1), b=table(1)), upgrade(), ledger(a=table(1), b=table(1)), ledger(b=table(1))]
    assert told(rows(history(*steps, given=given), CHECK)) == [("pass", "03-ledger"), ("fail", "04-ledger")]


def test_a_declared_move_that_did_not_happen_fails_although_the_rows_still_lie_where_they_were() -> None:
    before, after = ledger(servers=table(1, 2)), ledger(servers=table(1, 2), configs=table())
    found = only(rows(upgraded(before, after, move("servers", "configs")), CHECK))
    assert found.verdict == "fail"
    assert found.reason == "servers was to move its 2 rows to configs, which gained 0"


def test_rows_that_were_copied_and_left_in_their_old_table_pass() -> None:
    before, after = ledger(servers=table(1, 2)), ledger(servers=table(1, 2), configs=table("a", "b"))
    assert only(rows(upgraded(before, after, move("servers", "configs")), CHECK)).verdict == "pass"


def test_a_move_that_comes_late_is_told_as_the_move_that_it_is() -> None:
    first, late = ledger(servers=table(1, 2)), ledger(servers=table(1, 2), configs=table())
    steps = [first, upgrade(), late, ledger(configs=table("a", "b"))]
    findings = rows(history(*steps, given={"to": {"moves": [move("servers", "configs")]}}), CHECK)
    assert told(findings) == [("fail", "03-ledger"), ("pass", "04-ledger")]

"""Whatever zone a database keeps its moments in, they are shown in UTC."""

from datetime import datetime, timedelta, timezone

from reference_agents.clock import now, rfc3339


def test_now_is_in_utc() -> None:
    assert now().utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_taken_for_utc() -> None:
    assert rfc3339(datetime(2026, 3, 4, 5, 6, 7)) == "2026-03-04T05:06:07+00:00"  # noqa: DTZ001 - as SQLite gives it


def test_a_moment_in_another_zone_is_shown_in_utc() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert rfc3339(datetime(2026, 3, 4, 5, 6, 7, tzinfo=east)) == "2026-03-03T23:36:07+00:00"

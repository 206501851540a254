"""What time it is, and how that is written."""

from datetime import datetime, timezone


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 - datetime.UTC is not in Python 3.10


def rfc3339(moment: datetime) -> str:
    """Write a stored moment in UTC: SQLite gives it back without a zone, PostgreSQL in the zone of its own clock."""
    utc = timezone.utc  # noqa: UP017 - as above
    return (moment.astimezone(utc) if moment.tzinfo else moment.replace(tzinfo=utc)).isoformat()

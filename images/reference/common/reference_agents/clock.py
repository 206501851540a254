"""What time it is, and how that is written."""

from datetime import datetime, timezone


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 - datetime.UTC is not in Python 3.10


def rfc3339(moment: datetime) -> str:
    """Write a stored moment; SQLite gives it back without the zone, which is always UTC here."""
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).isoformat()  # noqa: UP017 - as above

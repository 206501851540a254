"""Where the database is, and how that is said without a secret."""

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from reference_agents.errors import SettingsError

DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def parse(text: str) -> URL:
    """Read REFERENCE_DATABASE_URL, or raise SettingsError; no message repeats it, for it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError("REFERENCE_DATABASE_URL is not the URL of a database") from None
    if url.drivername not in DRIVERS:
        raise SettingsError("REFERENCE_DATABASE_URL must begin with sqlite:// or postgresql://")
    if "@" in (url.host or ""):
        raise SettingsError("REFERENCE_DATABASE_URL has an @ too many: one in the password is written %40")
    return url.set(drivername=DRIVERS[url.drivername])


def shown(url: URL) -> str:
    """Write where the database is, without user, password and options."""
    return URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database).render_as_string()

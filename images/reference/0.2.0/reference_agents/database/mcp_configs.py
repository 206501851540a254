"""Which MCP configurations there are."""

from typing import Any

from reference_agents.clock import now, rfc3339
from reference_agents.database.migrations.m0002_mcp_configs import mcp_configs
from sqlalchemy import Connection, delete, insert, select, update

Config = dict[str, Any]


def all_configs(connection: Connection) -> list[Config]:
    """List the configurations by name."""
    rows = connection.execute(select(mcp_configs)).mappings()
    return sorted((_shown(row) for row in rows), key=lambda config: config["name"])  # Databases have own alphabets.


def find_config(connection: Connection, name: str, *, to_change: bool = False) -> Config | None:
    """Return the configuration with this name, None if there is none; one to change is kept until the commit."""
    query = select(mcp_configs).where(mcp_configs.c.name == name)
    row = connection.execute(query.with_for_update() if to_change else query).mappings().first()
    return _shown(row) if row else None


def add_config(connection: Connection, config: Config) -> None:
    """Store a new configuration."""
    moment = now()
    connection.execute(
        insert(mcp_configs).values(name=config["name"], config=config, created_at=moment, updated_at=moment)
    )


def change_config(connection: Connection, config: Config) -> None:
    """Replace a configuration that exists."""
    mine = mcp_configs.c.name == config["name"]
    connection.execute(update(mcp_configs).where(mine).values(config=config, updated_at=now()))


def remove_config(connection: Connection, name: str) -> None:
    """Remove a configuration."""
    connection.execute(delete(mcp_configs).where(mcp_configs.c.name == name))


def _shown(row: Any) -> Config:
    return {**row, "created_at": rfc3339(row["created_at"]), "updated_at": rfc3339(row["updated_at"])}

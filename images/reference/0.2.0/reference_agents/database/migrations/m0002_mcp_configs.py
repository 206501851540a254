"""Schema version 2: an MCP server is one document; it takes the place of two tables."""

from typing import Any

from reference_agents.database.migrations.m0001_first_schema import agent_mcp_servers, mcp_servers
from sqlalchemy import JSON, Column, Connection, DateTime, Integer, MetaData, String, Table, insert, select

mcp_configs = Table(
    "mcp_configs",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("config", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)


def apply(connection: Connection) -> None:
    """Make the table, move every server into it, drop the tables it came from."""
    mcp_configs.create(connection)
    servers = connection.execute(select(mcp_servers).order_by(mcp_servers.c.id)).mappings().all()
    links = connection.execute(select(agent_mcp_servers)).all()
    for server in servers:
        agents = sorted(link.agent_name for link in links if link.server_id == server["id"])
        # The id is left to the new table, so that its sequence knows of it on every database.
        connection.execute(
            insert(mcp_configs).values(
                name=server["name"],
                config=_config(server, agents),
                created_at=server["created_at"],
                updated_at=server["updated_at"],
            )
        )
    agent_mcp_servers.drop(connection)
    mcp_servers.drop(connection)


def _config(server: Any, agents: list[str]) -> dict[str, Any]:
    return {
        "name": server["name"],
        "server_type": server["server_type"],
        "command": server["command"],
        "url": server["http_url"],
        "agents": agents,
        "tools": {"include": ["*"], "exclude": []},
        "environment": server["env"],
        "timeout": server["timeout_seconds"],
        "retry_count": server["max_retries"],
        "tags": server["tags"],
        "priority": server["priority"],
        "enabled": server["enabled"],
        "auto_start": server["auto_start"],
    }

"""Which MCP servers are configured."""

from collections.abc import Iterable
from typing import Any

from reference_agents.clock import now, rfc3339
from reference_agents.database.migrations.m0001_first_schema import agent_mcp_servers, mcp_servers
from sqlalchemy import Connection, Select, delete, insert, select, update

Server = dict[str, Any]


def all_servers(connection: Connection) -> list[Server]:
    """List the servers by name."""
    # Sorted here, as everywhere: databases have alphabets of their own.
    return sorted(_read(connection, select(mcp_servers)), key=lambda server: server["name"])


def servers_of_agent(connection: Connection, agent_name: str) -> list[Server]:
    """List the servers an agent may use, the most important first."""
    mine = select(agent_mcp_servers.c.server_id).where(agent_mcp_servers.c.agent_name == agent_name)
    servers = _read(connection, select(mcp_servers).where(mcp_servers.c.id.in_(mine)))
    return sorted(servers, key=lambda server: (-server["priority"], server["name"]))


def find_server(connection: Connection, name: str, *, to_change: bool = False) -> Server | None:
    """Return the server with this name, None if there is none; one to change is kept from others until the commit."""
    query = select(mcp_servers).where(mcp_servers.c.name == name)
    found = _read(connection, query.with_for_update() if to_change else query)
    return found[0] if found else None


def add_server(connection: Connection, values: Server) -> None:
    """Store a new server, which nobody has started yet."""
    moment = now()
    columns = {key: value for key, value in values.items() if key != "agents"}
    made = connection.execute(
        insert(mcp_servers).values(**columns, status="stopped", created_at=moment, updated_at=moment)
    )
    _set_agents(connection, made.inserted_primary_key[0], values["agents"])


def change_server(connection: Connection, name: str, values: Server) -> None:
    """Change some columns, or the agents, of a server that exists."""
    columns = {key: value for key, value in values.items() if key != "agents"}
    connection.execute(update(mcp_servers).where(mcp_servers.c.name == name).values(**columns, updated_at=now()))
    if "agents" in values:
        server_id = connection.execute(select(mcp_servers.c.id).where(mcp_servers.c.name == name)).scalar_one()
        _set_agents(connection, server_id, values["agents"])


def remove_server(connection: Connection, name: str) -> None:
    """Remove a server; its agents go with it."""
    connection.execute(delete(mcp_servers).where(mcp_servers.c.name == name))


def _set_agents(connection: Connection, server_id: int, agents: Iterable[str]) -> None:
    connection.execute(delete(agent_mcp_servers).where(agent_mcp_servers.c.server_id == server_id))
    rows = [{"server_id": server_id, "agent_name": agent} for agent in sorted(set(agents))]
    if rows:
        connection.execute(insert(agent_mcp_servers), rows)


def _read(connection: Connection, query: Select[Any]) -> list[Server]:
    servers = connection.execute(query).mappings().all()
    links = connection.execute(select(agent_mcp_servers)).all()
    return [
        {
            **server,
            "agents": sorted(link.agent_name for link in links if link.server_id == server["id"]),
            "created_at": rfc3339(server["created_at"]),
            "updated_at": rfc3339(server["updated_at"]),
        }
        for server in servers
    ]

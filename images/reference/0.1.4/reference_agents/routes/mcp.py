"""How MCP servers are configured and used.

No server process is ever started here: `status` says what was last asked for, and a running server has no
tools and no resources.
"""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from reference_agents.database import mcp_servers
from reference_agents.routes.parts import DatabasePart
from sqlalchemy import Connection

router = APIRouter(prefix="/mcp", tags=["mcp"])

MAX_INTEGER = 2**31 - 1


class ServerBody(BaseModel):
    """A server; one of type stdio has a command, one of type http has an address."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    server_type: Literal["stdio", "http"] = "stdio"
    command: list[str] = []
    env: dict[str, str] = {}
    http_url: str | None = None
    auto_start: bool = False
    max_retries: int = Field(default=3, ge=0, le=MAX_INTEGER)
    timeout_seconds: float = Field(default=30, gt=0, allow_inf_nan=False)
    tags: list[str] = []
    priority: int = Field(default=0, ge=-MAX_INTEGER, le=MAX_INTEGER)
    enabled: bool = True
    agents: list[Annotated[str, Field(max_length=100)]] = []

    @model_validator(mode="after")
    def _reachable(self) -> "ServerBody":
        if self.server_type == "stdio" and not self.command:
            raise ValueError("a stdio server needs a command")
        if self.server_type == "http" and not self.http_url:
            raise ValueError("an http server needs an http_url")
        return self


class ConfigureBody(BaseModel):
    """Servers to add, or to replace where the name is known."""

    servers: list[ServerBody]


class ToolCallBody(BaseModel):
    """A tool of a server, and what to call it with."""

    server_name: str
    tool_name: str
    arguments: dict[str, Any] = {}


class ResourceBody(BaseModel):
    """A resource of a server."""

    server_name: str
    uri: str


@router.post("/configure")
def configure(body: ConfigureBody, database: DatabasePart) -> dict[str, Any]:
    """Add or replace several servers, all or none."""
    with database.writing() as connection:
        for server in sorted(body.servers, key=lambda each: each.name):  # Two such requests cannot block each other.
            if mcp_servers.find_server(connection, server.name, to_change=True):
                mcp_servers.change_server(connection, server.name, server.model_dump())
            else:
                mcp_servers.add_server(connection, server.model_dump())
    return {"configured": [server.name for server in body.servers]}


@router.get("/health")
def mcp_health(database: DatabasePart) -> dict[str, Any]:
    """Count the servers."""
    with database.reading() as connection:
        servers = mcp_servers.all_servers(connection)
    running = sum(server["status"] == "running" for server in servers)
    return {"status": "healthy", "servers_total": len(servers), "servers_running": running}


@router.get("/servers")
def list_servers(database: DatabasePart) -> dict[str, Any]:
    """List the servers by name."""
    with database.reading() as connection:
        servers = mcp_servers.all_servers(connection)
    return {"servers": servers, "total": len(servers)}


@router.post("/servers", status_code=status.HTTP_201_CREATED)
def create_server(body: ServerBody, database: DatabasePart) -> dict[str, Any]:
    """Add a server."""
    with database.writing() as connection:
        if mcp_servers.find_server(connection, body.name):
            raise HTTPException(status.HTTP_409_CONFLICT, f"there is an MCP server {body.name!r} already")
        mcp_servers.add_server(connection, body.model_dump())
        return _find(connection, body.name)


@router.get("/servers/{name}")
def get_server(name: str, database: DatabasePart) -> dict[str, Any]:
    """Return one server."""
    with database.reading() as connection:
        return _find(connection, name)


@router.put("/servers/{name}")
def update_server(name: str, body: dict[str, Any], database: DatabasePart) -> dict[str, Any]:
    """Change the fields that are given."""
    with database.writing() as connection:
        server = _find(connection, name, to_change=True)
        known = {key: server[key] for key in ServerBody.model_fields}
        changed = _checked({**known, **body})
        if changed.name != name:
            raise HTTPException(status.HTTP_409_CONFLICT, "a server keeps its name")
        mcp_servers.change_server(connection, name, changed.model_dump())
        return _find(connection, name)


@router.delete("/servers/{name}", status_code=status.HTTP_204_NO_CONTENT)
def delete_server(name: str, database: DatabasePart) -> None:
    """Remove a server."""
    with database.writing() as connection:
        _find(connection, name, to_change=True)
        mcp_servers.remove_server(connection, name)


@router.post("/servers/{name}/start")
def start_server(name: str, database: DatabasePart) -> dict[str, Any]:
    """Mark a server as running."""
    return _set_status(name, "running", database)


@router.post("/servers/{name}/stop")
def stop_server(name: str, database: DatabasePart) -> dict[str, Any]:
    """Mark a server as stopped."""
    return _set_status(name, "stopped", database)


@router.post("/servers/{name}/restart")
def restart_server(name: str, database: DatabasePart) -> dict[str, Any]:
    """Mark a server as running."""
    return _set_status(name, "running", database)


@router.post("/tools/call")
def call_tool(body: ToolCallBody, database: DatabasePart) -> dict[str, Any]:
    """Answer 409 for a stopped server and 404 for a running one, which has no tools."""
    with database.reading() as connection:
        _running(connection, body.server_name)
    raise HTTPException(status.HTTP_404_NOT_FOUND, f"{body.server_name!r} has no tool {body.tool_name!r}")


@router.post("/resources/access")
def access_resource(body: ResourceBody, database: DatabasePart) -> dict[str, Any]:
    """Answer 409 for a stopped server and 404 for a running one, which has no resources."""
    with database.reading() as connection:
        _running(connection, body.server_name)
    raise HTTPException(status.HTTP_404_NOT_FOUND, f"{body.server_name!r} has no resource {body.uri!r}")


@router.get("/servers/{name}/tools")
def server_tools(name: str, database: DatabasePart) -> dict[str, Any]:
    """List the tools of a running server: none."""
    with database.reading() as connection:
        _running(connection, name)
    return {"server_name": name, "tools": []}


@router.get("/servers/{name}/resources")
def server_resources(name: str, database: DatabasePart) -> dict[str, Any]:
    """List the resources of a running server: none."""
    with database.reading() as connection:
        _running(connection, name)
    return {"server_name": name, "resources": []}


@router.get("/agents/{agent}/tools")
def agent_tools(agent: str, database: DatabasePart) -> dict[str, Any]:
    """Say which servers an agent may use, and their tools: none."""
    with database.reading() as connection:
        servers = mcp_servers.servers_of_agent(connection, agent)
    return {"agent_name": agent, "servers": [server["name"] for server in servers], "tools": []}


def _find(connection: Connection, name: str, *, to_change: bool = False) -> dict[str, Any]:
    server = mcp_servers.find_server(connection, name, to_change=to_change)
    if server is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no MCP server {name!r}")
    return server


def _running(connection: Connection, name: str) -> None:
    if _find(connection, name)["status"] != "running":
        raise HTTPException(status.HTTP_409_CONFLICT, f"the MCP server {name!r} is not running")


def _set_status(name: str, wanted: str, database: DatabasePart) -> dict[str, Any]:
    with database.writing() as connection:
        server = _find(connection, name, to_change=True)
        if wanted == "running" and not server["enabled"]:
            raise HTTPException(status.HTTP_409_CONFLICT, f"the MCP server {name!r} is not enabled")
        mcp_servers.change_server(connection, name, {"status": wanted})
    return {"name": name, "status": wanted}


def _checked(values: dict[str, Any]) -> ServerBody:
    try:
        return ServerBody.model_validate(values)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False)
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error

"""How MCP servers are configured."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from reference_agents.database import mcp_configs
from reference_agents.routes.parts import DatabasePart
from sqlalchemy import Connection

router = APIRouter(prefix="/mcp", tags=["mcp"])


class ToolFilter(BaseModel):
    """Which tools of a server may be used."""

    model_config = ConfigDict(extra="forbid")

    include: list[str] = ["*"]
    exclude: list[str] = []


class ConfigBody(BaseModel):
    """A server; one of type stdio has a command, one of type http has an address."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    server_type: Literal["stdio", "http"] = "stdio"
    command: list[str] = []
    url: str | None = None
    agents: list[str] = []
    tools: ToolFilter = ToolFilter()
    environment: dict[str, str] = {}
    timeout: float = Field(default=30, gt=0, allow_inf_nan=False)
    retry_count: int = Field(default=3, ge=0)
    tags: list[str] = []
    priority: int = 0
    enabled: bool = True
    auto_start: bool = False

    @model_validator(mode="after")
    def _reachable(self) -> "ConfigBody":
        if self.server_type == "stdio" and not self.command:
            raise ValueError("a stdio server needs a command")
        if self.server_type == "http" and not self.url:
            raise ValueError("an http server needs a url")
        return self


@router.get("/configs")
def list_configs(database: DatabasePart) -> dict[str, Any]:
    """List the configurations by name."""
    with database.reading() as connection:
        configs = mcp_configs.all_configs(connection)
    return {"configs": configs, "total": len(configs)}


@router.post("/configs", status_code=status.HTTP_201_CREATED)
def create_config(body: ConfigBody, database: DatabasePart) -> dict[str, Any]:
    """Add a configuration."""
    with database.writing() as connection:
        if mcp_configs.find_config(connection, body.name):
            raise HTTPException(status.HTTP_409_CONFLICT, f"there is an MCP config {body.name!r} already")
        mcp_configs.add_config(connection, body.model_dump())
        return _find(connection, body.name)


@router.get("/configs/{name}")
def get_config(name: str, database: DatabasePart) -> dict[str, Any]:
    """Return one configuration."""
    with database.reading() as connection:
        return _find(connection, name)


@router.put("/configs/{name}")
def update_config(name: str, body: dict[str, Any], database: DatabasePart) -> dict[str, Any]:
    """Change the fields that are given."""
    with database.writing() as connection:
        changed = _checked({**_find(connection, name, to_change=True)["config"], **body})
        if changed.name != name:
            raise HTTPException(status.HTTP_409_CONFLICT, "a config keeps its name")
        mcp_configs.change_config(connection, changed.model_dump())
        return _find(connection, name)


@router.delete("/configs/{name}", status_code=status.HTTP_204_NO_CONTENT)
def delete_config(name: str, database: DatabasePart) -> None:
    """Remove a configuration."""
    with database.writing() as connection:
        _find(connection, name, to_change=True)
        mcp_configs.remove_config(connection, name)


@router.get("/agents/{agent}/configs")
def agent_configs(agent: str, database: DatabasePart) -> dict[str, Any]:
    """List the enabled configurations an agent may use, the most important first."""
    with database.reading() as connection:
        configs = mcp_configs.all_configs(connection)
    mine = [each for each in configs if agent in each["config"]["agents"] and each["config"]["enabled"]]
    mine.sort(key=lambda each: -each["config"]["priority"])
    return {"agent_name": agent, "configs": mine, "total": len(mine)}


def _find(connection: Connection, name: str, *, to_change: bool = False) -> dict[str, Any]:
    config = mcp_configs.find_config(connection, name, to_change=to_change)
    if config is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no MCP config {name!r}")
    return config


def _checked(values: dict[str, Any]) -> ConfigBody:
    try:
        return ConfigBody.model_validate(values)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False)
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error

"""Which parts of the running service a route needs."""

from typing import Annotated

from fastapi import Depends, Request

from reference_agents.database.engine import Database
from reference_agents.llm import Llm
from reference_agents.settings import Settings
from reference_agents.shutdown import StoppableServer

# Asynchronous, as is the check of the key: otherwise each takes a thread, and all may be waiting for the database.


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


async def _database(request: Request) -> Database:
    return request.app.state.database


async def _llm(request: Request) -> Llm:
    return request.app.state.llm


async def _server(request: Request) -> StoppableServer:
    return request.app.state.server


SettingsPart = Annotated[Settings, Depends(_settings)]
DatabasePart = Annotated[Database, Depends(_database)]
LlmPart = Annotated[Llm, Depends(_llm)]
ServerPart = Annotated[StoppableServer, Depends(_server)]

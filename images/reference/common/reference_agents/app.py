"""What the HTTP application is made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI

from reference_agents.database.engine import Database
from reference_agents.llm import Llm
from reference_agents.routes import agents, health, mcp, root, sessions, shutdown
from reference_agents.routes.failures import answer_failures
from reference_agents.routes.key import require_key
from reference_agents.settings import Settings
from reference_agents.version import DISTRIBUTION, version


def build_app(settings: Settings, database: Database) -> FastAPI:
    """Put the routes together over one database and one model."""
    llm = Llm(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await llm.close()

    app = FastAPI(title=DISTRIBUTION, version=version(), lifespan=lifespan)
    answer_failures(app)
    app.state.settings, app.state.database, app.state.llm = settings, database, llm
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(require_key)])
    for part in (agents, sessions, mcp, shutdown):
        api.include_router(part.router)
    for router in (root.router, health.router, api):
        app.include_router(router)
    return app

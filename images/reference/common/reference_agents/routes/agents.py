"""How an agent is asked."""

from typing import Any

from fastapi import APIRouter, HTTPException, status
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from reference_agents.agents import AGENTS, Agent
from reference_agents.database import conversations
from reference_agents.llm import LlmError
from reference_agents.routes.parts import DatabasePart, LlmPart, ServerPart

router = APIRouter(prefix="/agent", tags=["agents"])


class RunRequest(BaseModel):
    """What the user says; without a session name the run begins a session of its own."""

    message_content: str
    session_name: str | None = Field(default=None, max_length=255)


class RunAnswer(BaseModel):
    """What the agent answers; without success the message says why."""

    message: str
    session_id: str
    success: bool
    tool_calls: list[dict[str, Any]] = []
    tool_outputs: list[dict[str, Any]] = []


@router.get("/list")
async def list_agents() -> list[dict[str, str]]:
    """List the agents."""
    return [{"name": agent.name, "description": agent.description} for agent in AGENTS.values()]


@router.post("/{name}/run", responses={404: {"description": "no such agent"}})
async def run_agent(name: str, body: RunRequest, database: DatabasePart, llm: LlmPart, server: ServerPart) -> RunAnswer:
    """Ask an agent; what is said on both sides is stored before it is answered here."""
    if server.stopping:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "the service is stopping")
    agent = _find(name)
    turn = await run_in_threadpool(conversations.ask, database, body.session_name, agent.name, body.message_content)
    try:
        reply = await llm.complete([{"role": "system", "content": agent.instructions}, *turn.history])
    except LlmError as error:
        return RunAnswer(message=f"The language model failed: {error}", session_id=turn.session_id, success=False)
    await run_in_threadpool(conversations.answer, database, turn.session_id, reply.text)
    return RunAnswer(message=reply.text, session_id=turn.session_id, success=True, tool_calls=reply.tool_calls)


def _find(name: str) -> Agent:
    if name not in AGENTS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no agent {name!r}")
    return AGENTS[name]

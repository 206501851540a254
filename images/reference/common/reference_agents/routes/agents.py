"""How an agent is asked."""

from typing import Any

from fastapi import APIRouter, HTTPException, status
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from reference_agents.agents import AGENTS, Agent
from reference_agents.database import conversations
from reference_agents.llm import LlmError
from reference_agents.llm.conversation import Message, Question
from reference_agents.model_name import ModelName, ModelNameError, model_name
from reference_agents.routes.failures import UNPROCESSABLE_CONTENT
from reference_agents.routes.parts import DatabasePart, LlmPart, ServerPart, SettingsPart

router = APIRouter(prefix="/agent", tags=["agents"])


class RunRequest(BaseModel):
    """What the user says; without a session name the run begins a session of its own.

    `model` is `provider:model`, by default the configured one; `stream` is how the model is asked, the answer is whole.
    """

    message_content: str
    session_name: str | None = Field(default=None, max_length=255)
    model: str | None = None
    stream: bool = False


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
async def run_agent(
    name: str, body: RunRequest, settings: SettingsPart, database: DatabasePart, llm: LlmPart, server: ServerPart
) -> RunAnswer:
    """Ask an agent; what is said on both sides is stored before it is answered here."""
    if server.stopping:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "the service is stopping")
    agent = _find(name)
    model = settings.model if body.model is None else _model(body.model)
    turn = await run_in_threadpool(conversations.ask, database, body.session_name, agent.name, body.message_content)
    said = [Message(each["role"], each["content"]) for each in turn.history]
    question = Question((Message("system", agent.instructions), *said), agent.tools, body.stream)
    try:
        outcome = await llm.complete(model, question)
    except LlmError as error:
        return RunAnswer(message=f"The language model failed: {error}", session_id=turn.session_id, success=False)
    await run_in_threadpool(conversations.answer, database, turn.session_id, outcome.text)
    return RunAnswer(
        message=outcome.text,
        session_id=turn.session_id,
        success=True,
        tool_calls=outcome.tool_calls,
        tool_outputs=outcome.tool_outputs,
    )


def _find(name: str) -> Agent:
    if name not in AGENTS:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no agent {name!r}")
    return AGENTS[name]


def _model(text: str) -> ModelName:
    try:
        return model_name(text)
    except ModelNameError as error:
        raise HTTPException(UNPROCESSABLE_CONTENT, f"model: {error}") from error

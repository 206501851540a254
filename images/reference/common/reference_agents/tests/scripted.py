"""A provider that says what a test has written down."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient

from reference_agents.llm import Llm
from reference_agents.llm.conversation import Call, Question, Reply
from reference_agents.settings import Settings

DONE = Reply("all is well", finish="stop")


class SomeError(Exception):
    """An exception as the SDKs raise them: with a status, headers and a body."""

    def __init__(self, status_code: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        super().__init__(f"status {status_code}")
        self.status_code, self.headers, self.body = status_code, headers or {}, body


def calls(*called: tuple[str, str]) -> Reply:
    """Return a reply that calls tools, by name and arguments."""
    found = tuple(Call(f"call-{number}", name, arguments) for number, (name, arguments) in enumerate(called))
    return Reply("", found, finish="tool_calls")


@dataclass
class Scripted:
    """Replies and exceptions in turn, the last one again and again; None is silence."""

    script: list[Reply | Exception | None]
    asked: list[Question] = field(default_factory=list)
    closed: bool = False

    async def ask(self, question: Question) -> Reply:
        """Say what is next."""
        said = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(question)
        if isinstance(said, Exception):
            raise said
        return said or await asyncio.Event().wait() or DONE

    async def close(self) -> None:
        """Note it."""
        self.closed = True


@contextmanager
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Give the seconds that are waited between attempts, without waiting."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    with monkeypatch.context() as patched:
        patched.setattr("reference_agents.llm.attempts.asyncio.sleep", sleep)
        yield waited


def run(client: TestClient, script: list[Reply | Exception | None], agent: str = "simple", **body: Any) -> Any:
    """Run an agent over a provider that follows a script; return its answer and the provider."""
    provider = Scripted(script)

    def connect(_name: str, _settings: Settings) -> Scripted:
        return provider

    client.app.state.llm = Llm(client.app.state.settings, connect)  # type: ignore[attr-defined]
    answer = client.post(f"/api/v1/agent/{agent}/run", json={"message_content": "hello", **body})
    assert answer.status_code == 200
    return answer.json(), provider

"""The way to the models."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from reference_agents.llm.attempts import reply_of
from reference_agents.llm.connection import connect
from reference_agents.llm.conversation import LlmError, Provider, Question, Reply
from reference_agents.llm.dialogue import Outcome, outcome_of
from reference_agents.llm.failure import failure
from reference_agents.llm.redaction import redaction
from reference_agents.model_name import ModelName
from reference_agents.settings import Settings

_log = logging.getLogger("uvicorn.error")

Connect = Callable[[str, Settings], Provider]


class Llm:
    """The models of all providers; a provider's SDK is imported when it is first asked."""

    def __init__(self, settings: Settings, connect: Connect = connect) -> None:
        self._settings = settings
        self._connect = connect
        self._redact = redaction(settings.llm_values)
        self._providers: dict[str, Provider] = {}
        self._connecting = asyncio.Lock()

    async def complete(self, model: ModelName, question: Question) -> Outcome:
        """Return what a model answers to a conversation, within the time for it, or raise LlmError.

        The time runs for all rounds and attempts together; importing an SDK does not count.
        """
        provider = await self._provider(model.provider)

        async def ask(asked: Question) -> Reply:
            return await reply_of(provider, asked, str(model), self._redact)

        dialogue = outcome_of(replace(question, model=model.model), ask)
        try:
            return await asyncio.wait_for(dialogue, self._settings.llm_timeout)
        except asyncio.TimeoutError as error:  # noqa: UP041 - another class than the built-in in Python 3.10
            raise LlmError(f"no answer within {self._settings.llm_timeout:g} s") from error

    async def close(self) -> None:
        """Close the connections to the models."""
        for name, provider in self._providers.items():
            try:
                await provider.close()
            except Exception as error:  # noqa: BLE001 - the others are to be closed all the same
                _log.warning("llm %s cannot be closed: %s", name, failure(error, self._redact).message)

    async def _provider(self, name: str) -> Provider:
        async with self._connecting:
            if name not in self._providers:
                try:  # In a thread: importing an SDK may take a second, and other requests go on.
                    self._providers[name] = await asyncio.to_thread(self._connect, name, self._settings)
                except Exception as error:
                    raise LlmError(failure(error, self._redact).message) from error
            return self._providers[name]

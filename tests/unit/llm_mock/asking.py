"""The providers' port without a process: what a request gets, in milliseconds."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from lab.llm_mock.data_plane import data_plane
from lab.llm_mock.journal import Entry
from lab.llm_mock.rules.reading import read_rules
from lab.llm_mock.state import State


@dataclass(frozen=True)
class Told:
    """An answer, and what the journal says of it."""

    response: httpx.Response
    entry: Entry

    @property
    def status(self) -> int:
        return self.response.status_code

    def json(self) -> Any:
        return self.response.json()

    def events(self) -> list[Any]:
        """The data of each server-sent event, read as JSON where it is."""
        blocks = [block for block in self.response.text.split("\n\n") if block]
        datas = ["".join(line[6:] for line in block.split("\n") if line.startswith("data: ")) for block in blocks]
        return [data if data == "[DONE]" else json.loads(data) for data in datas]

    def event_names(self) -> list[str]:
        return [line[7:] for line in self.response.text.split("\n") if line.startswith("event: ")]

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.response.text.splitlines() if line]


def ask(
    method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, rules: str | None = None
) -> Told:
    """Ask a new mock one thing; a body that is not bytes is sent as JSON, rules are YAML."""
    return asyncio.run(_ask(method, path, body, headers or {}, rules))


async def _ask(method: str, path: str, body: Any, headers: Mapping[str, str], rules: str | None) -> Told:
    state = State.new(rules=read_rules(rules) if rules is not None else None)
    transport = httpx.ASGITransport(data_plane(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes | None) else {"json": body}
        response = await client.request(method, path, headers=headers, **sent)
    return Told(response, state.journal.after(0)[-1])

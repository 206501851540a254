"""Sending an answer, with what is to go wrong on the way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope
from starlette.types import Send as Speak

from lab.llm_mock.fault import Fault
from lab.llm_mock.pace import Patience
from lab.llm_mock.script import CHUNK, Break, Due, End, Fill, Pause, Script, Send, Step
from lab.llm_mock.wire.base import Headers, Streamed, Whole


class Line(Protocol):
    """The connection beneath an answer, which can be broken."""

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads any more."""

    def cut(self) -> None:
        """Close after what was written."""

    def reset(self) -> None:
        """End with a reset."""


class BrokenError(Exception):
    """The connection was broken on purpose, or the mock is ending: nothing more can be said."""


@dataclass
class Sending:
    """One answer on its way: whether its head is out, how many pieces are, and which faults were really given."""

    scope: Scope
    receive: Receive
    send: Speak
    patience: Patience
    started: bool = False
    pieces: int = 0
    given: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line: Line | None = self.scope.get("state", {}).get("line")

    def give(self, *faults: Fault | None) -> None:
        """Record faults as given, once each."""
        self.given += [fault for fault in faults if fault is not None and fault not in self.given]

    async def head(self, status: int, media_type: str, headers: Headers, length: int | None) -> None:
        """Send status and headers."""
        self.started = True
        fields = [(b"content-type", media_type.encode("latin-1"))]
        for name, value in headers:
            fields.append((name.encode("latin-1"), value.encode("latin-1")))
        if length is not None:
            fields.append((b"content-length", b"%d" % length))
        await self.send({"type": "http.response.start", "status": status, "headers": fields})

    async def body(self, data: bytes, *, more: bool) -> None:
        """Send a part of the body; raises ClientDisconnect where nobody is there any more."""
        if (line := self.line) is not None and line.is_closed:
            raise ClientDisconnect
        message: Message = {"type": "http.response.body", "body": data, "more_body": more}
        await self.send(message)

    async def broken(self, *, hard: bool = False) -> BrokenError:
        """Break the connection, wait until it is, and return the error to raise."""
        if (line := self.line) is not None:
            line.reset() if hard else line.cut()
            self.patience.close()
            while (await self.receive())["type"] != "http.disconnect":
                pass
        return BrokenError()


async def deliver_whole(sending: Sending, whole: Whole) -> None:
    """Send an answer in one piece."""
    await sending.head(whole.status, whole.media_type, whole.headers, len(whole.body))
    await sending.body(whole.body, more=False)


async def deliver_stream(sending: Sending, stream: Streamed) -> None:
    """Send a stream without faults: a chunk for each frame, with no pause between them."""
    frames = iter(stream.frames)
    # Should writing the answer fail, nothing was said yet.
    frame = next(frames, None)
    await sending.head(200, stream.media_type, stream.headers, None)
    while frame is not None:
        await sending.body(frame.data, more=True)
        sending.pieces += frame.piece
        frame = next(frames, None)
    await sending.body(b"", more=False)


async def perform(sending: Sending, script: Script) -> None:
    """Send an answer step by step; raises BrokenError where that breaks the connection, and ClientDisconnect."""
    for step in script.before:
        sending.give(step.fault)
        match step:
            case Pause():
                await sending.patience.wait(step.seconds)
            case Break():
                raise await sending.broken(hard=step.fault.kind == "reset")
    sending.give(*script.given)
    await sending.head(script.status, script.media_type, script.headers, script.length)
    await _steps(sending, script.steps)
    await sending.body(b"", more=False)


async def _steps(sending: Sending, steps: Iterable[Step]) -> None:
    begun: float | None = None
    clock = sending.patience.clock
    for step in steps:
        sending.give(step.fault)
        match step:
            case Send():
                if step.data:
                    await sending.body(step.data, more=True)
                sending.pieces += step.pieces
            case Fill():
                await _fill(sending, step)
            case Pause():
                await _wait(sending, step.seconds)
            case Due():
                begun = clock() if begun is None else begun
                if (left := begun + step.seconds - clock()) > 0:
                    await _wait(sending, left)
            case Break():
                raise await sending.broken(hard=step.fault.kind == "reset")
            case End():
                return


async def _wait(sending: Sending, seconds: float | None) -> None:
    if not await sending.patience.wait(seconds):
        raise await sending.broken()


async def _fill(sending: Sending, fill: Fill) -> None:
    """Send the same over and over, in whole: of what is repeated nothing is cut, unless it is a single byte."""
    chunk = fill.data * max(1, CHUNK // len(fill.data))
    left = fill.size
    while left > 0:
        if len(fill.data) == 1:
            chunk = chunk[:left]
        await sending.body(chunk, more=True)
        if sending.patience.lost:
            raise await sending.broken()
        left -= len(chunk)

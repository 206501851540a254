"""The port that the lab talks to: journal, verification, rules, delay, gate, reset."""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from lab.llm_mock import metrics
from lab.llm_mock.delay import MAX_SECONDS, Setting
from lab.llm_mock.entry import Entry
from lab.llm_mock.intake import departure, read_body
from lab.llm_mock.journal import AT_ONCE
from lab.llm_mock.neighbours import NeighboursOnly
from lab.llm_mock.pages import page
from lab.llm_mock.rules.problem import SIZE_LIMIT, RulesError
from lab.llm_mock.state import State
from lab.llm_mock.wire import forgetting
from lab.llm_mock.wire.base import JSON, RejectedError, to_json

BODY_LIMIT = 64 * 1024
_LOG = logging.getLogger(__name__)
MAX_WAIT = 600
MAX_NUMBER = 2**53  # beyond it a JSON number is not exact everywhere


class _InvalidError(Exception):
    def __init__(self, place: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.detail = [{"loc": place, "msg": message, "type": "value_error"}]


def control_plane(state: State) -> Starlette:
    """Make the application; it starts after the providers' port listens, so answering at all is readiness."""
    plane = _Plane(state)
    return Starlette(
        routes=[
            Route("/", plane.index),
            Route("/health", plane.health),
            Route("/ready", plane.ready),
            Route("/metrics", plane.metrics),
            Route("/journal", plane.journal),
            Route("/journal.ndjson", plane.journal_lines),
            Route("/verify", plane.verify, methods=["POST"]),
            Route("/rules", plane.rules),
            Route("/rules", plane.put_rules, methods=["PUT"]),
            Route("/delay", plane.put_delay, methods=["PUT"]),
            Route("/gate", plane.gate),
            Route("/gate", plane.put_gate, methods=["PUT"]),
            Route("/reset", plane.reset, methods=["POST"]),
        ],
        middleware=[Middleware(NeighboursOnly)],
        exception_handlers={
            _InvalidError: _say,
            RulesError: _say,
            HTTPException: _say,
            ClientDisconnect: _say,
            Exception: _failed,
        },
    )


class _Plane:
    """The answers of one mock's control port."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def index(self, _request: Request) -> Response:
        told = self._state.rulebook.told()
        await self._state.journal.settle()
        written = page(told, self._state.journal, is_open=self._state.gate.is_open)
        return Response(written.encode("utf-8", "replace"), media_type="text/html; charset=utf-8")

    async def health(self, _request: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        return _json({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        journal = self._state.journal
        written = journal.metrics.written(entries=len(journal), dropped=journal.dropped)
        return Response(written, media_type=metrics.MEDIA_TYPE)

    async def journal(self, request: Request) -> Response:
        state = self._state
        after = int(_number(request, "after", MAX_NUMBER, whole=True))
        await _news(request, state, after, seconds=_number(request, "wait", MAX_WAIT))
        await state.journal.settle()
        entries, end = state.journal.after(after), (state.journal.last_seq, state.journal.dropped)
        written = b'{"entries":[' + b",".join(await _written(entries)) + b'],"next":%d,"dropped":%d}' % end
        return Response(written, media_type=JSON)

    async def journal_lines(self, _request: Request) -> Response:
        await self._state.journal.settle()
        lines = await _written(self._state.journal.after(0))
        return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson")

    async def verify(self, request: Request) -> Response:
        # What reads YAML is not needed for a start, which is to be quick.
        from lab.llm_mock.verification import read_checks, verify

        checks, is_list = await asyncio.to_thread(read_checks, await _whole(request))
        await self._state.journal.settle()
        records = self._state.journal.records()
        # Thousands of bodies may have to be read: nobody else's answer waits for that.
        try:
            results = await asyncio.to_thread(lambda: [verify(check, records) for check in checks])
        except RejectedError as rejected:
            raise _InvalidError(("body", "matches"), rejected.problem.message) from rejected
        return _json({"ok": all(each["ok"] for each in results), "results": results} if is_list else results[0])

    async def rules(self, _request: Request) -> Response:
        return _json(self._state.rulebook.told())

    async def put_rules(self, request: Request) -> Response:
        from lab.llm_mock.rules.reading import read_rules

        self._state.rulebook.replace(await asyncio.to_thread(read_rules, await _whole(request)))
        return _json(self._state.rulebook.told())

    async def put_delay(self, request: Request) -> Response:
        self._state.delay.setting = _setting(await read_body(request, BODY_LIMIT))
        return _json(asdict(self._state.delay.setting))

    async def gate(self, _request: Request) -> Response:
        return _json({"open": self._state.gate.is_open})

    async def put_gate(self, request: Request) -> Response:
        is_open, seconds = _gate(await read_body(request, BODY_LIMIT))
        await self._set_gate(is_open=is_open, seconds=seconds)
        return await self.gate(request)

    async def reset(self, request: Request) -> Response:
        rules = request.query_params.get("rules", "false")
        if rules not in ("true", "false"):
            raise _InvalidError(("query", "rules"), "rules must be true or false")
        self._state.journal.reset()
        forgetting.forget()
        self._state.delay.reset()
        self._state.rulebook.reset(rules=rules == "true")
        if self._state.quotas is not None:
            self._state.quotas.reset()
        await self._set_gate(is_open=True)
        return _json({"status": "reset"})

    async def _set_gate(self, *, is_open: bool, seconds: float | None = None) -> None:
        try:
            await self._state.gate.set(is_open=is_open, seconds=seconds)
        except OSError as error:
            raise HTTPException(503, f"the providers' port cannot be opened: {error}") from error


async def _whole(request: Request) -> bytes:
    body = await read_body(request, SIZE_LIMIT)
    if body is None:
        raise HTTPException(413, f"the body is larger than {SIZE_LIMIT} bytes")
    return body


async def _written(entries: Sequence[Entry]) -> list[bytes]:
    """Write entries as JSON, a few at a time: answers under way do not wait for a reader."""
    written: list[bytes] = []
    for first in range(0, len(entries), AT_ONCE):
        written += [to_json(asdict(entry)) for entry in entries[first : first + AT_ONCE]]
        await asyncio.sleep(0)
    return written


async def _news(request: Request, state: State, after: int, *, seconds: float) -> None:
    """Return once there is an entry after this one, the time is over, or nobody is there to be told."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    if not seconds or await read_body(request, BODY_LIMIT) is None:
        return
    async with departure(request.receive) as gone:
        while not state.journal.has_after(after) and not state.stopping.done() and not gone.done():
            if (left := deadline - clock()) <= 0:
                return
            await asyncio.wait(
                {state.journal.grown(), state.stopping, gone},
                timeout=left,
                return_when=asyncio.FIRST_COMPLETED,
            )


def _number(request: Request, name: str, most: float, *, whole: bool = False) -> float:
    text = request.query_params.get(name, "0")
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        kind = "a whole number" if whole else "a number"
        raise _InvalidError(("query", name), f"{name} must be {kind} from 0 to {most}")
    return number


def _object(body: bytes | None) -> Any:
    try:
        return json.loads(body or b"")
    except (ValueError, RecursionError):
        _invalid("the body is not JSON")


def _setting(body: bytes | None) -> Setting:
    wanted = _object(body)
    if not isinstance(wanted, dict) or not {"seconds"} <= wanted.keys() <= {"seconds", "times"}:
        _invalid('the body must be {"seconds": number} or {"seconds": number, "times": number}')
    return _checked(wanted)


def _checked(wanted: Mapping[str, Any]) -> Setting:
    times = wanted.get("times")
    seconds = _seconds(wanted["seconds"])
    counted = isinstance(times, int) and not isinstance(times, bool) and 1 <= times <= MAX_NUMBER
    if times is not None and not counted:
        _invalid("times must be a whole number from 1, or absent for all requests that follow", "times")
    return Setting(seconds, times)


def _gate(body: bytes | None) -> tuple[bool, float | None]:
    """Return whether the gate is to be open, and after how many seconds a closed one opens again."""
    wanted = _object(body)
    if isinstance(wanted, dict) and wanted.keys() == {"open"} and isinstance(wanted["open"], bool):
        return wanted["open"], None
    if isinstance(wanted, dict) and wanted.keys() == {"seconds"}:
        return False, _seconds(wanted["seconds"])
    return _invalid('the body must be {"open": true or false}, or {"seconds": number} to close it for so long')


def _seconds(value: Any) -> float:
    # In Python true is a number, too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        _invalid(f"seconds must be a number from 0 to {MAX_SECONDS}", "seconds")
    return float(value)


def _invalid(message: str, *field: str) -> NoReturn:
    raise _InvalidError(("body", *field), message)


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status_code=status, media_type=JSON)


async def _failed(_request: Request, error: Exception) -> Response:
    _LOG.error("llm-mock failed to carry out an order", exc_info=error)
    return _json({"detail": f"the mock itself failed: {type(error).__name__}"}, 500)


async def _say(_request: Request, error: Exception) -> Response:
    match error:
        case _InvalidError():
            return _json({"detail": error.detail}, 422)
        case RulesError():
            detail = [
                {"loc": ["body"], "msg": str(each), "type": "value_error", **asdict(each)} for each in error.problems
            ]
            return _json({"detail": detail}, 422)
        case HTTPException():
            return _json({"detail": error.detail}, error.status_code)
        case _:  # the client has gone: nobody reads it
            return Response(status_code=400)

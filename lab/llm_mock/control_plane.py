"""The port that the lab talks to: journal, delay, reset."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from lab.llm_mock.delay import MAX_SECONDS, Setting
from lab.llm_mock.intake import departure, read_body
from lab.llm_mock.reply import JSON, to_json
from lab.llm_mock.state import State

BODY_LIMIT = 64 * 1024
MAX_WAIT = 600
MAX_NUMBER = 2**53  # beyond it a JSON number is not exact everywhere


class _InvalidError(Exception):
    def __init__(self, place: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.detail = [{"loc": place, "msg": message, "type": "value_error"}]


def control_plane(state: State) -> Starlette:
    """Make the application; it starts after the providers' port listens, so answering at all is readiness."""

    async def health(_request: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(_request: Request) -> Response:
        return _json({"status": "ready"})

    async def journal(request: Request) -> Response:
        after = int(_number(request, "after", MAX_NUMBER, whole=True))
        await _news(request, state, after, seconds=_number(request, "wait", MAX_WAIT))
        entries = [asdict(entry) for entry in state.journal.after(after)]
        return _json({"entries": entries, "next": state.journal.last_seq, "dropped": state.journal.dropped})

    async def journal_lines(_request: Request) -> Response:
        lines = b"".join(to_json(asdict(entry)) + b"\n" for entry in state.journal.after(0))
        return Response(lines, media_type="application/x-ndjson")

    async def put_delay(request: Request) -> Response:
        state.delay.setting = _setting(await read_body(request, BODY_LIMIT))
        return _json(asdict(state.delay.setting))

    async def reset(_request: Request) -> Response:
        state.journal.reset()
        state.delay.reset()
        return _json({"status": "reset"})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/ready", ready),
            Route("/journal", journal),
            Route("/journal.ndjson", journal_lines),
            Route("/delay", put_delay, methods=["PUT"]),
            Route("/reset", reset, methods=["POST"]),
        ],
        exception_handlers={_InvalidError: _say, HTTPException: _say, ClientDisconnect: _say},
    )


async def _news(request: Request, state: State, after: int, *, seconds: float) -> None:
    """Return once there is an entry after this one, the time is over, or nobody is there to be told."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    if not seconds or await read_body(request, BODY_LIMIT) is None:
        return
    async with departure(request.receive) as gone:
        while not state.journal.after(after) and not state.stopping.done() and not gone.done():
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


def _setting(body: bytes | None) -> Setting:
    try:
        wanted = json.loads(body or b"")
    except (ValueError, RecursionError):
        _invalid("the body is not JSON")
    if not isinstance(wanted, dict) or not {"seconds"} <= wanted.keys() <= {"seconds", "times"}:
        _invalid('the body must be {"seconds": number} or {"seconds": number, "times": number}')
    return _checked(wanted)


def _checked(wanted: Mapping[str, Any]) -> Setting:
    seconds, times = wanted["seconds"], wanted.get("times")
    # In Python true is a number, too.
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_SECONDS:
        _invalid(f"seconds must be a number from 0 to {MAX_SECONDS}", "seconds")
    counted = isinstance(times, int) and not isinstance(times, bool) and 1 <= times <= MAX_NUMBER
    if times is not None and not counted:
        _invalid("times must be a whole number from 1, or absent for all requests that follow", "times")
    return Setting(float(seconds), times)


def _invalid(message: str, *field: str) -> NoReturn:
    raise _InvalidError(("body", *field), message)


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status_code=status, media_type=JSON)


async def _say(_request: Request, error: Exception) -> Response:
    match error:
        case _InvalidError():
            return _json({"detail": error.detail}, 422)
        case HTTPException():
            return _json({"detail": error.detail}, error.status_code)
        case _:  # the client has gone: nobody reads it
            return Response(status_code=400)

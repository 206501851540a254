"""Reading a request: whole, within limits, and noticing when its sender goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import Receive


async def read_body(request: Request, limit: int) -> bytes | None:
    """Return the whole body, or None if it is longer than `limit` bytes.

    The rest of a body that is too long is read and thrown away: a sender that is cut off while it writes
    would see a broken connection instead of the answer.
    """
    body = bytearray()
    too_long = False
    async for chunk in request.stream():
        too_long = too_long or len(body) + len(chunk) > limit
        if too_long:
            body.clear()
        else:
            body += chunk
    return None if too_long else bytes(body)


@asynccontextmanager
async def departure(receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """Give a task that is done once the sender has gone; use it after the body was read."""
    task = asyncio.create_task(_until_disconnected(receive))
    try:
        yield task
    finally:
        task.cancel()


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

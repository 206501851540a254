"""Reading a request: whole, within limits, and noticing when its sender goes away."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from lab.llm_mock.wire.base import RejectedError

# How zlib is told the two: gzip has a header of its own, and what calls itself deflate has zlib's or none.
_GZIP, _ZLIB, _BARE = 31, 15, -15


class Room:
    """What the bodies of all requests may take together that are not answered yet, in bytes."""

    def __init__(self, size: int) -> None:
        self.left = size


async def read_body(request: Request, limit: int) -> bytes | None:
    """Return the whole body, or None if it is longer than `limit` bytes.

    Raises ClientDisconnect, and HTTPException for a request that did not come to its end.
    """
    try:
        body = await take_body(request.receive, limit, Room(limit))
    except RejectedError:
        return None
    if is_late(request.scope):
        raise HTTPException(408, "the request took too long to arrive")
    return body


def is_late(scope: Scope) -> bool:
    """Whether a request was given up before its end was there: what there is of its body is not all."""
    return bool(scope.get("state", {}).get("late"))


async def take_body(receive: Receive, limit: int, room: Room) -> bytes:
    """Return the whole body; raises ClientDisconnect and RejectedError.

    The latter is for one that is longer than `limit` bytes, or for which the others leave no room. The rest of such a
    body is read and thrown away: a sender that is cut off while it writes would see a broken connection instead of the
    answer.
    """
    chunks: list[bytes] = []
    size = taken = 0
    refused: RejectedError | None = None
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                refused = RejectedError(f"Request body is larger than {limit} bytes.", status=413)
            elif refused is None and len(chunk) > room.left:
                refused = _crowded()
            if refused is not None:
                chunks.clear()
                room.left, taken = room.left + taken, 0
            elif chunk:
                chunks.append(chunk)
                room.left, taken = room.left - len(chunk), taken + len(chunk)
            if not message.get("more_body", False):
                if refused is not None:
                    raise refused
                return b"".join(chunks)
    finally:
        room.left += taken


def decoded(body: bytes, encoding: str, limit: int, room: Room) -> bytes:
    """Undo a body's `content-encoding`.

    Raises RejectedError for one that is unknown or wrong, and for a body that unpacked is longer than `limit` bytes or
    finds no room.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _unpacked(body, _GZIP, limit, room)
        case "deflate":
            # The first byte of zlib's header says "deflate" in its lower half.
            return _unpacked(body, _ZLIB if body[:1] and body[0] & 15 == 8 else _BARE, limit, room)  # noqa: PLR2004
        case _:
            raise RejectedError("The content encoding of your request is not supported.", status=415)


def _unpacked(body: bytes, window: int, limit: int, room: Room) -> bytes:
    unpacking = zlib.decompressobj(window)
    most = min(limit, room.left)
    try:
        # One byte more than is allowed tells whether there is more; the rest is never unpacked.
        unpacked = unpacking.decompress(body, most + 1)
    except zlib.error:
        raise RejectedError("The body of your request is not encoded as it says.") from None
    if len(unpacked) > limit:
        raise RejectedError(f"Request body is larger than {limit} bytes.", status=413)
    if len(unpacked) > most:
        raise _crowded()
    if not unpacking.eof:
        raise RejectedError("The body of your request is not encoded as it says.")
    return unpacked


def _crowded() -> RejectedError:
    return RejectedError("Too many large requests arrive at once.", status=503)


@asynccontextmanager
async def departure(receive: Receive) -> AsyncIterator[asyncio.Task[None]]:
    """Give a task that is done once the sender has gone; use it after the body was read."""
    task = asyncio.create_task(departed(receive))
    try:
        yield task
    finally:
        task.cancel()


async def departed(receive: Receive) -> None:
    """Return once the sender has gone or will send no more: after its body nothing else is there to be received."""
    await receive()

"""Reading a request: whole, within limits, and noticing when its sender goes away."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from lab.llm_mock.wire.base import RejectedError

# How zlib is told the two: gzip has a header of its own, and what calls itself deflate has zlib's or none.
_GZIP, _ZLIB, _BARE = 31, 15, -15


async def read_body(request: Request, limit: int) -> bytes | None:
    """Return the whole body, or None if it is longer than `limit` bytes; raises ClientDisconnect."""
    return await take_body(request.receive, limit)


async def take_body(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None if it is longer than `limit` bytes; raises ClientDisconnect.

    The rest of a body that is too long is read and thrown away: a sender that is cut off while it writes
    would see a broken connection instead of the answer.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if chunk := message.get("body", b""):
            size += len(chunk)
            if size > limit:
                chunks.clear()
            else:
                chunks.append(chunk)
        if not message.get("more_body", False):
            return None if size > limit else b"".join(chunks)


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo a body's `content-encoding`; raises RejectedError for one that is unknown, wrong, or too long unpacked."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _unpacked(body, _GZIP, limit)
        case "deflate":
            # The first byte of zlib's header says "deflate" in its lower half.
            return _unpacked(body, _ZLIB if body[:1] and body[0] & 15 == 8 else _BARE, limit)  # noqa: PLR2004
        case _:
            raise RejectedError("The content encoding of your request is not supported.", status=415)


def _unpacked(body: bytes, window: int, limit: int) -> bytes:
    unpacking = zlib.decompressobj(window)
    try:
        # One byte more than is allowed tells whether there is more; the rest is never unpacked.
        unpacked = unpacking.decompress(body, limit + 1)
    except zlib.error:
        raise RejectedError("The body of your request is not encoded as it says.") from None
    if len(unpacked) > limit:
        raise RejectedError(f"Request body is larger than {limit} bytes.", status=413)
    if not unpacking.eof:
        raise RejectedError("The body of your request is not encoded as it says.")
    return unpacked


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

"""The port that products talk to: it looks like the providers and journals every request."""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from lab.llm_mock.intake import departure, read_body
from lab.llm_mock.providers import openai
from lab.llm_mock.reply import Reply
from lab.llm_mock.state import State

BODY_LIMIT = 10 * 1024 * 1024


def data_plane(state: State) -> ASGIApp:
    """Make the application; a request is in the journal before its delay begins."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await read_body(request, BODY_LIMIT)
        except ClientDisconnect:
            return  # it never became a request
        reply = _reply(request.method, scope["path"], body)
        seq = state.journal.begin(
            method=request.method,
            path=scope["path"],
            authorization=request.headers.get("authorization"),
            asked=reply.asked,
        )
        async with departure(receive) as gone:
            if reply.may_be_delayed and (seconds := state.delay.take()):
                await asyncio.wait({gone, state.out_of_patience}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                state.journal.finish(seq, status=None, outcome="client-disconnected")
            elif await _deliver(reply, send, gone):
                state.journal.finish(seq, status=reply.status, outcome=reply.outcome)
            else:
                state.journal.finish(seq, status=reply.status, outcome="client-disconnected")

    return app


def _reply(method: str, path: str, body: bytes | None) -> Reply:
    answer = openai.ROUTES.get(path, {}).get(method)
    if answer is None:
        return openai.unmatched(method, path)
    if body is None:
        return openai.too_large(BODY_LIMIT)
    return answer(body)


async def _deliver(reply: Reply, send: Send, gone: asyncio.Task[None]) -> bool:
    """Send a reply, a chunk at a time; False if the client went away before the last one."""
    headers = [(b"content-type", reply.media_type.encode("ascii"))]
    if len(reply.chunks) == 1:
        headers.append((b"content-length", str(len(reply.chunks[0])).encode("ascii")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    *earlier, last = reply.chunks
    for chunk in earlier:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    # Asked before the last chunk: after it the connection is free, which looks like a departure.
    complete = not gone.done()
    await send({"type": "http.response.body", "body": last, "more_body": False})
    return complete

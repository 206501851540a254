"""What the LLM mock is measured against: Starlette and uvicorn, which do nothing but answer.

`python -m bench.bare SIZE CHUNKS` prints its port. `GET /` says hello, `POST /json` reads a body and answers JSON of
SIZE bytes, `POST /stream` sends CHUNKS parts of SIZE bytes in all.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


def main() -> None:
    """Serve until the process is ended."""
    size, chunks = int(sys.argv[1]), int(sys.argv[2])
    filler = {"text": "x" * (size - len('{"text":""}'))}
    part = b"x" * (size // chunks)

    async def hello(_request: Request) -> Response:
        return PlainTextResponse("Hello, world!")

    async def whole(request: Request) -> Response:
        await request.json()
        return JSONResponse(filler)

    async def stream(request: Request) -> Response:
        await request.json()
        return StreamingResponse(_parts(part, chunks), media_type="text/event-stream")

    app = Starlette(
        routes=[
            Route("/", hello),
            Route("/json", whole, methods=["POST"]),
            Route("/stream", stream, methods=["POST"]),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    config = uvicorn.Config(app, http="h11", ws="none", lifespan="off", access_log=False, log_level="critical")
    asyncio.run(uvicorn.Server(config).serve([listener]))


async def _parts(part: bytes, chunks: int) -> AsyncIterator[bytes]:
    for _ in range(chunks):
        yield part


if __name__ == "__main__":
    main()

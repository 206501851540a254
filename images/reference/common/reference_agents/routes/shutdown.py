"""How the service is stopped over HTTP."""

from fastapi import APIRouter, status

from reference_agents.routes.parts import ServerPart

router = APIRouter(prefix="/shutdown", tags=["service"])


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def shutdown(server: ServerPart) -> dict[str, str]:
    """Begin the same graceful stop as SIGTERM; this answer is the last of the requests in flight."""
    server.stop()
    return {"status": "stopping"}

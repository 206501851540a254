"""What this service is."""

from typing import Any

from fastapi import APIRouter

from reference_agents.version import DISTRIBUTION, version

router = APIRouter(tags=["service"])


@router.get("/")
async def root() -> dict[str, Any]:
    """Name the service, its version and where to go from here."""
    return {
        "name": DISTRIBUTION,
        "version": version(),
        "links": {"health": "/health", "openapi": "/openapi.json", "docs": "/docs", "api": "/api/v1"},
    }

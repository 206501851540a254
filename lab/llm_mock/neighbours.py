"""Who may talk to the control port: no page of another site that a browser shows, whatever its name resolves to."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lab.llm_mock.wire.base import JSON, to_json


class NeighboursOnly:
    """Refuses with 403 what a browser sends for another site, and what asks for a name that the Internet could give.

    A site can let its own name resolve to this machine, and its page is then of the same origin as this port. It
    cannot do so with an address, nor with a name without dots.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and (reason := _refused(Headers(scope=scope))) is not None:
            await Response(to_json({"detail": reason}), 403, media_type=JSON)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refused(headers: Headers) -> str | None:
    host = headers.get("host", "")
    if host and not _is_ours(_hostname(host)):
        return "the control port answers to addresses and to names without dots, not to this Host"
    origin = headers.get("origin")
    if origin is not None and _place(origin) != host.lower():
        return "the control port does not answer to pages of other sites"
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "the control port does not answer to pages of other sites"
    return None


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return "in.valid"


def _is_ours(name: str) -> bool:
    if "." not in name and ":" not in name:
        return bool(name)
    if name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""

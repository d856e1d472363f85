"""A studio on the loopback address serves programs of this machine, not the pages of any web
site that a browser of this machine has open."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.wire.codec import encode
from studio_worker_studio.messages import ErrorBody


class LoopbackOnly:
    """Refuses requests that come in over loopback under another name (a page that had its name
    point here), and those of foreign pages (``Origin``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = _refusal(scope)
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            body = encode(ErrorBody("forbidden_origin", reason))
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def _refusal(scope: Scope) -> str | None:
    server = scope.get("server")
    if not server or not is_loopback_host(server[0]):
        return None
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if host and not _names_this_machine(host):
        return (
            "this address is for this machine alone, by the name localhost or its address; "
            "behind a reverse proxy start the studio with --behind-proxy"
        )
    origin = headers.get(b"origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return "requests of pages from elsewhere are refused"
    return None


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback_host(name)

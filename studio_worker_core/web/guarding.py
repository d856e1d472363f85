"""Every request of a page is judged here: where it comes from, and what the browser may do with
the answer."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
"""The content security policy of every page."""

_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE = ("GET", "HEAD")


class PageGuard:
    """ASGI middleware: requests that other pages sent are refused, and answers carry the headers
    that keep a page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request, then pass it on or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if not is_from_here(scope["method"], scope.get("scheme", "http"), headers):
            refused = PlainTextResponse("another page sent this request", 403, headers=_HEADERS)
            await refused(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                answer.setdefault("content-security-policy", POLICY)
                answer.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


def is_from_here(method: str, scheme: str, headers: Mapping[str, str]) -> bool:
    """Whether the page itself, or a person, sent a request: the ``Origin`` is exactly the
    page's, and a browser that says more agrees. A link elsewhere may lead here."""
    origin = headers.get("origin")
    if origin is not None and origin != f"{scheme}://{headers.get('host', '')}":
        return False
    site = headers.get("sec-fetch-site", "none")
    if site in ("none", "same-origin"):
        return True
    return method in _SAFE and headers.get("sec-fetch-mode") == "navigate"

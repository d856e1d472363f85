"""Answers of servers that are no studio: a page, a login, a proxy, another program's JSON."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from studio_worker_core.errors import HttpStatusError, StudioError, TransportError, WireError
from studio_worker_core.foreign_text import quoted
from studio_worker_core.network.loopback import is_loopback_host
from studio_worker_core.network.pages import is_page, page_words
from studio_worker_core.network.proxies import LOGIN_WORDS, UnusableProxy, named_proxy
from studio_worker_core.wire.codec import decode
from studio_worker_core.wire.complaints import complaint

_LONGEST_BODY = 64 * 1024
_DOUBT = "is api_base_url the address of a studio?"

T = TypeVar("T")
_NO_JSON = object()


def proxy_of(op: str, url: str) -> str | None:
    """The address of the proxy to ask for ``url``; None to go there directly.

    Raises:
        TransportError: the environment names one that cannot be used.
    """
    if is_loopback_host(urlsplit(url).hostname or ""):
        return None
    parts = urlsplit(url)
    if parts.scheme in ("ws", "wss"):
        parts = parts._replace(scheme=parts.scheme.replace("ws", "http"))
    try:
        proxy = named_proxy(parts)
    except UnusableProxy as error:
        raise TransportError(op, str(error)) from None
    return proxy.geturl() if proxy is not None else None


def status_error(
    op: str, status: int, media_type: str, body: bytes, *, retry_after: float | None
) -> StudioError:
    """The error for an answer outside 2xx; a page is named, not repeated."""
    if status == 407:
        return TransportError(op, LOGIN_WORDS)
    if is_page(media_type, body):
        if status < 500:
            said = f"{page_words(body)}, not the answer of a studio; {_DOUBT}"
        else:
            said = f"{page_words(body)} of a server in front of the studio; is the studio running?"
        return HttpStatusError(op, status, said, retry_after=retry_after)
    said = quoted(body[:_LONGEST_BODY].decode("utf-8", errors="replace"), _LONGEST_BODY)
    if op == "register-request" and status in (404, 405, 501):
        # Every studio has this address.
        said = f"{said[:200]} (nobody takes registrations there; {_DOUBT})".strip()
    return HttpStatusError(op, status, said, retry_after=retry_after)


def refuse_page(op: str, media_type: str, body: bytes) -> None:
    """Raise for a page that came with 2xx. Any other status is believed whoever words it: a
    studio's "not known" may come as a page, too (protocol §2, §3).

    Raises:
        TransportError: so that nothing counts as delivered because a login or a proxy answered
            in the studio's place.
    """
    if is_page(media_type, body):
        raise TransportError(op, f"{page_words(body)} answers in place of a studio; {_DOUBT}")


def refuse_stranger(op: str, status: int, media_type: str, body: bytes) -> None:
    """Raise unless "not known" is said as studios say it: as a JSON object (protocol §2).

    Raises:
        HttpStatusError: anybody's 404 or 401.
    """
    if is_page(media_type, body):
        raise status_error(op, status, media_type, body, retry_after=None)
    if not isinstance(_json(body), dict):
        raise HttpStatusError(op, status, f"not the answer of a studio; {_DOUBT}")


def redirection(op: str, status: int, own_host: str | None, location: str) -> TransportError:
    """The error for a redirect, which is never followed."""
    try:
        place = urlsplit(location)
        host = place.hostname or own_host
    except ValueError:
        return TransportError(op, f"the studio redirects to nowhere ({status}); {_DOUBT}")
    target = quoted(f"{place.scheme}://{place.netloc}" if place.netloc else "elsewhere")
    remedy = "set api_base_url to the final address"
    if host != own_host:
        remedy += " if that is the studio; a login in front of it cannot be passed"
    return TransportError(
        op, f"the studio redirects to {target} ({status}), which is not followed; {remedy}"
    )


def decoded(kind: type[T], body: bytes, *, what: str) -> T:
    """As :func:`decode`, with the doubt that it is a studio at all in the message."""
    try:
        return decode(kind, body, what=what)
    except WireError as error:
        raise WireError(what, f"{_what_is_wrong(kind, body, error)}; {_DOUBT}") from None


def _what_is_wrong(kind: Any, body: bytes, error: WireError) -> str:
    if not body.strip():
        return "it is empty"
    value = _json(body)
    if value is _NO_JSON:
        return "it is no JSON"
    if not isinstance(value, dict):
        return "it is no JSON object"
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as invalid:
        return complaint(invalid)
    return error.reason


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _NO_JSON

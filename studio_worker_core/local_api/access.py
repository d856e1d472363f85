"""Who may speak to the local API: this machine, with the token, and no web site but its own.

A browser lets any page send requests to loopback; the ``Host`` and ``Origin`` it adds tell such
a request from one of a program (original.md, local API: 403 for a host or origin that is not
loopback, 401 without the token). A cross-origin request from a page on this machine is answered
with the headers that let the page read it.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Collection
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from studio_worker_core.network.loopback import is_loopback_host

OPEN_PATHS = frozenset({"/healthz"})
"""What is answered without a token."""

PAGE = "/ui"
"""The worker's own page is under here: it looks for a session of its own, and takes no token."""

FILES = "/files/"
"""Under here lie results of an hour, each under a name that cannot be guessed: the name is what
lets in, since a page shows a picture without sending a token."""

UNSIGNED = (
    "this needs the local API's token as 'Authorization: Bearer …'; 'studio-worker api' shows "
    "where it is"
)
_METHODS = "GET, POST, PUT, DELETE, HEAD, OPTIONS"


class Access(Struct, frozen=True):
    """What a request said about where it comes from; header values as they came."""

    method: str
    path: str
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    asks_method: str | None = None
    """``Access-Control-Request-Method``: with it an OPTIONS request is a preflight."""
    is_local: bool = True
    """Whether it came to a loopback address."""


class Denial(Struct, frozen=True):
    """Why a request is turned away."""

    status: Literal[401, 403]
    message: str


def judge(
    access: Access, token: str, hosts: Collection[str] = ()
) -> Denial | Literal["preflight"] | None:
    """Whether a request may go on: None when it may.

    :param hosts: what other machines call this one, in lower case.
    """
    name = _name_of(access.host)
    own = _is_loopback if access.is_local else _known_as(hosts, name)
    if name is None or not (own(name) or (not access.is_local and _is_address(name))):
        return Denial(403, "the Host of the request is not this machine; see api.hosts")
    if access.origin is not None and not _is_own_origin(access.origin, own):
        return Denial(403, "the page that sent this request is not from this machine")
    if access.method == "OPTIONS" and access.origin is not None and access.asks_method is not None:
        return "preflight"
    # Others are told nothing without the token; the name of a file is as good as one.
    is_free = access.path in OPEN_PATHS or is_page(access.path)
    is_open = (access.is_local and is_free) or access.path.startswith(FILES)
    if is_open or _has_token(access.authorization, token):
        return None
    return Denial(401, UNSIGNED)


def is_page(path: str) -> bool:
    """Whether the path is the page's."""
    return path in ("/", PAGE) or path.startswith(f"{PAGE}/")


def cross_origin_headers(origin: str | None) -> dict[str, str]:
    """The headers that let a page of an allowed ``origin`` read an answer."""
    if origin is None:
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "*",
        "vary": "Origin",
    }


def preflight_headers(origin: str, asked: str | None) -> dict[str, str]:
    """The answer to a preflight: which requests a page of ``origin`` may send.

    :param asked: ``Access-Control-Request-Headers`` as it came.
    """
    return {
        **cross_origin_headers(origin),
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": asked or "authorization, content-type",
        "access-control-max-age": "600",
    }


def _name_of(host: str | None) -> str | None:
    """The name or address in a ``Host``, in lower case; None for one that is none."""
    if not host or any(letter in host for letter in "/\\@?# \t"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # a port that is no number
    except ValueError:
        return None
    return parts.hostname or None


def _is_loopback(name: str) -> bool:
    return is_loopback_host(name)


def _known_as(hosts: Collection[str], name: str | None) -> Callable[[str], bool]:
    """What other machines may call this one, or a page's origin: the given names, and the
    ``name`` that the very request is sent to."""
    return lambda given: given.rstrip(".") in hosts or (given == name and _is_address(given))


def _is_address(name: str) -> bool:
    """An address needs no list: a name that a web site points here is what has to be kept out."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_own_origin(origin: str, own: Callable[[str], bool]) -> bool:
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return plain and parts.scheme in ("http", "https") and own(parts.hostname or "")


def _has_token(authorization: str | None, token: str) -> bool:
    scheme, _, given = (authorization or "").partition(" ")
    # Bytes: a comparison of texts refuses what is not ASCII with an error.
    same = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
    return scheme.lower() == "bearer" and bool(token) and same

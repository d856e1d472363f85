"""Addresses of a studio (protocol §1)."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

from studio_worker_core.errors import ConfigError, WireError

API_PREFIX = "/graphics/api"


@lru_cache(maxsize=64)
def normalise_base_url(value: str) -> str:
    """The studio's root without query, fragment, trailing slashes and API prefix.

    An outer mount stays: ``https://host/custom/graphics/api`` gives ``https://host/custom``.

    Raises:
        ConfigError: ``value`` is no absolute http(s) URL, or carries a user name.
    """
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable(value) from None
    unclean = any(ord(c) <= 32 or ord(c) == 127 or c == "\\" for c in value.strip())
    if parts.scheme not in ("http", "https") or not host or unclean or port == 0:
        raise _unusable(value)
    if "@" in parts.netloc:
        # The value itself is not repeated: it holds somebody's password.
        raise ConfigError(
            "api_base_url must not carry a user name or password; "
            "a worker is let in by registration alone",
            key="api_base_url",
        )
    path = parts.path.rstrip("/")
    if path.endswith(API_PREFIX):
        path = path.removesuffix(API_PREFIX).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, "", ""))


def api_url(base: str, path: str) -> str:
    """Address of an endpoint under a normalised base; ``path`` as in protocol §1."""
    return f"{base}{API_PREFIX}/{path.lstrip('/')}"


def path_of(*segments: str) -> str:
    """A path of which every segment is one component, escaped: ids are opaque text.

    Raises:
        WireError: an id of dots alone, which no URL can carry.
    """
    return "/" + "/".join(_escaped(segment) for segment in segments)


def connect_url(base: str, worker_id: str) -> str:
    """Address of a worker's WebSocket: the same base with ``ws``/``wss``."""
    url = api_url(normalise_base_url(base), path_of("workers", worker_id, "connect"))
    scheme, rest = url.split(":", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}:{rest}"


def _escaped(segment: str) -> str:
    if segment in ("", ".", ".."):
        raise WireError("an id from the studio", f"{segment!r} cannot be part of an address")
    return quote(segment, safe="")


def _unusable(value: str) -> ConfigError:
    return ConfigError(
        f"api_base_url {value!r} is not an absolute http or https URL; "
        "set it with 'studio-worker config set api_base_url https://studio.example/'",
        key="api_base_url",
    )
